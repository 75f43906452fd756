//! PPO and REINFORCE on one rollout.

use super::{
    NetworkPolicy,
    losses::{ActorLoss, CriticLoss, Experience},
};
use crate::{
    component::{Policy, PolicyUpdate, Result, UpdateRule, UpdateStats},
    domain::Rollout,
    nn::{
        learner::{Step, Trained},
        network::Tracked,
    },
};

impl NetworkPolicy {
    /// All update epochs on one rollout; the statistics are means over them.
    pub(super) fn improve(&mut self, rollout: &Rollout, update: &PolicyUpdate) -> Result<UpdateStats> {
        self.accepts(rollout.images.channels, rollout.images.shape)?;
        let experience = Experience::new(rollout, &self.settings, &self.device.clone().autodiff())?;
        let epochs = match update.rule {
            UpdateRule::Ppo => update.update_epochs,
            UpdateRule::Reinforce => update.update_epochs.min(1),
        };
        let mut sum = UpdateStats::default();
        for _ in 0..epochs {
            let stats = self.improve_once(&experience, update)?;
            for (sum, value) in fields(&mut sum).into_iter().zip(fields(&mut stats.clone())) {
                *sum += *value / epochs as f64;
            }
        }
        Ok(sum)
    }

    /// One step of each network. The critic goes first, so that its activations are gone before the
    /// actor's are made; the advantage is that of the critic before its step.
    fn improve_once(&mut self, experience: &Experience<'_>, update: &PolicyUpdate) -> Result<UpdateStats> {
        let Tracked { logits, pass } = self.critic.forward_train(experience.images.clone())?;
        let CriticLoss { followed: loss, loss: value_loss, values } = experience.critic(logits)?;
        let learning_rate = update.critic_learning_rate;
        self.critic.step(Step { loss, pass, learning_rate, max_grad_norm: None, trained: Trained::All })?;
        let Tracked { logits, pass } = self.actor.forward_train(experience.images.clone())?;
        let ActorLoss { followed: loss, stats } = experience.actor(logits, values, update)?;
        let learning_rate = update.actor_learning_rate;
        let max_grad_norm = Some(update.max_grad_norm);
        let grad_norm = self.actor.step(Step { loss, pass, learning_rate, max_grad_norm, trained: Trained::All })?;
        Ok(UpdateStats { value_loss, grad_norm, ..stats })
    }
}

fn fields(stats: &mut UpdateStats) -> [&mut f64; 7] {
    let UpdateStats { policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm } =
        stats;
    [policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm]
}

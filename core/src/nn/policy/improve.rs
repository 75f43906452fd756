//! PPO and REINFORCE on one rollout.

use super::{
    UnetPolicy,
    losses::{Experience, Forward, Losses},
};
use crate::{
    component::{PolicyUpdate, Result, UpdateRule, UpdateStats},
    domain::Rollout,
    nn::learner::Step,
};

impl UnetPolicy {
    /// All update epochs on one rollout; the statistics are means over them.
    pub(super) fn improve(&mut self, rollout: &Rollout, update: &PolicyUpdate) -> Result<UpdateStats> {
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

    fn improve_once(&mut self, experience: &Experience<'_>, update: &PolicyUpdate) -> Result<UpdateStats> {
        let (logits, actor_moments) = self.actor.forward_train(experience.images.clone());
        let (value_logits, critic_moments) = self.critic.forward_train(experience.images.clone());
        let Losses { actor, critic, mut stats } = experience.losses(Forward { logits, value_logits }, update)?;
        stats.grad_norm = self.actor.step(Step {
            loss: actor,
            moments: actor_moments,
            learning_rate: update.actor_learning_rate,
            max_grad_norm: Some(update.max_grad_norm),
        })?;
        self.critic.step(Step {
            loss: critic,
            moments: critic_moments,
            learning_rate: update.critic_learning_rate,
            max_grad_norm: None,
        })?;
        Ok(stats)
    }
}

fn fields(stats: &mut UpdateStats) -> [&mut f64; 7] {
    let UpdateStats { policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm } =
        stats;
    [policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm]
}

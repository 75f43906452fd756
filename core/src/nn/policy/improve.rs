//! PPO and REINFORCE on one rollout.

use burn::tensor::{Bool, Int, Tensor};

use super::UnetPolicy;
use crate::{
    component::{PolicyUpdate, Result, UpdateRule, UpdateStats},
    domain::Rollout,
    nn::{
        batch::{BatchShape, finite_scalar, flags_tensor, images_tensor, labels_tensor, map_tensor},
        learner::Step,
    },
    rl::{
        advantage::{AdvantageTerms, advantages},
        distribution::Categorical,
        mean,
        ppo::{Surrogate, clipped_surrogate, value_loss, values},
        reinforce,
    },
};

/// A rollout on the device, without gradients.
struct Experience {
    shape: BatchShape,
    images: Tensor<4>,
    labels: Tensor<2, Int>,
    log_probs: Tensor<2>,
    reference_log_probs: Option<Tensor<2>>,
    rewards: Tensor<2>,
    pseudo_reference: Tensor<2, Bool>,
}

impl UnetPolicy {
    /// All update epochs on one rollout; the statistics are means over them.
    pub(super) fn improve(&mut self, rollout: &Rollout, update: &PolicyUpdate) -> Result<UpdateStats> {
        let experience = self.experience(rollout)?;
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

    fn experience(&self, rollout: &Rollout) -> Result<Experience> {
        let device = self.device.clone().autodiff();
        let shape = BatchShape::of(&rollout.images);
        let actions = &rollout.actions;
        let reference = actions.reference_log_probs.as_ref();
        Ok(Experience {
            shape,
            images: images_tensor(&rollout.images, self.settings.input_channels, &device)?,
            labels: labels_tensor(&actions.labels, shape, self.settings.classes, &device)?,
            log_probs: map_tensor("a rollout's log-probability", &actions.log_probs, shape, &device)?,
            reference_log_probs: reference
                .map(|map| map_tensor("a rollout's reference log-probability", map, shape, &device))
                .transpose()?,
            rewards: map_tensor("a reward", &rollout.rewards, shape, &device)?,
            pseudo_reference: flags_tensor(&rollout.is_pseudo_reference, shape, &device)?,
        })
    }

    fn improve_once(&mut self, experience: &Experience, update: &PolicyUpdate) -> Result<UpdateStats> {
        let (logits, actor_moments) = self.actor.forward_train(experience.images.clone());
        let (value_logits, critic_moments) = self.critic.forward_train(experience.images.clone());
        let policy = Categorical::from_logits(experience.shape.unfold(logits));
        let log_probs = policy.log_prob(experience.labels.clone());
        let entropy = mean(policy.entropy());
        let values = values(experience.shape.unfold(value_logits).squeeze_dim(1));
        let critic_loss = value_loss(values.clone(), experience.rewards.clone());

        let terms = AdvantageTerms {
            rewards: experience.rewards.clone(),
            values: values.detach(),
            log_probs: log_probs.clone().detach(),
            reference_log_probs: experience.reference_log_probs.clone(),
            pseudo_reference: experience.pseudo_reference.clone(),
        };
        let advantages = advantages(terms, update.divergence_coef);
        let surrogate =
            clipped_surrogate(log_probs.clone(), experience.log_probs.clone(), advantages.clone(), update.clip_range);
        let objective = match update.rule {
            UpdateRule::Ppo => surrogate.loss.clone(),
            UpdateRule::Reinforce => reinforce::policy_loss(log_probs.clone(), advantages),
        };
        let actor_loss = objective - entropy.clone().mul_scalar(update.entropy_coef);
        let mut stats = self.stats(experience, log_probs, &surrogate, update.rule)?;
        stats.entropy = finite_scalar("the entropy", &entropy)?;
        stats.policy_loss = finite_scalar("the policy's loss", &actor_loss)?;
        stats.value_loss = finite_scalar("the critic's loss", &critic_loss)?;

        stats.grad_norm = self.actor.step(Step {
            loss: actor_loss,
            moments: actor_moments,
            learning_rate: update.actor_learning_rate,
            max_grad_norm: Some(update.max_grad_norm),
        })?;
        self.critic.step(Step {
            loss: critic_loss,
            moments: critic_moments,
            learning_rate: update.critic_learning_rate,
            max_grad_norm: None,
        })?;
        Ok(stats)
    }

    /// How far the policy stands from that of the rollout and from the reference policy.
    fn stats(
        &self,
        experience: &Experience,
        log_probs: Tensor<2>,
        surrogate: &Surrogate,
        rule: UpdateRule,
    ) -> Result<UpdateStats> {
        let divergence = match &experience.reference_log_probs {
            None => 0.0,
            Some(reference) => finite_scalar("the divergence", &mean(log_probs.detach() - reference.clone()))?,
        };
        Ok(UpdateStats {
            approx_kl: finite_scalar("the divergence from the rollout", &surrogate.approx_kl)?,
            clip_fraction: match rule {
                UpdateRule::Ppo => finite_scalar("the share of clipped voxels", &surrogate.clip_fraction)?,
                UpdateRule::Reinforce => 0.0,
            },
            reference_divergence: divergence,
            ..UpdateStats::default()
        })
    }
}

fn fields(stats: &mut UpdateStats) -> [&mut f64; 7] {
    let UpdateStats { policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm } =
        stats;
    [policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence, grad_norm]
}

//! What an update differentiates: by our own pass over memory on the CPU, by burn's operations elsewhere.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::{
    component::{PolicyUpdate, Result, UpdateRule, UpdateStats},
    domain::Rollout,
    nn::{
        NetworkSettings,
        batch::{BatchShape, finite_scalar, flags_tensor, images_tensor, labels_tensor, map_tensor, require_finite},
        cpu::{contiguous_values, numbers},
        loss::following,
    },
    rl::{
        advantage::{AdvantageTerms, advantages},
        distribution::Categorical,
        mean,
        one_pass::{self, PolicyTerms},
        ppo::{Surrogate, clipped_surrogate, value_loss, values},
        reinforce,
        sloped::Sloped,
    },
};

const POLICY_LOSS: &str = "the policy's loss";
const VALUE_LOSS: &str = "the critic's loss";
const ENTROPY: &str = "the entropy";

/// A rollout, checked, with its images on the device.
pub(super) struct Experience<'a> {
    pub images: Tensor<4>,
    shape: BatchShape,
    classes: usize,
    rollout: &'a Rollout,
    maps: Maps,
}

/// The rollout's maps where the losses are worked out on the device.
struct Maps {
    labels: Tensor<2, Int>,
    log_probs: Tensor<2>,
    reference_log_probs: Option<Tensor<2>>,
    rewards: Tensor<2>,
    pseudo_reference: Tensor<2, Bool>,
}

/// The critic's loss on a rollout.
pub(super) struct CriticLoss {
    /// What is differentiated.
    pub followed: Tensor<1>,
    pub loss: f64,
    /// V, without gradients.
    pub values: Values,
}

/// `[batch, voxel]`, where the losses are worked out.
pub(super) enum Values {
    OnHost(Vec<f32>),
    OnDevice(Box<Tensor<2>>),
}

/// The actor's loss on a rollout, and what is told of it.
pub(super) struct ActorLoss {
    /// What is differentiated.
    pub followed: Tensor<1>,
    /// All but the value loss and the gradient's norm.
    pub stats: UpdateStats,
}

impl<'a> Experience<'a> {
    /// # Errors
    /// If the rollout's parts do not fit together or a number is not finite.
    pub fn new(rollout: &'a Rollout, settings: &NetworkSettings, device: &Device) -> Result<Self> {
        let shape = BatchShape::of(&rollout.images);
        let actions = &rollout.actions;
        let reference = actions.reference_log_probs.as_ref();
        let maps = Maps {
            labels: labels_tensor(&actions.labels, shape, settings.classes, device)?,
            log_probs: map_tensor("a rollout's log-probability", &actions.log_probs, shape, device)?,
            reference_log_probs: reference
                .map(|map| map_tensor("a rollout's reference log-probability", map, shape, device))
                .transpose()?,
            rewards: map_tensor("a reward", &rollout.rewards, shape, device)?,
            pseudo_reference: flags_tensor(&rollout.is_pseudo_reference, shape, device)?,
        };
        let images = images_tensor(&rollout.images, device)?;
        Ok(Self { images, shape, classes: settings.classes, rollout, maps })
    }

    /// The loss of the critic's `[batch · slow, 1, y, x]` logits.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn critic(&self, logits: Tensor<4>) -> Result<CriticLoss> {
        match contiguous_values(logits.clone()) {
            Some(values) => self.critic_in_one_pass(logits, numbers(&values)),
            None => self.critic_by_operations(logits),
        }
    }

    /// The loss of the actor's `[batch · slow, class, y, x]` logits, with the critic's V as it was
    /// before its own update.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn actor(&self, logits: Tensor<4>, values: Values, update: &PolicyUpdate) -> Result<ActorLoss> {
        let of_actor = contiguous_values(logits.clone());
        match (of_actor, values) {
            (Some(of_actor), Values::OnHost(values)) => {
                self.actor_in_one_pass(logits, [numbers(&of_actor), &values], update)
            }
            (_, Values::OnHost(values)) => {
                let values = Tensor::from_data(TensorData::new(values, self.maps.rewards.dims()), &logits.device());
                self.actor_by_operations(logits, values, update)
            }
            (_, Values::OnDevice(values)) => self.actor_by_operations(logits, *values, update),
        }
    }

    fn critic_in_one_pass(&self, logits: Tensor<4>, of_critic: &[f32]) -> Result<CriticLoss> {
        let Sloped { loss, slope } = one_pass::value_loss(of_critic, &self.rollout.rewards, self.shape.plane());
        require_finite(VALUE_LOSS, &[loss as f32])?;
        let values = Values::OnHost(one_pass::values(of_critic));
        Ok(CriticLoss { followed: following(logits, slope), loss, values })
    }

    fn critic_by_operations(&self, logits: Tensor<4>) -> Result<CriticLoss> {
        let values = values(self.shape.unfold(logits).squeeze_dim(1));
        let followed = value_loss(values.clone(), self.maps.rewards.clone());
        let loss = finite_scalar(VALUE_LOSS, &followed)?;
        Ok(CriticLoss { followed, loss, values: Values::OnDevice(Box::new(values.detach())) })
    }

    fn actor_in_one_pass(
        &self,
        logits: Tensor<4>,
        [of_actor, values]: [&[f32]; 2],
        update: &PolicyUpdate,
    ) -> Result<ActorLoss> {
        let actions = &self.rollout.actions;
        let terms = PolicyTerms {
            rule: update.rule,
            clip_range: update.clip_range,
            entropy_coef: update.entropy_coef,
            divergence_coef: update.divergence_coef,
            classes: self.classes,
            voxels: self.shape.plane(),
            slow: self.shape.shape[0],
            labels: &actions.labels.labels,
            log_probs: &actions.log_probs,
            reference_log_probs: actions.reference_log_probs.as_deref(),
            rewards: &self.rollout.rewards,
            values,
            is_pseudo_reference: &self.rollout.is_pseudo_reference,
        };
        let (actor, stats) = terms.loss(of_actor);
        for (what, value) in [
            (POLICY_LOSS, actor.loss),
            (ENTROPY, stats.entropy),
            ("the divergence from the rollout", stats.approx_kl),
            ("the divergence", stats.reference_divergence),
        ] {
            require_finite(what, &[value as f32])?;
        }
        Ok(ActorLoss { followed: following(logits, actor.slope), stats })
    }

    fn actor_by_operations(&self, logits: Tensor<4>, values: Tensor<2>, update: &PolicyUpdate) -> Result<ActorLoss> {
        let maps = &self.maps;
        let policy = Categorical::from_logits(self.shape.unfold(logits));
        let log_probs = policy.log_prob(maps.labels.clone());
        let entropy = mean(policy.entropy());
        let terms = AdvantageTerms {
            rewards: maps.rewards.clone(),
            values,
            log_probs: log_probs.clone().detach(),
            reference_log_probs: maps.reference_log_probs.clone(),
            pseudo_reference: maps.pseudo_reference.clone(),
        };
        let advantages = advantages(terms, update.divergence_coef);
        let surrogate =
            clipped_surrogate(log_probs.clone(), maps.log_probs.clone(), advantages.clone(), update.clip_range);
        let objective = match update.rule {
            UpdateRule::Ppo => surrogate.loss.clone(),
            UpdateRule::Reinforce => reinforce::policy_loss(log_probs.clone(), advantages),
        };
        let followed = objective - entropy.clone().mul_scalar(update.entropy_coef);
        let mut stats = self.movement(log_probs, &surrogate, update.rule)?;
        stats.entropy = finite_scalar(ENTROPY, &entropy)?;
        stats.policy_loss = finite_scalar(POLICY_LOSS, &followed)?;
        Ok(ActorLoss { followed, stats })
    }

    /// How far the policy stands from that of the rollout and from the reference policy.
    fn movement(&self, log_probs: Tensor<2>, surrogate: &Surrogate, rule: UpdateRule) -> Result<UpdateStats> {
        let divergence = match &self.maps.reference_log_probs {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actions, ImageBatch, LabelBatch};

    const SHAPE: [usize; 3] = [2, 32, 33];
    const VOXELS: usize = 2 * 32 * 33;

    fn wave(len: usize, scale: f32, step: f32) -> Vec<f32> {
        (0..len).map(|i| scale * (i as f32 * step).sin()).collect()
    }

    /// Two images of two planes, the second with a pseudo-reference; some logits are so far apart that
    /// probabilities are clamped, some ratios beyond the clip range on either side.
    fn rollout() -> Rollout {
        let log_probs = |step| wave(2 * VOXELS, 1.5, step).iter().map(|x| x - 1.6).collect();
        Rollout {
            images: ImageBatch { batch: 2, channels: 1, shape: SHAPE, values: vec![0.5; 2 * VOXELS] },
            actions: Actions {
                labels: LabelBatch {
                    batch: 2,
                    shape: SHAPE,
                    labels: (0..2 * VOXELS).map(|i| (i * 5 % 3) as u8).collect(),
                },
                log_probs: log_probs(0.31),
                reference_log_probs: Some(log_probs(0.17)),
            },
            rewards: wave(2 * VOXELS, 0.5, 0.23).iter().map(|x| x + 0.5).collect(),
            is_pseudo_reference: vec![false, true],
        }
    }

    fn leaf(channels: usize, scale: f32) -> Tensor<4> {
        let values = wave(2 * VOXELS * channels, scale, 0.77);
        let shape = [4, channels, SHAPE[1], SHAPE[2]];
        Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
    }

    #[test]
    fn one_pass_gives_what_the_operations_give() {
        let rollout = rollout();
        let settings = NetworkSettings::new(2, 1, 3);
        let experience = Experience::new(&rollout, &settings, &Device::flex().autodiff()).unwrap();
        for rule in [UpdateRule::Ppo, UpdateRule::Reinforce] {
            let update = PolicyUpdate {
                rule,
                update_epochs: 1,
                clip_range: 0.2,
                entropy_coef: 0.3,
                divergence_coef: 0.1,
                actor_learning_rate: 1e-3,
                critic_learning_rate: 1e-3,
                max_grad_norm: 1.0,
            };
            let (logits, value_logits) = (leaf(3, 12.0), leaf(1, 2.0));
            let of_critic = contiguous_values(value_logits.clone()).unwrap();
            let of_actor = contiguous_values(logits.clone()).unwrap();
            let critic = experience.critic_in_one_pass(value_logits.clone(), numbers(&of_critic)).unwrap();
            let expected_critic = experience.critic_by_operations(value_logits.clone()).unwrap();
            let (Values::OnHost(values), Values::OnDevice(expected_values)) = (&critic.values, expected_critic.values)
            else {
                panic!("values are where the loss was worked out")
            };
            let found = experience.actor_in_one_pass(logits.clone(), [numbers(&of_actor), values], &update).unwrap();
            let expected = experience.actor_by_operations(logits.clone(), *expected_values, &update).unwrap();
            assert!(expected.stats.clip_fraction > 0.1 || rule == UpdateRule::Reinforce);
            let numbers = |stats: UpdateStats, value_loss: f64| {
                let UpdateStats { policy_loss, entropy, approx_kl, clip_fraction, reference_divergence, .. } = stats;
                [policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence]
            };
            let pairs = numbers(found.stats, critic.loss).into_iter();
            for (found, expected) in pairs.zip(numbers(expected.stats, expected_critic.loss)) {
                assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{rule:?}: {found}, {expected}");
            }
            for (leaf, found, expected) in [
                (&logits, found.followed, expected.followed),
                (&value_logits, critic.followed, expected_critic.followed),
            ] {
                let gradient = |loss: Tensor<1>| leaf.grad(&loss.backward()).unwrap().into_data();
                let (found, expected) = (gradient(found), gradient(expected));
                let scale = expected.iter::<f32>().fold(0.0, |scale: f32, x| scale.max(x.abs()));
                for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
                    assert!((found - expected).abs() <= 1e-4 * scale, "{rule:?}: {found}, {expected} of {scale}");
                }
            }
        }
    }
}

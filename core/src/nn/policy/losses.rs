//! What an update differentiates: by our own pass over memory on the CPU, by burn's operations elsewhere.

use burn::tensor::{Bool, Device, Int, Tensor};

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
    },
};

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

/// Both networks' answers, `[batch · slow, channel, y, x]`, with gradients.
pub(super) struct Forward {
    pub logits: Tensor<4>,
    pub value_logits: Tensor<4>,
}

/// What is differentiated, and what is told of it.
pub(super) struct Losses {
    pub actor: Tensor<1>,
    pub critic: Tensor<1>,
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
        let images = images_tensor(&rollout.images, settings.input_channels, device)?;
        Ok(Self { images, shape, classes: settings.classes, rollout, maps })
    }

    /// # Errors
    /// If a loss is not finite.
    pub fn losses(&self, forward: Forward, update: &PolicyUpdate) -> Result<Losses> {
        match [&forward.logits, &forward.value_logits].map(|tensor| contiguous_values(tensor.clone())) {
            [Some(logits), Some(values)] => self.in_one_pass(forward, [numbers(&logits), numbers(&values)], update),
            _ => self.by_operations(forward, update),
        }
    }

    fn in_one_pass(
        &self,
        forward: Forward,
        [logits, value_logits]: [&[f32]; 2],
        update: &PolicyUpdate,
    ) -> Result<Losses> {
        let [slow, height, width] = self.shape.shape;
        let voxels = height * width;
        let actions = &self.rollout.actions;
        let terms = PolicyTerms {
            rule: update.rule,
            clip_range: update.clip_range,
            entropy_coef: update.entropy_coef,
            divergence_coef: update.divergence_coef,
            classes: self.classes,
            voxels,
            slow,
            labels: &actions.labels.labels,
            log_probs: &actions.log_probs,
            reference_log_probs: actions.reference_log_probs.as_deref(),
            rewards: &self.rollout.rewards,
            values: &one_pass::values(value_logits),
            is_pseudo_reference: &self.rollout.is_pseudo_reference,
        };
        let (actor, mut stats) = terms.loss(logits);
        let critic = one_pass::value_loss(value_logits, &self.rollout.rewards, voxels);
        stats.value_loss = critic.loss;
        for (what, value) in [
            ("the policy's loss", actor.loss),
            ("the critic's loss", critic.loss),
            ("the entropy", stats.entropy),
            ("the divergence from the rollout", stats.approx_kl),
            ("the divergence", stats.reference_divergence),
        ] {
            require_finite(what, &[value as f32])?;
        }
        Ok(Losses {
            actor: following(forward.logits, actor.slope),
            critic: following(forward.value_logits, critic.slope),
            stats,
        })
    }

    fn by_operations(&self, forward: Forward, update: &PolicyUpdate) -> Result<Losses> {
        let maps = &self.maps;
        let policy = Categorical::from_logits(self.shape.unfold(forward.logits));
        let log_probs = policy.log_prob(maps.labels.clone());
        let entropy = mean(policy.entropy());
        let values = values(self.shape.unfold(forward.value_logits).squeeze_dim(1));
        let critic = value_loss(values.clone(), maps.rewards.clone());
        let terms = AdvantageTerms {
            rewards: maps.rewards.clone(),
            values: values.detach(),
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
        let actor = objective - entropy.clone().mul_scalar(update.entropy_coef);
        let mut stats = self.movement(log_probs, &surrogate, update.rule)?;
        stats.entropy = finite_scalar("the entropy", &entropy)?;
        stats.policy_loss = finite_scalar("the policy's loss", &actor)?;
        stats.value_loss = finite_scalar("the critic's loss", &critic)?;
        Ok(Losses { actor, critic, stats })
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
    use burn::tensor::TensorData;

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
        let settings = NetworkSettings { width: 2, input_channels: 1, classes: 3 };
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
            let forward = || Forward { logits: logits.clone(), value_logits: value_logits.clone() };
            let values = [&logits, &value_logits].map(|tensor| contiguous_values(tensor.clone()).unwrap());
            let found = experience.in_one_pass(forward(), [numbers(&values[0]), numbers(&values[1])], &update).unwrap();
            let expected = experience.by_operations(forward(), &update).unwrap();
            assert!(expected.stats.clip_fraction > 0.1 || rule == UpdateRule::Reinforce);
            let numbers = |stats: UpdateStats| {
                let UpdateStats {
                    policy_loss,
                    value_loss,
                    entropy,
                    approx_kl,
                    clip_fraction,
                    reference_divergence,
                    ..
                } = stats;
                [policy_loss, value_loss, entropy, approx_kl, clip_fraction, reference_divergence]
            };
            for (found, expected) in numbers(found.stats).into_iter().zip(numbers(expected.stats)) {
                assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{rule:?}: {found}, {expected}");
            }
            for (leaf, found, expected) in
                [(&logits, found.actor, expected.actor), (&value_logits, found.critic, expected.critic)]
            {
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

//! Proximal policy optimisation (Schulman et al. 2017) for segmentation as in RL4Seg (Judge et
//! al. 2024), and the details that papers leave to the code:
//!
//! 1. Actions are voxels, not images: ratio, clipping, advantage and value are taken voxel by
//!    voxel, losses are means over images and voxels (RL4Seg).
//! 2. Clipped surrogate (eq. 7), ε = 0.2 by default.
//! 3. Entropy bonus in the policy's loss (eq. 9); critic and policy have networks, losses and
//!    optimisers of their own, so eq. 9's value coefficient does not exist.
//! 4. The reward carries the penalty `divergence_coef` · (log π − log π_ref), log π of the
//!    current update (as published).
//! 5. Advantages are neither normalised nor estimated over time, values are not clipped (as
//!    published). The critic learns the reward r, without the penalty (as published).
//! 6. Log-probabilities come from probabilities clamped to [2⁻²³, 1 − 2⁻²³] (torch's
//!    `Categorical`).
//! 7. Actor and critic normalise by batch statistics in rollout and update alike, so that the
//!    first update's ratio is 1 (as published). The rollout leaves running statistics alone;
//!    published: it moves them a step.
//! 8. Adam with β 0.9 and 0.999, ε 10⁻⁸ (torch's defaults); the gradient's norm over all of the
//!    actor's weights is clipped at `max_grad_norm`.
//!
//! Where the published code errs we do not follow it:
//!
//! * Advantages are constants. Published: the policy's loss reaches the critic through V, and
//!   clipping the norm over both networks then scales the actor's step by the critic's gradient.
//! * The reference policy and the reward model are in inference mode. Published: both normalise
//!   by the batch, and their running statistics drift.
//! * A pseudo-reference replaces the drawn labels before rewards and log-probabilities are taken.
//!   Published: its reward is that of the labels that were not taken.
//! * Without a reference policy there is no penalty. Published: random weights are the reference.
//! * Reference log-probabilities are computed once a rollout: they cannot change within one.

use burn::tensor::{Tensor, activation::sigmoid};

use super::mean;

/// One update's policy loss and how far the policy has moved.
#[derive(Debug, Clone)]
pub struct Surrogate {
    /// −mean(min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)).
    pub loss: Tensor<1>,
    /// Mean of (ρ − 1) − log ρ (Schulman's k3 estimator of the divergence).
    pub approx_kl: Tensor<1>,
    /// Share of voxels with |ρ − 1| > ε.
    pub clip_fraction: Tensor<1>,
}

/// Clipped surrogate (Schulman et al. 2017, eq. 7) of `[batch, voxel]` log-probabilities, those of
/// the rollout, and advantages; ρ = exp(`log_probs` − `old_log_probs`).
#[must_use]
pub fn clipped_surrogate(
    log_probs: Tensor<2>,
    old_log_probs: Tensor<2>,
    advantages: Tensor<2>,
    clip_range: f64,
) -> Surrogate {
    let log_ratio = log_probs - old_log_probs;
    let ratio = log_ratio.clone().exp();
    let clipped = ratio.clone().clamp(1.0 - clip_range, 1.0 + clip_range);
    let objective = (advantages.clone() * ratio.clone()).min_pair(advantages * clipped);
    let change = ratio.detach() - 1.0;
    Surrogate {
        loss: mean(objective).neg(),
        approx_kl: mean(change.clone() - log_ratio.detach()),
        clip_fraction: mean(change.abs().greater_scalar(clip_range).float()),
    }
}

/// What a critic's `[batch, voxel]` logits say of the reward, in [0, 1].
#[must_use]
pub fn values(logits: Tensor<2>) -> Tensor<2> {
    sigmoid(logits)
}

/// Mean squared error of `[batch, voxel]` values against rewards.
#[must_use]
pub fn value_loss(values: Tensor<2>, rewards: Tensor<2>) -> Tensor<1> {
    let error = values - rewards;
    mean(error.clone() * error)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Loss and gradient with respect to the log-probability, for one voxel.
    fn surrogate(ratio: f32, advantage: f32) -> (f32, f32, f32) {
        let device = Device::flex().autodiff();
        let one = |value: f32| Tensor::<2>::from_data([[value]], &device);
        let log_prob = one(ratio.ln()).require_grad();
        let surrogate = clipped_surrogate(log_prob.clone(), one(0.0), one(advantage), 0.2);
        let clipped = surrogate.clip_fraction.into_scalar::<f32>();
        let loss = surrogate.loss.clone().into_scalar::<f32>();
        let gradients = surrogate.loss.backward();
        let gradient = log_prob.grad(&gradients).map_or(0.0, |gradient| gradient.into_scalar::<f32>());
        (loss, gradient, clipped)
    }

    #[test]
    fn inside_the_range_the_gradient_is_that_of_the_policy_gradient() {
        assert_eq!(surrogate(1.0, 2.0), (-2.0, -2.0, 0.0));
        assert_eq!(surrogate(1.0, -2.0), (2.0, 2.0, 0.0));
    }

    #[test]
    fn outside_the_range_nothing_is_gained_by_going_on() {
        let (loss, gradient, clipped) = surrogate(1.5, 2.0);
        assert!((loss + 2.4).abs() < 1e-6 && gradient == 0.0 && clipped == 1.0, "{loss} {gradient}");
        let (loss, gradient, clipped) = surrogate(0.5, -2.0);
        assert!((loss - 1.6).abs() < 1e-6 && gradient == 0.0 && clipped == 1.0, "{loss} {gradient}");
    }

    #[test]
    fn outside_the_range_the_way_back_stays_open() {
        let (loss, gradient, _) = surrogate(1.5, -2.0);
        assert!((loss - 3.0).abs() < 1e-6 && (gradient - 3.0).abs() < 1e-6, "{loss} {gradient}");
    }
}

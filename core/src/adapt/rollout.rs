//! How a rollout is put together: labels are taken before their reward is asked for.

use super::{Calibration, Components};
use crate::{
    component::ComponentError,
    domain::{ImageBatch, LabelMap, Rollout, Seed},
};

/// Draws labels for `images`, puts pseudo-references in their place where there are some, and asks
/// the reward network about what was taken. A pseudo-reference is right by definition: reward 1.
pub(super) fn rollout(
    components: &mut Components,
    calibration: &Calibration,
    images: ImageBatch,
    replaced: &[Option<&LabelMap>],
    seed: Seed,
) -> Result<Rollout, ComponentError> {
    let actions = components.policy.act(&images, replaced, seed)?;
    let mut rewards = rewards(components, calibration, &images, &actions.labels)?;
    let is_pseudo_reference: Vec<bool> = replaced.iter().map(Option::is_some).collect();
    for (image, &is_pseudo) in rewards.chunks_exact_mut(images.voxels()).zip(&is_pseudo_reference) {
        if is_pseudo {
            image.fill(1.0);
        }
    }
    Ok(Rollout { images, actions, rewards, is_pseudo_reference })
}

/// The calibrated probability that each voxel's label is right, `[batch, voxel]`.
pub(super) fn rewards(
    components: &Components,
    calibration: &Calibration,
    images: &ImageBatch,
    labels: &crate::domain::LabelBatch,
) -> Result<Vec<f32>, ComponentError> {
    let logits = components.reward.logits(images, labels)?;
    Ok(logits.into_iter().map(|logit| calibration.probability(logit)).collect())
}

//! A policy and a reward network that segment images.

use std::path::Path;

use anyhow::{Context, ensure};
use rl4seg_core::{
    adapt::{self, Calibration, Validity},
    component::{Policy, RewardModel},
    config::RewardKind,
    domain::{CaseId, Grid, Image, ImageBatch, LabelMap, LabelSet, SlowAxis, Verdict, VoxelMap},
    nn::{NetworkPolicy, NetworkReward},
    preprocess::Preprocess,
};

use crate::{
    args::GlobalArgs,
    catalog,
    networks::{DeviceArg, Networks},
    session,
};

/// Planes that the network sees at once: a volume of many would take memory for all of them.
const PLANES_AT_ONCE: usize = 16;

/// All that segments an image.
pub struct Segmenter {
    policy: NetworkPolicy,
    reward: NetworkReward,
    calibration: Calibration,
    preprocess: Preprocess,
    validity: Validity,
    /// Whether each plane is segmented by itself, as the U-Net does; a network of a plugin may look at neighbours.
    plane_by_plane: bool,
    pub labels: LabelSet,
}

/// What an image comes to, on its own grid.
pub struct Segmented {
    pub labels: LabelMap,
    /// 1 minus the calibrated probability that a voxel's label is right.
    pub uncertainty: VoxelMap,
    pub verdict: Verdict,
}

impl Segmenter {
    /// That of a run's latest iteration.
    pub fn load(run: &Path, device: &DeviceArg, global: &GlobalArgs) -> anyhow::Result<Self> {
        let plan = session::plan_of_run(run)?;
        ensure!(
            plan.reward.model == RewardKind::Network,
            "{}: the rewards of this run were comparisons with experts' label maps (reward.model); nothing tells how \
             uncertain a prediction is. Adapt with reward.model = \"network\"",
            run.display()
        );
        let catalog = catalog::load(global)?;
        let labels = catalog::modality(&catalog, &plan.modality)?.labels.clone();
        // An image that is read from files has one channel.
        let Networks { mut policy, mut reward, .. } = Networks::new(&plan, &catalog, 1, labels.len(), device)?;
        let (_, weights) = adapt::latest_policy(run)?;
        policy.restore(&weights)?;
        let (weights, calibration) = adapt::latest_reward(run)?;
        reward.restore(&weights)?;
        let validity = Validity::load(&plan, &catalog)?;
        let plane_by_plane = plan.network.component.is_none();
        Ok(Self { policy, reward, calibration, preprocess: plan.preprocess.clone(), validity, plane_by_plane, labels })
    }

    /// Segments an image; `name` is what errors say.
    pub fn segment(&self, name: &str, image: &Image) -> anyhow::Result<Segmented> {
        let prepared = adapt::prepare_image(&CaseId(name.to_owned()), image, &self.preprocess)?;
        let grid = *prepared.image.grid();
        let at_once = if self.plane_by_plane { PLANES_AT_ONCE } else { grid.planes() };
        let (mut labels, mut right) = (Vec::with_capacity(grid.len()), Vec::with_capacity(grid.len()));
        for first in (0..grid.planes()).step_by(at_once) {
            let portion = planes(&prepared.image, first, at_once.min(grid.planes() - first))?;
            let images = ImageBatch::stack([&portion])?;
            let segmented = self.policy.segment(&images).with_context(|| name.to_owned())?;
            let logits = self.reward.logits(&images, &segmented)?;
            right.extend(logits.into_iter().map(|logit| self.calibration.probability(logit)));
            labels.extend_from_slice(segmented.unstack(&[*portion.grid()])?.remove(0).labels());
        }
        let labels = prepared.geometry.restore_labels(&LabelMap::new(grid, labels)?)?;
        let right = prepared.geometry.restore_map(&VoxelMap::new(grid, right)?, 0.0)?;
        let uncertainty = right.values().iter().map(|probability| 1.0 - probability).collect();
        let uncertainty = VoxelMap::new(*right.grid(), uncertainty)?;
        let verdict = Verdict::of(&self.validity.assess(&labels).with_context(|| name.to_owned())?);
        Ok(Segmented { labels, uncertainty, verdict })
    }
}

/// Some planes of an image.
fn planes(image: &Image, first: usize, count: usize) -> anyhow::Result<Image> {
    let grid = image.grid();
    if count == grid.planes() {
        return Ok(image.clone());
    }
    let [_, y, x] = grid.shape();
    let slow = if count == 1 { SlowAxis::Single } else { grid.slow() };
    let portion = Grid::new([count, y, x], grid.spacing_mm(), slow)?;
    let channels = image.values().chunks_exact(grid.len());
    let values = channels.flat_map(|channel| &channel[first * grid.plane_len()..][..count * grid.plane_len()]);
    Ok(Image::new(portion, image.channels(), values.copied().collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_take_their_planes_of_each_channel() {
        let grid = Grid::new([3, 1, 2], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
        let image = Image::new(grid, 2, (0..12_u8).map(f32::from).collect()).unwrap();
        assert_eq!(planes(&image, 1, 2).unwrap().values(), [2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(planes(&image, 2, 1).unwrap().grid().slow(), SlowAxis::Single);
    }
}

//! Images that are segmented after a run, in portions that fit into memory.

mod memory;
#[cfg(test)]
mod tests;
mod tiles;

use serde::{Deserialize, Serialize};
use tiles::Tiles;

use super::{Calibration, Validity, prepare_image};
use crate::{
    component::{Policy, Result, RewardModel},
    domain::{CaseId, Finding, Grid, Image, ImageBatch, LabelBatch, LabelMap, Verdict, VoxelMap, most_likely},
    preprocess::Preprocess,
};

/// Planes that the networks see at once at most: more make nothing faster.
const PLANES_AT_ONCE: usize = 16;

/// How much of an image the networks see at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portion {
    /// All of it: for networks that may look at neighbouring planes.
    Volume,
    /// Whole planes of up to `side` by `side` voxels, as many at once as hold `side`² voxels; larger planes in tiles of
    /// that size, which overlap by half and are blended with a Gaussian's weights (nnU-Net: Isensee et al. 2021).
    Tiles {
        /// Voxels along a tile's side.
        side: usize,
    },
}

impl Portion {
    /// The side of tiles where nobody asks for another.
    pub const SIDE: usize = 2048;
    /// Sides are multiples of it: the halves by which tiles are shifted are then multiples of 32, so that the U-Net halves
    /// the same pairs of voxels in all of them.
    pub const STEP: usize = 64;
    /// The least side that is chosen to keep a limit: of smaller tiles the network sees too little around a voxel.
    pub const LEAST: usize = 256;

    fn of(self, grid: &Grid) -> AtOnce {
        let (planes, [y, x]) = (grid.planes(), grid.plane_shape());
        match self {
            Self::Volume => AtOnce::Planes(planes),
            Self::Tiles { side } if y.max(x) > side => AtOnce::Tile(Tiles::new([y, x], side)),
            Self::Tiles { side } => AtOnce::Planes((side * side / (y * x)).clamp(1, PLANES_AT_ONCE.min(planes))),
        }
    }
}

/// What the networks see at once of an image.
enum AtOnce {
    /// As many planes.
    Planes(usize),
    /// A tile of a plane.
    Tile(Tiles),
}

/// A policy and a reward network that segment images.
pub struct Segmenter {
    /// What segments.
    pub policy: Box<dyn Policy>,
    /// What tells how likely each label is right.
    pub reward: Box<dyn RewardModel>,
    /// Of the reward network.
    pub calibration: Calibration,
    /// How images are made ready for the networks.
    pub preprocess: Preprocess,
    /// The metrics that judge label maps.
    pub validity: Validity,
    /// How many labels there are, background included.
    pub classes: usize,
}

/// What an image comes to, on its own grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmented {
    /// The most likely label of each voxel.
    pub labels: LabelMap,
    /// 1 minus the calibrated probability that a voxel's label is right; 1 where the networks did not look.
    pub uncertainty: VoxelMap,
    /// What the metrics say of the label map.
    pub verdict: Verdict,
    /// The measurements behind the verdict that are not valid.
    pub findings: Vec<Finding>,
}

/// Labels and reward logits of voxels in C order.
#[derive(Default)]
struct Seen {
    labels: Vec<u8>,
    logits: Vec<f32>,
}

impl Segmenter {
    /// Segments an image a portion at a time; `name` is what errors say, and `progress` hears how many portions of how
    /// many are done.
    ///
    /// # Errors
    /// If the image cannot be prepared, does not fit the networks, or their answer is not finite.
    pub fn segment(
        &self,
        (name, image): (&str, &Image),
        portion: Portion,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Segmented> {
        let prepared = prepare_image(&CaseId(name.to_owned()), image, &self.preprocess)?;
        let grid = *prepared.image.grid();
        let seen = self.look(&prepared.image, portion, progress).map_err(|error| error.context(name.to_owned()))?;
        drop(prepared.image);
        let geometry = prepared.geometry;
        let labels = geometry.restore_labels(&LabelMap::new(grid, seen.labels)?)?;
        let right = seen.logits.into_iter().map(|logit| self.calibration.probability(logit)).collect();
        let right = geometry.restore_map(&VoxelMap::new(grid, right)?, 0.0)?;
        let uncertainty = VoxelMap::new(*right.grid(), right.values().iter().map(|right| 1.0 - right).collect())?;
        let findings = self.validity.assess(&labels).map_err(|error| error.context(name.to_owned()))?;
        let verdict = Verdict::of(&findings);
        let findings = findings.into_iter().filter(|finding| finding.verdict() != Verdict::Valid).collect();
        Ok(Segmented { labels, uncertainty, verdict, findings })
    }

    /// What the networks make of a prepared image.
    fn look(&self, image: &Image, portion: Portion, progress: &mut dyn FnMut(usize, usize)) -> Result<Seen> {
        let planes = image.grid().planes();
        let mut seen = Seen::default();
        match portion.of(image.grid()) {
            AtOnce::Planes(count) => {
                for first in (0..planes).step_by(count) {
                    progress(first / count, planes.div_ceil(count));
                    seen.append(self.look_at_planes(&image.some_planes(first, count.min(planes - first))?)?);
                }
            }
            AtOnce::Tile(tiles) => {
                let mut count = Progress { done: 0, total: 2 * tiles.count() * planes, told: progress };
                for plane in 0..planes {
                    seen.append(self.look_in_tiles(&image.some_planes(plane, 1)?, &tiles, &mut count)?);
                }
            }
        }
        Ok(seen)
    }

    fn look_at_planes(&self, portion: &Image) -> Result<Seen> {
        let images = ImageBatch::stack([portion])?;
        let segmented = self.policy.segment(&images)?;
        let logits = self.reward.logits(&images, &segmented)?;
        Ok(Seen { labels: segmented.labels, logits })
    }

    /// The most likely label by the mean of all tiles' probabilities, then how right those labels are.
    fn look_in_tiles(&self, plane: &Image, tiles: &Tiles, count: &mut Progress<'_>) -> Result<Seen> {
        let [y, x] = tiles.shape();
        let shape = [1, y, x];
        let cut = |start| {
            let values = tiles.cut(plane.values(), start);
            ImageBatch { batch: 1, channels: plane.channels(), shape, values }
        };
        let probabilities = tiles.blend(self.classes, |start| {
            count.next();
            self.policy.probabilities(&cut(start))
        })?;
        let labels = most_likely(&probabilities, self.classes);
        drop(probabilities);
        let logits = tiles.blend(1, |start| {
            count.next();
            let labels = LabelBatch { batch: 1, shape, labels: tiles.cut(&labels, start) };
            self.reward.logits(&cut(start), &labels)
        })?;
        Ok(Seen { labels, logits })
    }
}

impl Seen {
    fn append(&mut self, more: Self) {
        self.labels.extend(more.labels);
        self.logits.extend(more.logits);
    }
}

/// How many of all tiles were looked at.
struct Progress<'a> {
    done: usize,
    total: usize,
    told: &'a mut dyn FnMut(usize, usize),
}

impl Progress<'_> {
    fn next(&mut self) {
        (self.told)(self.done, self.total);
        self.done += 1;
    }
}

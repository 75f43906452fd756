//! What segmenting an image takes, told before it is begun.

use super::{AtOnce, Portion, Segmenter};
use crate::{
    adapt::PROGRAM,
    component::{ComponentError, ErrorKind, Result},
    domain::Grid,
};

/// Bytes of a number.
const NUMBER: u64 = size_of::<f32>() as u64;
/// Bytes that a voxel of the file's own grid may take while its file is read or written: packed, as it is stored, and as a
/// number.
const FILE_VOXEL: u64 = 16;
/// Bytes that a voxel may take while metrics judge it: sorted distances are the most.
const JUDGED_VOXEL: u64 = 32;

impl Segmenter {
    /// Bytes that the process holds at the peak of reading, segmenting and writing an image of `channels` on `grid`: the program itself
    /// ([`PROGRAM`]) and the networks' weights with it; nothing where the networks' share is not known, as on a GPU.
    ///
    /// # Errors
    /// If such an image cannot be made ready for the networks.
    pub fn memory(&self, grid: &Grid, channels: usize, portion: Portion) -> Result<Option<u64>> {
        let prepared = *self.preprocess.geometry(grid)?.prepared();
        let plane = prepared.plane_len() as u64;
        let (planes, shape, blended) = match portion.of(&prepared) {
            AtOnce::Planes(count) => (count, prepared.plane_shape(), 0),
            AtOnce::Tile(tiles) => (1, tiles.shape(), (self.classes as u64 + 1) * plane * NUMBER),
        };
        let (Some(policy), Some(reward)) =
            (self.policy.inference_memory(planes, shape), self.reward.inference_memory(planes, shape))
        else {
            return Ok(None);
        };
        let passes = policy.pass.max(reward.pass) + policy.unshared.min(reward.unshared);
        let seen = (planes * shape[0] * shape[1] * channels) as u64 * NUMBER;
        let (own, ready) = (grid.len() as u64, prepared.len() as u64);
        let image = channels as u64 * own * NUMBER;
        // Each label is a byte, and its logit a number.
        let answers = ready * (1 + NUMBER);
        let looking = image + channels as u64 * ready * NUMBER + answers + blended + 2 * seen + passes;
        let others = image + answers + own * (FILE_VOXEL.max(JUDGED_VOXEL));
        Ok(Some(PROGRAM + policy.weights + reward.weights + looking.max(others)))
    }

    /// The side of the tiles in which planes on `grid` are seen; nothing where they are seen whole.
    ///
    /// # Errors
    /// As [`Segmenter::memory`].
    pub fn tile(&self, grid: &Grid, portion: Portion) -> Result<Option<usize>> {
        let prepared = *self.preprocess.geometry(grid)?.prepared();
        Ok(match (portion, portion.of(&prepared)) {
            (Portion::Tiles { side }, AtOnce::Tile(_)) => Some(side),
            _ => None,
        })
    }

    /// The largest portion with which an image of `channels` on `grid` takes no more than `limit` bytes.
    ///
    /// # Errors
    /// If there is none, or it is not known what the networks take; tells what would be needed.
    pub fn portion_within(&self, limit: u64, grid: &Grid, channels: usize) -> Result<Portion> {
        let mut least = 0;
        for side in (Portion::LEAST..=Portion::SIDE).rev().step_by(Portion::STEP) {
            let portion = Portion::Tiles { side };
            match self.memory(grid, channels, portion)? {
                Some(bytes) if bytes <= limit => return Ok(portion),
                Some(bytes) => least = bytes,
                None => return Err(unknown()),
            }
        }
        let [planes, y, x] = grid.shape();
        let message = format!(
            "{planes} x {y} x {x} voxels take about {} MiB in the smallest portions; expected at most the limit of {} MiB: \
             raise it",
            least.div_ceil(1 << 20),
            limit >> 20
        );
        Err(ComponentError::new(ErrorKind::Configuration, message))
    }
}

fn unknown() -> ComponentError {
    let message = "what the networks take is known only of U-Nets on the CPU; leave the limit out";
    ComponentError::new(ErrorKind::Configuration, message)
}

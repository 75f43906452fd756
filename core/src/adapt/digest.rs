//! What a case holds, as a number that another content does not have: a run goes on with the data that it was begun with.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{Grid, Image, LabelMap, SlowAxis},
    run_dir::hexadecimal,
};

/// What a case holds: its size as the networks see it, and the SHA-256 of its image and of its reference, where the run may read that.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub shape: [usize; 3],
    pub channels: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Content {
    /// On the networks' grid.
    pub fn voxels(&self) -> u64 {
        self.shape.iter().map(|&entries| entries as u64).product()
    }
}

/// SHA-256 of an image's grid, channels and values: what it holds, whatever file it is read from.
#[must_use]
pub fn of_image(image: &Image) -> String {
    let mut sum = of_grid(image.grid());
    sum.update((image.channels() as u64).to_le_bytes());
    for value in image.values() {
        sum.update(value.to_le_bytes());
    }
    hexadecimal(&sum.finalize())
}

/// Of grid and labels.
pub(super) fn of_labels(labels: &LabelMap) -> String {
    let mut sum = of_grid(labels.grid());
    sum.update(labels.labels());
    hexadecimal(&sum.finalize())
}

/// Of weights, or another file's bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn of_grid(grid: &Grid) -> Sha256 {
    let mut sum = Sha256::new();
    for entries in grid.shape() {
        sum.update((entries as u64).to_le_bytes());
    }
    let (kind, distance) = match grid.slow() {
        SlowAxis::Single => (0, None),
        SlowAxis::Depth { spacing_mm } => (1, Some(spacing_mm)),
        SlowAxis::Time { interval_ms } => (2, interval_ms),
    };
    sum.update([kind, u8::from(distance.is_some())]);
    for length in grid.spacing_mm().into_iter().chain(distance) {
        sum.update(length.to_le_bytes());
    }
    sum
}

/// Refuses what is not what was read when the run was begun; `then` is nothing where that is not known.
pub(super) fn require(then: Option<&String>, now: impl FnOnce() -> String, what: &str) -> Result<()> {
    let Some(then) = then else { return Ok(()) };
    let now = now();
    if now == *then {
        return Ok(());
    }
    let message = format!(
        "the {what} was changed since the run was begun: the SHA-256 of its voxels and spacing was {then} and is {now}. Put \
         it back, or begin another run"
    );
    Err(ComponentError::new(ErrorKind::Inconsistent, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_and_spacing_count() {
        let image =
            |spacing, value| Image::new(Grid::plane([1, 2], [1.0, spacing]).unwrap(), 1, vec![0.0, value]).unwrap();
        let digest = |spacing, value| of_image(&image(spacing, value));
        assert_eq!(digest(1.0, 0.5), digest(1.0, 0.5));
        assert_ne!(digest(1.0, 0.5), digest(1.0, 0.25));
        assert_ne!(digest(1.0, 0.5), digest(2.0, 0.5));
        let then = Some(digest(1.0, 0.5));
        assert!(require(None, || digest(1.0, 0.25), "image").is_ok());
        assert!(require(then.as_ref(), || digest(1.0, 0.5), "image").is_ok());
        let error = require(then.as_ref(), || digest(1.0, 0.25), "image").unwrap_err();
        assert!(error.to_string().starts_with("the image was changed since the run was begun"), "{error}");
    }
}

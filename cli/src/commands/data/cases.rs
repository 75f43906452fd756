//! What is looked at in each case.

use std::collections::BTreeMap;

use rl4seg_core::{
    component::{ComponentError, DataSource},
    domain::{CaseEntry, Grid, Image, LabelMap, LabelSet, SlowAxis, Split},
};
use serde::Serialize;

use super::sheet::Thumbnail;

/// A case as it was found.
#[derive(Debug, Serialize)]
pub struct Case {
    pub case: String,
    pub patient: String,
    pub split: Option<Split>,
    /// `[slow, y, x]`.
    pub shape: Option<[usize; 3]>,
    /// `[y, x]`.
    pub spacing_mm: Option<[f64; 2]>,
    pub slow: Option<SlowAxis>,
    /// Smallest and largest intensity.
    pub intensities: Option<[f32; 2]>,
    /// Voxels of each structure; nothing where there is no label map.
    pub voxels: Option<BTreeMap<String, usize>>,
    /// What its file tells that is no reason to stop, a sentence each.
    pub notes: Vec<String>,
    /// What is wrong with it, a sentence each.
    pub problems: Vec<String>,
    /// Equal for images of equal values.
    #[serde(skip)]
    pub fingerprint: Option<u64>,
    #[serde(skip)]
    pub thumbnail: Option<Thumbnail>,
}

impl Case {
    /// Reads image and label map of a case; what cannot be read is a problem, and no reason to stop.
    pub fn look_at(source: &dyn DataSource, entry: &CaseEntry) -> Self {
        let mut case = Self {
            case: entry.id.to_string(),
            patient: entry.group.clone(),
            split: entry.split,
            shape: None,
            spacing_mm: None,
            slow: None,
            intensities: None,
            voxels: None,
            notes: Vec::new(),
            problems: Vec::new(),
            fingerprint: None,
            thumbnail: None,
        };
        let image = source.image_and_facts(&entry.id).map_err(|error| case.problems.push(told(&error))).ok();
        let image = image.map(|(image, facts)| {
            case.notes = facts.notes;
            image
        });
        let reference = source.reference(&entry.id).map_err(|error| case.problems.push(told(&error))).ok().flatten();
        if let Some(image) = &image {
            case.see_image(image);
        }
        if let Some(labels) = &reference {
            case.see_labels(labels, image.as_ref().map(Image::grid), source.labels());
        }
        case.thumbnail = image.map(|image| Thumbnail::of(&image, reference.as_ref(), source.labels()));
        case
    }

    fn see_image(&mut self, image: &Image) {
        let grid = image.grid();
        self.shape = Some(grid.shape());
        self.spacing_mm = Some(grid.spacing_mm());
        self.slow = Some(grid.slow());
        let ends = image
            .values()
            .iter()
            .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)]);
        self.intensities = Some(ends);
        if ends[0] == ends[1] {
            self.problems.push(format!("every voxel of the image is {}", ends[0]));
        }
        self.fingerprint = Some(fingerprint(image));
    }

    fn see_labels(&mut self, labels: &LabelMap, grid: Option<&Grid>, set: &LabelSet) {
        let count = |value| labels.labels().iter().filter(|&&label| label == value).count();
        self.voxels = Some(set.structures().map(|label| (label.name.clone(), count(label.value))).collect());
        if labels.is_background() {
            self.problems.push("the label map holds no structure".to_owned());
        }
        if let Some(difference) = grid.and_then(|grid| grid.difference(labels.grid())) {
            self.problems.push(format!("image and label map do not lie on each other: {difference}"));
        }
        if let Err(error) = labels.require_labels(set) {
            self.problems.push(error.to_string());
        }
    }
}

fn told(error: &ComponentError) -> String {
    error.chain().collect::<Vec<_>>().join(": ")
}

/// FNV-1a (Fowler, Noll and Vo) of shape and values.
fn fingerprint(image: &Image) -> u64 {
    let shape = image.grid().shape().into_iter().flat_map(|length| (length as u64).to_le_bytes());
    let values = image.values().iter().flat_map(|value| value.to_le_bytes());
    shape
        .chain(values)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

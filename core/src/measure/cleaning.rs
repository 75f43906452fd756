//! Repairs of label maps that need no knowledge of the anatomy, for any labels.
//!
//! Each works on volumes as a whole and on sequences frame by frame ([`Part`]).

use super::{Components, Connectivity, Mask, Part, morphology};
use crate::domain::LabelMap;

/// Sets to background what does not belong to the largest component (voxels that share a face) of
/// `label`. Of several that are equally large, the first in C order stays.
pub fn keep_largest(labels: &mut LabelMap, label: u8) {
    for part in Part::of(labels) {
        let mask = Mask::of_part(labels, &part, label);
        let components = Components::of(&mask, Connectivity::Faces);
        let largest = components.largest();
        paint(labels, &part, &components.select(|component| Some(component) != largest), 0);
    }
}

/// Sets to background what does not belong to the largest component of all structures together.
pub fn keep_largest_structure(labels: &mut LabelMap) {
    for part in Part::of(labels) {
        let mask = !&Mask::of_part(labels, &part, 0);
        let components = Components::of(&mask, Connectivity::Faces);
        let largest = components.largest();
        paint(labels, &part, &components.select(|component| Some(component) != largest), 0);
    }
}

/// Fills the holes within `label` with it.
pub fn fill_within(labels: &mut LabelMap, label: u8) {
    for part in Part::of(labels) {
        let holes = morphology::holes(&Mask::of_part(labels, &part, label));
        paint(labels, &part, &holes, label);
    }
}

/// Fills the holes between two structures with `filling`.
pub fn fill_between(labels: &mut LabelMap, structures: [u8; 2], filling: u8) {
    for part in Part::of(labels) {
        let [first, second] = structures.map(|label| Mask::of_part(labels, &part, label));
        paint(labels, &part, &morphology::holes(&(&first | &second)), filling);
    }
}

fn paint(labels: &mut LabelMap, part: &Part, mask: &Mask, label: u8) {
    let first = part.planes.start * labels.grid().plane_len();
    for index in mask.indices() {
        labels.labels_mut()[first + index] = label;
    }
}

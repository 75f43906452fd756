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

/// Fills the holes within each of `structures` with it. Where one structure lies in a hole of another
/// the later in `structures` wins, so an island of the last one stays.
pub fn fill_within(labels: &mut LabelMap, structures: &[u8]) {
    for part in Part::of(labels) {
        let masks: Vec<Mask> = structures.iter().map(|&label| Mask::of_part(labels, &part, label)).collect();
        for (mask, &label) in masks.iter().zip(structures) {
            paint(labels, &part, &morphology::fill_holes(mask), label);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, SlowAxis};

    fn frames(slow: SlowAxis, rows: [&[u8]; 2]) -> LabelMap {
        let width = rows[0].len();
        LabelMap::new(Grid::new([2, 1, width], [1.0, 1.0], slow).unwrap(), rows.concat()).unwrap()
    }

    #[test]
    fn each_frame_keeps_its_largest_component_and_a_volume_keeps_one() {
        let rows: [&[u8]; 2] = [&[1, 0, 1, 1, 0], &[1, 0, 0, 0, 1]];
        let mut sequence = frames(SlowAxis::Time { interval_ms: None }, rows);
        keep_largest(&mut sequence, 1);
        assert_eq!(sequence.labels(), [0, 0, 1, 1, 0, 1, 0, 0, 0, 0]);
        let mut volume = frames(SlowAxis::Depth { spacing_mm: 1.0 }, rows);
        keep_largest(&mut volume, 1);
        assert_eq!(volume.labels(), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    fn plane(rows: &[&[u8]]) -> LabelMap {
        LabelMap::new(Grid::plane([rows.len(), rows[0].len()], [1.0, 1.0]).unwrap(), rows.concat()).unwrap()
    }

    #[test]
    fn the_later_structure_keeps_its_island_in_a_hole_of_the_earlier() {
        let ring: [&[u8]; 5] =
            [&[2, 2, 2, 2, 2], &[2, 0, 2, 1, 2], &[2, 2, 2, 2, 2], &[1, 1, 1, 0, 0], &[1, 0, 1, 1, 1]];
        let mut labels = plane(&ring);
        fill_within(&mut labels, &[2, 1]);
        assert_eq!(labels.labels()[5..10], [2, 2, 2, 1, 2]);
        let mut labels = plane(&ring);
        fill_within(&mut labels, &[1, 2]);
        assert_eq!(labels.labels()[5..10], [2, 2, 2, 2, 2]);
    }

    #[test]
    fn holes_between_two_structures_are_filled() {
        let mut labels = plane(&[&[1, 1, 1], &[1, 0, 2], &[2, 2, 2]]);
        fill_between(&mut labels, [1, 2], 2);
        assert_eq!(labels.labels(), [1, 1, 1, 1, 2, 2, 2, 2, 2]);
    }
}

use serde::{Deserialize, Serialize};

use super::{Mask, Part, SurfaceDistances, dice};
use crate::domain::{DomainError, LabelMap, LabelSet};

/// How well one structure was segmented.
///
/// In a volume everything is measured in 3-D. In a sequence the distances are measured in the plane
/// of each frame; Hausdorff and HD95 are those of the worst frame, ASSD is the mean over frames.
/// Frames where neither label map has the structure do not count. If only one of them has it, in
/// some frame, there is no distance to tell, and the distances of the whole sequence are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructureScore {
    /// The structure.
    pub label: u8,
    /// Dice coefficient over all voxels, 0 to 1; `None` if neither label map has the structure.
    pub dice: Option<f64>,
    /// Hausdorff distance, mm; `None` if one of the label maps lacks the structure.
    pub hausdorff_mm: Option<f64>,
    /// 95th percentile of the surface distances, mm; `None` as above.
    pub hd95_mm: Option<f64>,
    /// Average symmetric surface distance, mm; `None` as above.
    pub assd_mm: Option<f64>,
}

/// Compares a segmentation with its reference: one score for each structure of `set`, in its order,
/// background left out.
///
/// # Errors
/// If the label maps lie on different grids, or one of them has a label that `set` has not.
pub fn compare(segmented: &LabelMap, reference: &LabelMap, set: &LabelSet) -> Result<Vec<StructureScore>, DomainError> {
    segmented.grid().require_same(reference.grid(), ["the segmentation", "the reference"])?;
    segmented.require_labels(set)?;
    reference.require_labels(set)?;
    let parts = Part::of(reference);
    Ok(set.structures().map(|structure| score(segmented, reference, &parts, structure.value)).collect())
}

fn score(segmented: &LabelMap, reference: &LabelMap, parts: &[Part], label: u8) -> StructureScore {
    let overlap = dice(&Mask::of_label(segmented, label), &Mask::of_label(reference, label));
    let distances = distances(segmented, reference, parts, label);
    let worst =
        |of: fn(&SurfaceDistances) -> f64| distances.as_ref().map(|parts| parts.iter().map(of).fold(0.0, f64::max));
    StructureScore {
        label,
        dice: overlap,
        hausdorff_mm: worst(SurfaceDistances::hausdorff_mm),
        hd95_mm: worst(SurfaceDistances::hd95_mm),
        assd_mm: distances
            .as_ref()
            .map(|parts| parts.iter().map(SurfaceDistances::assd_mm).sum::<f64>() / parts.len() as f64),
    }
}

/// The distances in each part that has the structure; `None` if a part, or all of them, lack it on
/// one side.
fn distances(segmented: &LabelMap, reference: &LabelMap, parts: &[Part], label: u8) -> Option<Vec<SurfaceDistances>> {
    let mut found = Vec::new();
    for part in parts {
        let (a, b) = (Mask::of_part(segmented, part, label), Mask::of_part(reference, part, label));
        if !a.is_empty() || !b.is_empty() {
            found.push(SurfaceDistances::between(&a, &b, part.spacing_mm)?);
        }
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label, SlowAxis};

    fn labels() -> LabelSet {
        let label = |value: u8| Label { value, name: format!("label {value}"), color: [0; 3] };
        LabelSet::new(vec![label(0), label(1), label(2)]).unwrap()
    }

    fn map(slow: SlowAxis, planes: [[u8; 4]; 2]) -> LabelMap {
        LabelMap::new(Grid::new([2, 1, 4], [1.0, 0.5], slow).unwrap(), planes.concat()).unwrap()
    }

    const TIME: SlowAxis = SlowAxis::Time { interval_ms: None };
    const DEPTH: SlowAxis = SlowAxis::Depth { spacing_mm: 4.0 };

    #[test]
    fn frames_are_measured_apart_and_slices_together() {
        let segmented = [[1, 0, 0, 0], [1, 0, 0, 0]];
        let reference = [[1, 0, 0, 0], [0, 0, 1, 0]];
        let in_time = compare(&map(TIME, segmented), &map(TIME, reference), &labels()).unwrap();
        assert_eq!(in_time[0].dice, Some(0.5));
        assert_eq!(in_time[0].hausdorff_mm, Some(1.0));
        assert_eq!(in_time[0].assd_mm, Some(0.5));
        let reference = [[1, 0, 0, 0], [0, 0, 0, 0]];
        let in_depth = compare(&map(DEPTH, segmented), &map(DEPTH, reference), &labels()).unwrap();
        assert_eq!(in_depth[0].hausdorff_mm, Some(4.0));
    }

    #[test]
    fn there_is_no_distance_to_nothing() {
        let (some, none) = ([[1, 0, 0, 0], [1, 0, 0, 0]], [[1, 0, 0, 0], [0; 4]]);
        let scores = compare(&map(TIME, some), &map(TIME, none), &labels()).unwrap();
        assert_eq!((scores[0].hausdorff_mm, scores[0].hd95_mm, scores[0].assd_mm), (None, None, None));
        assert_eq!(scores[0].dice, Some(2.0 / 3.0));
        assert_eq!(scores[1].dice, None);
        assert_eq!(scores[1].hausdorff_mm, None);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let map_in_time = map(TIME, [[0; 4]; 2]);
        assert!(compare(&map_in_time, &map_in_time.one_plane(0), &labels()).is_err());
        assert!(compare(&map_in_time, &map(TIME, [[3; 4], [0; 4]]), &labels()).is_err());
    }
}

use super::Mask;
use crate::domain::{DomainError, Label, LabelMap, LabelSet};

/// Overlap of two masks of one shape: 2 |A ∩ B| / (|A| + |B|) (Dice 1945), from 0 to 1.
///
/// `None` if both are empty: nothing was there, and nothing was found. 0 if only one is.
///
/// # Panics
/// If the masks have different shapes.
#[must_use]
pub fn dice(a: &Mask, b: &Mask) -> Option<f64> {
    let voxels = a.count() + b.count();
    (voxels > 0).then(|| 2.0 * (a & b).count() as f64 / voxels as f64)
}

/// Mean Dice over the structures that are in at least one of the two label maps; 0 where there is
/// none at all, since an empty segmentation of an empty image teaches nothing.
///
/// # Errors
/// If the label maps lie on different grids.
pub fn mean_dice(left: &LabelMap, right: &LabelMap, labels: &LabelSet) -> Result<f64, DomainError> {
    left.grid().require_same(right.grid(), ["a label map", "what it is compared with"])?;
    let of = |label: &Label| dice(&Mask::of_label(left, label.value), &Mask::of_label(right, label.value));
    let values: Vec<f64> = labels.structures().filter_map(of).collect();
    Ok(if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ascii::mask;
    use super::*;

    #[test]
    fn dice_is_defined_where_a_mask_is_empty() {
        let (none, some) = (mask(&["...."]), mask(&["##.."]));
        assert_eq!(dice(&none, &none), None);
        assert_eq!(dice(&none, &some), Some(0.0));
        assert_eq!(dice(&some, &some), Some(1.0));
        assert_eq!(dice(&some, &mask(&[".##."])), Some(0.5));
    }
    proptest! {
        #[test]
        fn dice_is_symmetric_and_1_for_equal_masks_alone(a in "[#.]{70}", b in "[#.]{70}") {
            let (a, b) = (mask(&[&a]), mask(&[&b]));
            prop_assert_eq!(dice(&a, &b), dice(&b, &a));
            prop_assert_eq!(dice(&a, &b) == Some(1.0), a == b && !a.is_empty());
        }
    }
}

use super::morphology::{Border, erode};
use super::{Connectivity, Mask, distance_transform};

/// How far the surfaces of two masks are apart.
///
/// A mask's surface is what an erosion by one voxel (voxels that share a face; outside the image is
/// background) takes away. Distances go from each surface voxel's centre to the centre of the
/// nearest surface voxel of the other mask. These are the definitions of MedPy.
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistances {
    /// From the first mask's surface to the second's, mm, one for each surface voxel.
    forward_mm: Vec<f64>,
    /// From the second's to the first's.
    backward_mm: Vec<f64>,
}

impl SurfaceDistances {
    /// Measures two masks of one shape with voxels of `spacing_mm` `[slow, y, x]`; the first plays
    /// no part where the masks have one plane. `None` if one of them is empty: there is no
    /// surface then, hence no distance.
    ///
    /// # Panics
    /// If the masks have different shapes.
    #[must_use]
    pub fn between(a: &Mask, b: &Mask, spacing_mm: [f64; 3]) -> Option<Self> {
        if a.is_empty() || b.is_empty() {
            return None;
        }
        // Nothing outside the box that holds both takes part, which saves most of the work.
        let bounds = (a | b).bounds()?;
        let [a, b] = [a, b].map(|mask| surface(mask).crop(&bounds));
        Some(Self { forward_mm: distances(&a, &b, spacing_mm)?, backward_mm: distances(&b, &a, spacing_mm)? })
    }

    /// The largest distance, in both directions (Hausdorff 1914), mm.
    #[must_use]
    pub fn hausdorff_mm(&self) -> f64 {
        self.all().fold(0.0, f64::max)
    }

    /// The 95th percentile of the distances in both directions together, mm; linear between
    /// neighbouring distances.
    #[must_use]
    pub fn hd95_mm(&self) -> f64 {
        let mut sorted: Vec<f64> = self.all().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = 0.95 * (sorted.len() - 1) as f64;
        let below = sorted[rank.floor() as usize];
        let above = sorted[rank.ceil() as usize];
        below + (above - below) * rank.fract()
    }

    /// Average surface distance from the first mask to the second, mm. Not symmetric.
    #[must_use]
    pub fn asd_mm(&self) -> f64 {
        self.forward_mm.iter().sum::<f64>() / self.forward_mm.len() as f64
    }

    /// Average symmetric surface distance, mm: the mean of the distances in both directions together
    /// (Heimann et al. 2009), so the larger surface counts more.
    #[must_use]
    pub fn assd_mm(&self) -> f64 {
        let surface_voxels = self.forward_mm.len() + self.backward_mm.len();
        (self.forward_mm.iter().sum::<f64>() + self.backward_mm.iter().sum::<f64>()) / surface_voxels as f64
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        self.forward_mm.iter().chain(&self.backward_mm).copied()
    }
}

fn surface(mask: &Mask) -> Mask {
    mask.without(&erode(mask, Connectivity::Faces, Border::Background))
}

/// From each voxel of `from` to the nearest of `to`.
fn distances(from: &Mask, to: &Mask, spacing_mm: [f64; 3]) -> Option<Vec<f64>> {
    let nearest = distance_transform(to, spacing_mm)?;
    Some(from.indices().map(|index| nearest[index]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ascii::mask;
    use super::*;

    #[test]
    fn two_bars_apart_by_two_rows() {
        let upper = mask(&["####", "....", "....", "...."]);
        let lower = mask(&["....", "....", "####", "...."]);
        let distances = SurfaceDistances::between(&upper, &lower, [0.0, 1.5, 1.0]).unwrap();
        assert_eq!(distances.hausdorff_mm(), 3.0);
        assert_eq!(distances.hd95_mm(), 3.0);
        assert_eq!(distances.assd_mm(), 3.0);
        assert_eq!(SurfaceDistances::between(&upper, &mask(&["...."; 4]), [0.0, 1.0, 1.0]), None);
    }

    #[test]
    fn a_percentile_lies_between_its_neighbours() {
        let near: Vec<f64> = (0..20).map(f64::from).collect();
        let distances = SurfaceDistances { forward_mm: near, backward_mm: vec![0.0] };
        assert_eq!(distances.hd95_mm(), 18.0);
        let distances = SurfaceDistances { forward_mm: vec![0.0], backward_mm: vec![10.0] };
        assert_eq!(distances.hd95_mm(), 9.5);
    }

    fn masks() -> impl Strategy<Value = (Mask, Mask)> {
        let bits = prop::collection::vec(prop::bool::weighted(0.3), 48);
        (bits.clone(), bits).prop_map(|(a, b)| (at(&a, 0), at(&b, 0)))
    }

    /// 6 × 8 voxels in an image of 12 × 12, `shift` voxels from its corner along both axes.
    fn at(bits: &[bool], shift: usize) -> Mask {
        let mut mask = Mask::empty([1, 12, 12]);
        for (index, _) in bits.iter().enumerate().filter(|&(_, &set)| set) {
            let x = 1 + shift + index % 8;
            mask.insert_run(1 + shift + index / 8, x..x + 1);
        }
        mask
    }

    fn moved(mask: &Mask) -> Mask {
        let bits: Vec<bool> = (0..48).map(|index| mask.contains([0, 1 + index / 8, 1 + index % 8])).collect();
        at(&bits, 2)
    }

    proptest! {
        #[test]
        fn distances_are_symmetric_and_move_with_the_masks((a, b) in masks(), spacing in [0.2_f64..3.0, 0.2_f64..3.0]) {
            let spacing = [0.0, spacing[0], spacing[1]];
            let there = SurfaceDistances::between(&a, &b, spacing);
            let back = SurfaceDistances::between(&b, &a, spacing);
            for of in [SurfaceDistances::hausdorff_mm, SurfaceDistances::hd95_mm, SurfaceDistances::assd_mm] {
                prop_assert_eq!(there.as_ref().map(of), back.as_ref().map(of));
            }
            prop_assert_eq!(there, SurfaceDistances::between(&moved(&a), &moved(&b), spacing));
        }

        #[test]
        fn a_mask_has_no_distance_to_itself((a, _) in masks()) {
            if let Some(distances) = SurfaceDistances::between(&a, &a, [0.0, 1.0, 1.0]) {
                prop_assert_eq!(distances.hausdorff_mm(), 0.0);
                prop_assert_eq!(distances.assd_mm(), 0.0);
            }
        }
    }
}

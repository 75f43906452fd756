//! Axes of voxels stand on each other.

use std::path::Path;

use super::IoError;
use crate::domain::{Grid, SlowAxis};

/// Largest cosine between two axes that are held to be at a right angle: three tenths of a degree, by which a volume is off by a
/// hundred-thousandth. Positions that a program rounded to a tenth of a millimetre turn a stack of 35 mm and more by less; a shorter one
/// may be turned by more, and is refused then.
const TOLERANCE: f64 = 5e-3;

/// Refuses axes that are not at right angles: lengths, areas and volumes are counted along them. `affine` leads from voxel index
/// (x, y, z) to position, and what follows in time has no direction.
pub(super) fn require_right_angles(path: &Path, affine: &[[f64; 4]; 3], grid: &Grid) -> Result<(), IoError> {
    let has_depth = matches!(grid.slow(), SlowAxis::Depth { .. });
    for [a, b] in [[0, 1], [0, 2], [1, 2]].into_iter().take(if has_depth { 3 } else { 1 }) {
        let cosine = cosine(affine, [a, b]);
        if cosine.abs() > TOLERANCE {
            let [a, b] = [a, b].map(|axis| ["x", "y", "z"][axis]);
            let detail = format!(
                "its axes {a} and {b} are at {:.1} degrees; expected a right angle (CT with a tilted gantry has none, and lengths and \
                 volumes are counted along the axes): resample it, as dcm2niix (tilted CT), SimpleITK or nibabel do",
                cosine.clamp(-1.0, 1.0).acos().to_degrees()
            );
            return Err(IoError::Unsupported { path: path.to_owned(), detail });
        }
    }
    Ok(())
}

fn cosine(affine: &[[f64; 4]; 3], [a, b]: [usize; 2]) -> f64 {
    let dot = |a: usize, b: usize| affine.iter().map(|row| row[a] * row[b]).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sheared_is_refused_with_its_angle() {
        let grid = |slow| Grid::new([5, 2, 2], [1.0, 1.0], slow).unwrap();
        let depth = SlowAxis::Depth { spacing_mm: 5.0 };
        let judged = |shear: f64, slow| {
            let affine = [[1.0, 0.0, 0.0, 3.0], [0.0, 1.0, shear, 0.0], [0.0, 0.0, 5.0, 0.0]];
            require_right_angles(Path::new("a.nii"), &affine, &grid(slow)).map_err(|error| error.to_string())
        };
        assert_eq!(judged(0.0, depth), Ok(()));
        assert_eq!(judged(0.02, depth), Ok(()));
        let refusal = judged(5.0 * 25_f64.to_radians().tan(), depth).unwrap_err();
        assert!(refusal.contains("axes y and z are at 65.0 degrees"), "{refusal}");
        assert_eq!(judged(2.0, SlowAxis::Time { interval_ms: None }), Ok(()));
    }
}

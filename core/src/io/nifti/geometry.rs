use std::{ops::RangeInclusive, path::Path};

use nalgebra::Vector3;

use super::{
    ThirdAxis,
    fields::Version,
    header::{Header, HeaderBytes},
    read::read_header,
};
use crate::{
    domain::{Grid, ImageFacts, SlowAxis},
    io::{IoError, angles::require_right_angles},
};

/// Where two files may place the same voxel apart from each other, as a share of its spacing.
const PLACE_TOLERANCE: f64 = 0.01;

/// The `sform_code` of coordinates of the scanner.
pub(super) const SCANNER: i16 = 1;
/// Those that NIfTI knows.
const PLACE_CODES: RangeInclusive<i16> = SCANNER..=5;

/// Where the voxels of a NIfTI file lie: its whole header, to be written again unchanged, and what
/// was read from it.
#[derive(Debug, Clone, PartialEq)]
pub struct NiftiGeometry {
    pub(super) header: HeaderBytes,
    grid: Grid,
    affine: [[f64; 4]; 3],
    /// What kind of place the file tells, as `sform_code`; `None` where it tells the spacing alone.
    place_code: Option<i16>,
}

impl NiftiGeometry {
    /// The geometry of a file; its voxels are not read.
    ///
    /// # Errors
    /// As [`read_image`](super::read_image), voxels apart.
    pub fn read(path: &Path, third_axis: ThirdAxis) -> Result<Self, IoError> {
        read_header(path, third_axis)
    }

    /// A geometry for data of which nobody knows where it lies: the first voxel at the origin, axes x, y, z along the grid's, frames
    /// along the fourth axis. The header says that it is no place in a scanner (`sform_code` and `qform_code` 0; NIfTI-1 standard,
    /// method 1).
    #[must_use]
    pub fn for_grid(grid: &Grid) -> Self {
        Self::made(grid, along_axes(grid, [1.0; 3]), None)
    }

    /// The geometry of an image of which this is known.
    #[must_use]
    pub fn of_facts(grid: &Grid, facts: &ImageFacts) -> Self {
        let Some(affine) = facts.affine else { return Self::for_grid(grid) };
        let code = facts.place_code.filter(|code| PLACE_CODES.contains(code)).unwrap_or(SCANNER);
        let has_depth = matches!(grid.slow(), SlowAxis::Depth { .. });
        Self::made(grid, if has_depth { affine } else { with_normal(affine) }, Some(code))
    }

    /// The geometry of what a file of another format holds. `affine` leads from voxel index (x, y, z) to position in mm, x to the
    /// patient's right-to-left, y back-to-front, z upwards (RAS+, as in NIfTI): three rows, the last column is the origin. Its columns
    /// are as long as the grid's spacing; that of z is 1 mm long, or a slice's thickness, where the grid has no depth.
    #[must_use]
    pub fn placed(grid: &Grid, affine: [[f64; 4]; 3]) -> Self {
        Self::made(grid, affine, Some(SCANNER))
    }

    fn made(grid: &Grid, affine: [[f64; 4]; 3], place_code: Option<i16>) -> Self {
        /// Every program reads it.
        const VERSION: Version = Version::One;
        let [planes, y, x] = grid.shape();
        let (extent, interval) = match grid.slow() {
            SlowAxis::Single => ([2, x, y, 1, 1], None),
            SlowAxis::Depth { .. } => ([3, x, y, planes, 1], None),
            SlowAxis::Time { interval_ms } => ([4, x, y, 1, planes], interval_ms),
        };
        let [spacing_y, spacing_x] = grid.spacing_mm();
        let z = affine.iter().map(|row| row[2].powi(2)).sum::<f64>().sqrt();
        let mut made = vec![0; VERSION.len()];
        let mut put = |at: usize, bytes: &[u8]| made[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &(VERSION.len() as i32).to_le_bytes());
        put(38, b"r");
        for (index, length) in extent.into_iter().chain([1, 1, 1]).enumerate() {
            // What does not fit is refused when the file is written.
            put(40 + 2 * index, &(length.min(VERSION.longest_axis()) as i16).to_le_bytes());
        }
        let pixdim = [1.0, spacing_x, spacing_y, z, interval.unwrap_or(0.0), 1.0, 1.0, 1.0];
        for (index, value) in pixdim.into_iter().enumerate() {
            put(76 + 4 * index, &(value as f32).to_le_bytes());
        }
        put(108, &f32::from(VERSION.first_voxel()).to_le_bytes());
        put(123, &[nifti::Unit::Mm as u8 | interval.map_or(0, |_| nifti::Unit::Msec as u8)]);
        if let Some(code) = place_code {
            put(254, &code.to_le_bytes());
            for (index, value) in affine.into_iter().flatten().enumerate() {
                put(280 + 4 * index, &(value as f32).to_le_bytes());
            }
        }
        put(VERSION.offsets().magic, VERSION.magic()[0]);
        let header = HeaderBytes { version: VERSION, big_endian: false, bytes: made };
        Self { header, grid: *grid, affine, place_code }
    }

    /// Shape and spacing.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// From voxel index (x, y, z) to position in mm: three rows, the last column is the origin.
    #[must_use]
    pub fn affine(&self) -> [[f64; 4]; 3] {
        self.affine
    }

    /// The same, where the file told it, and not the spacing alone (NIfTI-1 standard, method 1).
    #[must_use]
    pub fn told_affine(&self) -> Option<[[f64; 4]; 3]> {
        self.place_code.map(|_| self.affine)
    }

    /// What kind of place that is, as `sform_code`.
    #[must_use]
    pub fn place_code(&self) -> Option<i16> {
        self.place_code
    }

    /// What differs between the geometries of an image and of what belongs to it, or `None` if
    /// they agree: same shape, same spacing, and no voxel further apart than a hundredth of it. Where one of both tells no place, the
    /// other may have the place that ITK gives to what has none.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if let Some(difference) = self.grid.difference(&other.grid) {
            return Some(difference);
        }
        match (self.place_code, other.place_code) {
            (Some(_), None) if self.is_itk_identity() => return None,
            (None, Some(_)) if other.is_itk_identity() => return None,
            _ => {}
        }
        let (furthest, allowed) = furthest(&self.grid, [&self.affine, &other.affine]);
        (furthest > allowed).then(|| {
            format!(
                "affines (sform or qform) place the same voxel {furthest:.3} mm apart: {:?} against {:?}",
                self.affine, other.affine
            )
        })
    }

    /// Whether it has ITK's place of what has none: the first voxel at the origin, axes x, y, z along LPS+, which are -x, -y, z here.
    fn is_itk_identity(&self) -> bool {
        let identity = along_axes(&self.grid, [-1.0, -1.0, 1.0]);
        let (furthest, allowed) = furthest(&self.grid, [&self.affine, &identity]);
        furthest <= allowed
    }

    pub(super) fn of(header: &Header<'_>, bytes: HeaderBytes, third_axis: ThirdAxis) -> Result<Self, IoError> {
        let (grid, affine) = (header.grid(third_axis)?, header.affine()?);
        require_right_angles(header.path, &affine, &grid)?;
        Ok(Self { header: bytes, grid, affine, place_code: header.place_code() })
    }
}

/// The first voxel at the origin, axes x, y, z along those of the patient, or against them where the sign is negative.
fn along_axes(grid: &Grid, [sign_x, sign_y, sign_z]: [f64; 3]) -> [[f64; 4]; 3] {
    let [y, x] = grid.spacing_mm();
    let z = if let SlowAxis::Depth { spacing_mm } = grid.slow() { spacing_mm } else { 1.0 };
    [[sign_x * x, 0.0, 0.0, 0.0], [0.0, sign_y * y, 0.0, 0.0], [0.0, 0.0, sign_z * z, 0.0]]
}

/// How far two affines place a voxel of a grid apart, mm, and how far they may.
fn furthest(grid: &Grid, affines: [&[[f64; 4]; 3]; 2]) -> (f64, f64) {
    let [planes, y, x] = grid.shape();
    let depth = if matches!(grid.slow(), SlowAxis::Depth { .. }) { planes } else { 1 };
    let allowed = PLACE_TOLERANCE * grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    // Both maps are affine, so they are furthest apart in a corner.
    let corners = (0..8).map(|corner| {
        let end = |bit: usize, length: usize| if corner >> bit & 1 == 1 { (length - 1) as f64 } else { 0.0 };
        [end(0, x), end(1, y), end(2, depth)]
    });
    let apart = corners.map(|corner| {
        let [a, b] = affines.map(|affine| place(affine, corner));
        distance(a, b)
    });
    (apart.fold(0.0, f64::max), allowed)
}

/// With a unit normal in place of a column z without a length, as files of one plane have it; other programs refuse such.
fn with_normal(mut affine: [[f64; 4]; 3]) -> [[f64; 4]; 3] {
    if affine.iter().all(|row| row[2] == 0.0) {
        let [x, y] = [0, 1].map(|axis| Vector3::from(affine.map(|row| row[axis])));
        let normal = x.cross(&y).try_normalize(0.0).unwrap_or_else(Vector3::z);
        affine.iter_mut().zip(&normal).for_each(|(row, &along)| row[2] = along);
    }
    affine
}

fn place(affine: &[[f64; 4]; 3], voxel: [f64; 3]) -> [f64; 3] {
    affine.map(|[x, y, z, origin]| x * voxel[0] + y * voxel[1] + z * voxel[2] + origin)
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_itk_was_not_told_the_place_of_lies_on_what_tells_none() {
        let grid = Grid::new([3, 2, 4], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
        let itk = [[-0.25, 0.0, 0.0, 0.0], [0.0, -0.5, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
        let (bare, by_itk) = (NiftiGeometry::for_grid(&grid), NiftiGeometry::placed(&grid, itk));
        assert_eq!(bare.difference(&by_itk), None);
        assert_eq!(by_itk.difference(&bare), None);
        let along = NiftiGeometry::placed(&grid, bare.affine);
        assert!(along.difference(&by_itk).is_some());
        let mut moved = itk;
        moved[1][3] = 0.1;
        assert!(bare.difference(&NiftiGeometry::placed(&grid, moved)).is_some());
    }

    #[test]
    fn places_are_the_same_to_a_hundredth_of_the_smallest_spacing() {
        let grid = Grid::new([3, 2, 101], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
        let affine = [[0.25, 0.0, 0.0, 7.0], [0.0, 0.5, 0.0, 8.0], [0.0, 0.0, 2.0, 9.0]];
        let geometry = NiftiGeometry::placed(&grid, affine);
        let is_same = |other: [[f64; 4]; 3]| geometry.difference(&NiftiGeometry::placed(&grid, other)).is_none();
        for (by_mm, expected) in [(0.00125, true), (-0.00125, true), (0.005, false), (-0.005, false)] {
            for row in 0..3 {
                let mut moved = affine;
                moved[row][3] += by_mm;
                assert_eq!(is_same(moved), expected, "origin, row {row}, {by_mm} mm");
            }
            // Turned about z so far that the last voxel of a row, 25 mm away, moves by as much.
            let (sin, cos) = (by_mm / 25.0_f64).sin_cos();
            let turned = [[0.25 * cos, -0.5 * sin, 0.0, 7.0], [0.25 * sin, 0.5 * cos, 0.0, 8.0], affine[2]];
            assert_eq!(is_same(turned), expected, "direction, {by_mm} mm");
        }
    }

    #[test]
    fn facts_keep_the_kind_of_place_and_a_plane_gets_a_normal() {
        let grid = Grid::new([1, 2, 4], [0.5, 0.25], SlowAxis::Single).unwrap();
        let flat = [[0.0, 0.5, 0.0, 3.0], [0.25, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 5.0]];
        let facts = ImageFacts { affine: Some(flat), place_code: Some(4), notes: Vec::new() };
        let geometry = NiftiGeometry::of_facts(&grid, &facts);
        assert_eq!(geometry.affine.map(|row| row[2]), [0.0, 0.0, -1.0]);
        assert_eq!((geometry.place_code(), &geometry.header.bytes[254..256]), (Some(4), &[4, 0][..]));
        let untold = NiftiGeometry::of_facts(&grid, &ImageFacts { place_code: None, ..facts });
        assert_eq!(untold.place_code(), Some(SCANNER));
    }
}

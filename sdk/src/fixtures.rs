//! Small label maps for tests, drawn in the source.

use crate::domain::{DomainError, Grid, LabelMap, SlowAxis};

/// A 2-D label map drawn in characters, one row a line: `.` is background, a digit its label. A
/// voxel is 1 mm x 1 mm; [`label_map_with`] takes another spacing.
///
/// # Panics
/// If the rows are not of one length, or hold another character.
///
/// ```
/// let map = rl4seg_sdk::fixtures::label_map(&["..11..", ".1221.", "..11.."]);
/// assert_eq!(map.grid().plane_shape(), [3, 6]);
/// assert_eq!(map.mask(2).iter().filter(|&&inside| inside).count(), 2);
/// ```
#[must_use]
pub fn label_map(rows: &[&str]) -> LabelMap {
    label_map_with(&[rows], [1.0, 1.0], SlowAxis::Single)
}

/// A label map of several planes, each drawn as in [`label_map`], with in-plane spacing `[y, x]` in mm.
///
/// # Panics
/// As [`label_map`], or if the planes differ in shape, or planes and spacing make no grid.
#[must_use]
pub fn label_map_with(planes: &[&[&str]], spacing_mm: [f64; 2], slow: SlowAxis) -> LabelMap {
    draw(planes, spacing_mm, slow).unwrap_or_else(|error| panic!("a label map that was drawn wrongly: {error}"))
}

fn draw(planes: &[&[&str]], spacing_mm: [f64; 2], slow: SlowAxis) -> Result<LabelMap, DomainError> {
    let height = planes.first().map_or(0, |rows| rows.len());
    let width = planes.first().and_then(|rows| rows.first()).map_or(0, |row| row.len());
    let grid = Grid::new([planes.len(), height, width], spacing_mm, slow)?;
    let mut labels = Vec::with_capacity(grid.len());
    for (plane, rows) in planes.iter().enumerate() {
        assert_eq!(rows.len(), height, "plane {plane} has {} rows, plane 0 has {height}", rows.len());
        for (y, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), width, "row {y} of plane {plane} is {row:?}; expected {width} characters");
            labels.extend(row.bytes().map(|drawn| match drawn {
                b'.' => 0,
                b'0'..=b'9' => drawn - b'0',
                _ => panic!("row {y} of plane {plane} is {row:?}; expected `.` and digits"),
            }));
        }
    }
    LabelMap::new(grid, labels)
}

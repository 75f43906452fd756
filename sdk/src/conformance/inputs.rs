//! Questions of every kind, to be answered or refused.

use std::collections::BTreeSet;

use crate::domain::{DomainError, Grid, Image, LabelMap, SlowAxis};

/// How label maps are filled: the label of voxel `[slow, y, x]`, of shape `[slow, y, x]`.
type Fill = fn([usize; 3], [usize; 3], &[u8]) -> u8;

/// Label maps of `values`, of every kind that a component may meet, each with what it is: without a structure, of one
/// structure alone, nested as organs are, scattered; of one voxel, one row, many voxels; with unequal spacing; frames of a
/// sequence, slices of a volume. Without values they are 0 to 3.
///
/// # Errors
/// None that can happen: the grids are sound.
pub fn label_maps(values: &[u8]) -> Result<Vec<(String, LabelMap)>, DomainError> {
    let mut structures: Vec<u8> =
        values.iter().copied().filter(|&value| value != 0).collect::<BTreeSet<_>>().into_iter().collect();
    if structures.is_empty() {
        structures = vec![1, 2, 3];
    }
    let grids = [
        ("one voxel", Grid::plane([1, 1], [1.0, 1.0])?),
        ("one row", Grid::plane([1, 17], [0.3, 0.3])?),
        ("an image", Grid::plane([48, 40], [1.0, 1.0])?),
        ("an image of unequal spacing", Grid::plane([32, 64], [2.5, 0.4])?),
        ("a large image", Grid::plane([768, 640], [0.2, 0.2])?),
        ("a sequence", Grid::new([3, 24, 24], [1.0, 1.0], SlowAxis::Time { interval_ms: None })?),
        ("a volume", Grid::new([5, 24, 20], [1.5, 1.5], SlowAxis::Depth { spacing_mm: 8.0 })?),
    ];
    let fills: [(&str, Fill); 4] = [
        ("without a structure", |_, _, _| 0),
        ("of one structure alone", |_, _, structures| structures[0]),
        ("of nested structures", nested),
        ("of scattered structures", scattered),
    ];
    let mut maps = Vec::new();
    for (grid_name, grid) in grids {
        for (fill_name, fill) in fills {
            maps.push((format!("{grid_name} {fill_name}"), filled(grid, fill, &structures)?));
        }
    }
    Ok(maps)
}

/// Images of one channel on a grid: of one intensity, and of many.
///
/// # Errors
/// None that can happen.
pub fn images(grid: &Grid) -> Result<[Image; 2], DomainError> {
    let waves = (0..grid.len()).map(|voxel| 0.5 + 0.5 * (voxel as f32 * 0.37).sin()).collect();
    Ok([Image::new(*grid, 1, vec![0.5; grid.len()])?, Image::new(*grid, 1, waves)?])
}

fn filled(grid: Grid, fill: Fill, structures: &[u8]) -> Result<LabelMap, DomainError> {
    let shape = grid.shape();
    let [_, height, width] = shape;
    let at = |voxel: usize| [voxel / (height * width), voxel / width % height, voxel % width];
    LabelMap::new(grid, (0..grid.len()).map(|voxel| fill(at(voxel), shape, structures)).collect())
}

/// One within the other, the first innermost, with background around.
fn nested([_, y, x]: [usize; 3], [_, height, width]: [usize; 3], structures: &[u8]) -> u8 {
    let away = |at: usize, side: usize| (at as f64 + 0.5 - side as f64 / 2.0).abs() / (side as f64 / 2.0);
    let radius = away(y, height).hypot(away(x, width));
    let ring = (radius / 0.8 * structures.len() as f64) as usize;
    structures.get(ring).copied().unwrap_or(0)
}

/// Every structure in many pieces.
fn scattered([slow, y, x]: [usize; 3], _: [usize; 3], structures: &[u8]) -> u8 {
    let draw = (slow * 31 + y * 17 + x * 13 + y * x * 7) % 11;
    structures.get(draw).copied().unwrap_or(0)
}

//! Label maps of one plane as signed distances on a grid of their own, free of position and size.
//!
//! A field is `[label, y, x]`: for each label, background included, the distance to its outline,
//! positive within, in radii of the pose, truncated to ± [`TRUNCATION`].

use std::ops::Range;

use super::pose::Pose;
use crate::{
    component::Result,
    domain::{Grid, LabelMap},
    measure::{Mask, distance_transform},
};

/// Points along each side of the field's grid.
pub(super) const SIDE: usize = 64;
/// Half the side of the field's grid, radii of the pose.
const REACH: f64 = 1.05;
/// Largest distance to an outline that is told apart, radii of the pose.
const TRUNCATION: f64 = 0.22;

/// Number of values of a field.
pub(super) fn len(label_count: usize) -> usize {
    label_count * SIDE * SIDE
}

/// The field of one plane, its grid turned by `rotation` radians about the pose's centre.
pub(super) fn encode(
    labels: &LabelMap,
    plane: usize,
    pose: &Pose,
    label_count: usize,
    rotation: f64,
) -> Result<Vec<f32>> {
    let (sin, cos) = rotation.sin_cos();
    let margin = (REACH * (sin.abs() + cos.abs()) + TRUNCATION) * pose.radius_mm;
    let window = Window::around(labels, plane, pose, margin)?;
    let distances = window.signed_distances(label_count, pose.radius_mm);
    let mut field = Vec::with_capacity(len(label_count));
    for distances in &distances {
        for row in 0..SIDE {
            for column in 0..SIDE {
                let [y, x] = [coordinate(row), coordinate(column)];
                let turned = [cos * y - sin * x, sin * y + cos * x];
                field.push(window.sample(distances, turned, pose));
            }
        }
    }
    Ok(field)
}

/// Writes the label with the highest value at each voxel into `labels`, one plane on `grid`.
/// Voxels outside the field are background.
pub(super) fn decode(field: &[f32], pose: &Pose, grid: &Grid, labels: &mut [u8]) {
    let [_, width] = grid.plane_shape();
    let spacing = grid.spacing_mm();
    let columns: Vec<Option<Between>> =
        (0..width).map(|x| Between::of(x as f64 * spacing[1], pose.centre_mm[1], pose.radius_mm)).collect();
    for (y, labels) in labels.chunks_exact_mut(width).enumerate() {
        let row = Between::of(y as f64 * spacing[0], pose.centre_mm[0], pose.radius_mm);
        for (label, column) in labels.iter_mut().zip(&columns) {
            *label = match (&row, column) {
                (Some(row), Some(column)) => highest(field, row, column),
                _ => 0,
            };
        }
    }
}

/// Where point `index` of the field's grid lies along an axis, radii from the centre.
fn coordinate(index: usize) -> f64 {
    REACH * (2.0 * index as f64 / (SIDE - 1) as f64 - 1.0)
}

/// A position between two neighbouring points of a grid, along one axis.
struct Between {
    before: usize,
    weight_after: f32,
}

impl Between {
    /// The position on the field's grid; `None` outside.
    fn of(position_mm: f64, centre_mm: f64, radius_mm: f64) -> Option<Self> {
        let last = (SIDE - 1) as f64;
        let index = ((position_mm - centre_mm) / (radius_mm * REACH) + 1.0) / 2.0 * last;
        (0.0..=last).contains(&index).then(|| {
            let before = (index as usize).min(SIDE - 2);
            Self { before, weight_after: (index - before as f64) as f32 }
        })
    }
}

fn bilinear(values: &[f32], width: usize, row: &Between, column: &Between) -> f32 {
    let at = row.before * width + column.before;
    let mix = |at: usize| values[at] + (values[at + 1] - values[at]) * column.weight_after;
    let (before, after) = (mix(at), mix(at + width));
    before + (after - before) * row.weight_after
}

fn highest(field: &[f32], row: &Between, column: &Between) -> u8 {
    let (mut label, mut highest) = (0, f32::NEG_INFINITY);
    for (candidate, values) in field.chunks_exact(SIDE * SIDE).enumerate() {
        let value = bilinear(values, SIDE, row, column);
        if value > highest {
            (label, highest) = (candidate as u8, value);
        }
    }
    label
}

/// The part of a plane around a pose. It may reach beyond the image; there it is background.
struct Window {
    labels: LabelMap,
    /// `[y, x]` of its first voxel in the plane.
    first: [isize; 2],
}

impl Window {
    fn around(labels: &LabelMap, plane: usize, pose: &Pose, margin_mm: f64) -> Result<Self> {
        let [height, width] = labels.grid().plane_shape();
        let spacing = labels.grid().spacing_mm();
        let span = |axis: usize| -> Range<isize> {
            let low = ((pose.centre_mm[axis] - margin_mm) / spacing[axis]).floor() as isize;
            let high = ((pose.centre_mm[axis] + margin_mm) / spacing[axis]).ceil() as isize;
            low - 1..high + 2
        };
        let (ys, xs) = (span(0), span(1));
        let grid = Grid::plane([ys.len(), xs.len()], spacing)?;
        let mut window = LabelMap::background(grid);
        let inside = |range: &Range<isize>, len: usize| range.start.max(0)..range.end.min(len as isize);
        let (inside_y, inside_x) = (inside(&ys, height), inside(&xs, width));
        for y in inside_y {
            let target = (y - ys.start) as usize * xs.len() + (inside_x.start - xs.start) as usize;
            let source = y as usize * width + inside_x.start as usize;
            let len = inside_x.len();
            window.labels_mut()[target..target + len].copy_from_slice(&labels.plane(plane)[source..source + len]);
        }
        Ok(Self { labels: window, first: [ys.start, xs.start] })
    }

    /// For each label, the distance of every voxel to its outline, as in a field.
    fn signed_distances(&self, label_count: usize, radius_mm: f64) -> Vec<Vec<f32>> {
        let [spacing_y, spacing_x] = self.labels.grid().spacing_mm();
        let voxels = self.labels.grid().len();
        let to_label = |label: usize| {
            let mask = Mask::of_label(&self.labels, label as u8);
            distance_transform(&mask, [0.0, spacing_y, spacing_x]).unwrap_or_else(|| vec![f64::INFINITY; voxels])
        };
        let distances: Vec<Vec<f64>> = (0..label_count).map(to_label).collect();
        let signed = |label: usize, voxel: usize| {
            let others = distances.iter().enumerate().filter(|(other, _)| *other != label);
            let to_outside = others.map(|(_, to_other)| to_other[voxel]).fold(f64::INFINITY, f64::min);
            ((to_outside - distances[label][voxel]) / radius_mm).clamp(-TRUNCATION, TRUNCATION) as f32
        };
        (0..label_count).map(|label| (0..voxels).map(|voxel| signed(label, voxel)).collect()).collect()
    }

    /// Bilinear value at `at` `[y, x]`, radii from the pose's centre.
    fn sample(&self, values: &[f32], at: [f64; 2], pose: &Pose) -> f32 {
        let spacing = self.labels.grid().spacing_mm();
        let [height, width] = self.labels.grid().plane_shape();
        let split = |axis: usize, len: usize| {
            let index = (pose.centre_mm[axis] + at[axis] * pose.radius_mm) / spacing[axis] - self.first[axis] as f64;
            let before = (index.max(0.0) as usize).min(len - 2);
            Between { before, weight_after: (index - before as f64) as f32 }
        };
        bilinear(values, width, &split(0, height), &split(1, width))
    }
}

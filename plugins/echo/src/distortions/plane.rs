//! One plane of an accepted label map, measured in millimetres.

use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result},
    domain::LabelMap,
    measure::{Mask, distance_transform},
};

use crate::labels::{LEFT_VENTRICLE, MYOCARDIUM};

/// y, x from the plane's first pixel, mm.
pub(super) type Point = [f32; 2];

/// A plane that shows ventricle and wall.
pub(super) struct Plane<'a> {
    map: &'a LabelMap,
    index: usize,
    labels: &'a [u8],
    rows: usize,
    columns: usize,
    spacing: Point,
    ventricle: Vec<Point>,
    wall: Vec<Point>,
}

impl<'a> Plane<'a> {
    pub(super) fn new(map: &'a LabelMap, index: usize) -> Result<Self> {
        let [rows, columns] = map.grid().plane_shape();
        let spacing = map.grid().spacing_mm().map(|length| length as f32);
        let labels = map.plane(index);
        let mut plane = Self { map, index, labels, rows, columns, spacing, ventricle: Vec::new(), wall: Vec::new() };
        plane.ventricle = plane.points(|label| label == LEFT_VENTRICLE);
        plane.wall = plane.points(|label| label == MYOCARDIUM);
        if plane.ventricle.is_empty() || plane.wall.is_empty() {
            return Err(ComponentError::new(
                ErrorKind::Unsupported,
                format!(
                    "plane {index} has {} pixels of left ventricle and {} of myocardium; expected both: only a plane \
                     that shows the ventricle can be distorted",
                    plane.ventricle.len(),
                    plane.wall.len()
                ),
            ));
        }
        Ok(plane)
    }

    pub(super) fn labels(&self) -> &[u8] {
        self.labels
    }

    /// Pixels of the left ventricle.
    pub(super) fn ventricle(&self) -> &[Point] {
        &self.ventricle
    }

    /// Pixels of the myocardium that touch background.
    pub(super) fn outer_wall(&self) -> Vec<Point> {
        let touches_background = |&point: &Point| {
            [[-1, 0], [1, 0], [0, -1], [0, 1]].iter().any(|step| {
                let shift = [step[0] as f32 * self.spacing[0], step[1] as f32 * self.spacing[1]];
                self.label_at([point[0] + shift[0], point[1] + shift[1]]) == 0
            })
        };
        self.wall.iter().copied().filter(touches_background).collect()
    }

    /// The distance of every pixel from the left ventricle, mm.
    pub(super) fn ventricle_distance(&self) -> Vec<f64> {
        self.distance_from(&self.ventricle_mask())
    }

    /// The distance of every pixel from what is not left ventricle, mm.
    pub(super) fn depth_in_ventricle(&self) -> Vec<f64> {
        self.distance_from(&!&self.ventricle_mask())
    }

    /// The distance of every pixel from ventricle and wall, mm.
    pub(super) fn heart_distance(&self) -> Vec<f64> {
        self.distance_from(&!&Mask::of_plane(self.map, self.index, 0))
    }

    fn ventricle_mask(&self) -> Mask {
        Mask::of_plane(self.map, self.index, LEFT_VENTRICLE)
    }

    fn distance_from(&self, mask: &Mask) -> Vec<f64> {
        let [y, x] = self.map.grid().spacing_mm();
        // The first spacing plays no part in a single plane.
        distance_transform(mask, [1.0, y, x]).unwrap_or_else(|| vec![f64::INFINITY; self.labels.len()])
    }

    /// Length of a step that misses no pixel, mm.
    pub(super) fn step(&self) -> f32 {
        0.5 * self.spacing[0].min(self.spacing[1])
    }

    /// Unit vector along the ventricle's axis from apex to base: the wall is a horseshoe that is
    /// open at the base, so that its centre lies apical of the ventricle's. `None` for a ring.
    pub(super) fn towards_base(&self) -> Option<Point> {
        let (ventricle, wall) = (centre(&self.ventricle), centre(&self.wall));
        let axis = [ventricle[0] - wall[0], ventricle[1] - wall[1]];
        let length = axis[0].hypot(axis[1]);
        (length > self.step()).then(|| [axis[0] / length, axis[1] / length])
    }

    /// The label of the pixel at `point`; background outside the plane.
    pub(super) fn label_at(&self, point: Point) -> u8 {
        let [row, column] = [0, 1].map(|axis| (point[axis] / self.spacing[axis]).round());
        let inside = row >= 0.0 && column >= 0.0 && row < self.rows as f32 && column < self.columns as f32;
        if inside { self.labels[row as usize * self.columns + column as usize] } else { 0 }
    }

    /// The plane with every label replaced by what `change` makes of it and its place.
    pub(super) fn map(&self, change: impl Fn(Point, u8) -> u8) -> Vec<u8> {
        self.labels.iter().enumerate().map(|(index, &label)| change(self.point(index), label)).collect()
    }

    /// The places of the pixels whose value in `values` passes `wanted`.
    pub(super) fn places(&self, values: &[f64], wanted: impl Fn(f64) -> bool) -> Vec<Point> {
        let pixels = values.iter().enumerate().filter(|&(_, &value)| wanted(value));
        pixels.map(|(index, _)| self.point(index)).collect()
    }

    fn point(&self, index: usize) -> Point {
        [(index / self.columns) as f32 * self.spacing[0], (index % self.columns) as f32 * self.spacing[1]]
    }

    fn points(&self, wanted: impl Fn(u8) -> bool) -> Vec<Point> {
        let pixels = self.labels.iter().enumerate().filter(|&(_, &label)| wanted(label));
        pixels.map(|(index, _)| self.point(index)).collect()
    }
}

/// The mean of `points`.
pub(super) fn centre(points: &[Point]) -> Point {
    let sum = points.iter().fold([0.0; 2], |sum: Point, point| [sum[0] + point[0], sum[1] + point[1]]);
    sum.map(|sum| sum / points.len() as f32)
}

/// Distance of two places, mm.
pub(super) fn distance(a: Point, b: Point) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The one of `points` that is nearest to `place`, which is returned if there is none.
pub(super) fn nearest(points: &[Point], place: Point) -> Point {
    let square = |point: Point| (point[0] - place[0]).powi(2) + (point[1] - place[1]).powi(2);
    points.iter().copied().min_by(|&a, &b| square(a).total_cmp(&square(b))).unwrap_or(place)
}

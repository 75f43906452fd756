use serde::{Deserialize, Serialize};

use super::DomainError;

/// What the slow axis of a [`Grid`] is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SlowAxis {
    /// A 2-D image: one entry, no extent.
    Single,
    /// Slices of a volume.
    Depth {
        /// Distance between slice centres, mm.
        spacing_mm: f64,
    },
    /// Frames of a sequence.
    Time {
        /// Time between frames, ms, where the file says it.
        interval_ms: Option<f64>,
    },
}

/// Shape and physical spacing of an image or a label map, axes `[slow, y, x]`.
///
/// A grid can only be made with a spacing, so every length measured on it is physical.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawGrid", into = "RawGrid")]
pub struct Grid {
    shape: [usize; 3],
    spacing_mm: [f64; 2],
    slow: SlowAxis,
}

impl Grid {
    /// A grid of `shape` `[slow, y, x]` with in-plane spacing `[y, x]` in mm.
    ///
    /// # Errors
    /// If an axis is empty, a spacing is not finite and above zero, or there are several slow
    /// entries under [`SlowAxis::Single`].
    pub fn new(shape: [usize; 3], spacing_mm: [f64; 2], slow: SlowAxis) -> Result<Self, DomainError> {
        if shape.contains(&0) {
            return Err(DomainError::EmptyShape { shape });
        }
        check_length("y", spacing_mm[0], "mm")?;
        check_length("x", spacing_mm[1], "mm")?;
        match slow {
            SlowAxis::Single if shape[0] > 1 => return Err(DomainError::UnnamedSlowAxis { slices: shape[0] }),
            SlowAxis::Depth { spacing_mm } => check_length("slow", spacing_mm, "mm")?,
            SlowAxis::Time { interval_ms: Some(interval) } => check_length("slow", interval, "ms")?,
            SlowAxis::Single | SlowAxis::Time { interval_ms: None } => {}
        }
        Ok(Self { shape, spacing_mm, slow })
    }

    /// A 2-D grid of `[y, x]` voxels with spacing `[y, x]` in mm.
    ///
    /// # Errors
    /// As [`Grid::new`].
    pub fn plane(shape: [usize; 2], spacing_mm: [f64; 2]) -> Result<Self, DomainError> {
        Self::new([1, shape[0], shape[1]], spacing_mm, SlowAxis::Single)
    }

    /// Number of voxels along `[slow, y, x]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// In-plane spacing `[y, x]`, mm.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 2] {
        self.spacing_mm
    }

    /// What the slow axis is.
    #[must_use]
    pub fn slow(&self) -> SlowAxis {
        self.slow
    }

    /// Number of slices or frames.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.shape[0]
    }

    /// `[y, x]` shape of one slice or frame.
    #[must_use]
    pub fn plane_shape(&self) -> [usize; 2] {
        [self.shape[1], self.shape[2]]
    }

    /// Number of voxels of one slice or frame.
    #[must_use]
    pub fn plane_len(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// Number of voxels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape[0] * self.plane_len()
    }

    /// Always false: a grid has at least one voxel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// `[slow, y, x]` of the voxel at `index` in C order.
    #[must_use]
    pub fn position(&self, index: usize) -> [usize; 3] {
        let in_plane = index % self.plane_len();
        [index / self.plane_len(), in_plane / self.shape[2], in_plane % self.shape[2]]
    }

    /// The same slow axis with another in-plane shape and spacing, both `[y, x]`.
    ///
    /// # Errors
    /// As [`Grid::new`].
    pub fn with_plane(&self, shape: [usize; 2], spacing_mm: [f64; 2]) -> Result<Self, DomainError> {
        Self::new([self.shape[0], shape[0], shape[1]], spacing_mm, self.slow)
    }

    /// The grid of a single slice or frame.
    #[must_use]
    pub fn one_plane(&self) -> Self {
        Self { shape: [1, self.shape[1], self.shape[2]], spacing_mm: self.spacing_mm, slow: SlowAxis::Single }
    }

    /// What differs between two grids, or `None` if they agree. Spacings agree to a part in 10⁴: programs keep them as float32, and
    /// some round what they write.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.shape != other.shape {
            return Some(format!("shape [slow, y, x] {:?} against {:?}", self.shape, other.shape));
        }
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * a.abs().max(b.abs());
        let [y, x] = self.spacing_mm;
        let [other_y, other_x] = other.spacing_mm;
        if !close(y, other_y) || !close(x, other_x) {
            return Some(format!("spacing [y, x] {:?} mm against {:?} mm", self.spacing_mm, other.spacing_mm));
        }
        match (self.slow, other.slow) {
            (SlowAxis::Depth { spacing_mm: a }, SlowAxis::Depth { spacing_mm: b }) if !close(a, b) => {
                Some(format!("slice distance {a} mm against {b} mm"))
            }
            _ => None,
        }
    }

    /// Refuses two things that do not lie on the same grid.
    ///
    /// # Errors
    /// [`DomainError::GridMismatch`] with `names` and what differs.
    pub fn require_same(&self, other: &Self, names: [&str; 2]) -> Result<(), DomainError> {
        match self.difference(other) {
            None => Ok(()),
            Some(detail) => {
                Err(DomainError::GridMismatch { left: names[0].to_owned(), right: names[1].to_owned(), detail })
            }
        }
    }
}

fn check_length(axis: &'static str, found: f64, unit: &'static str) -> Result<(), DomainError> {
    if found.is_finite() && found > 0.0 { Ok(()) } else { Err(DomainError::Spacing { axis, found, unit }) }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrid {
    shape: [usize; 3],
    spacing_mm: [f64; 2],
    slow: SlowAxis,
}

impl TryFrom<RawGrid> for Grid {
    type Error = DomainError;

    fn try_from(raw: RawGrid) -> Result<Self, DomainError> {
        Self::new(raw.shape, raw.spacing_mm, raw.slow)
    }
}

impl From<Grid> for RawGrid {
    fn from(grid: Grid) -> Self {
        Self { shape: grid.shape, spacing_mm: grid.spacing_mm, slow: grid.slow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spacing_must_be_a_length() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Grid::plane([4, 4], [bad, 1.0]).is_err(), "{bad}");
            assert!(Grid::plane([4, 4], [1.0, bad]).is_err(), "{bad}");
            assert!(Grid::new([2, 4, 4], [1.0, 1.0], SlowAxis::Depth { spacing_mm: bad }).is_err(), "{bad}");
        }
    }

    #[test]
    fn several_planes_need_a_named_slow_axis() {
        assert!(Grid::new([2, 4, 4], [1.0, 1.0], SlowAxis::Single).is_err());
        assert!(Grid::new([2, 4, 4], [1.0, 1.0], SlowAxis::Time { interval_ms: None }).is_ok());
    }

    #[test]
    fn spacings_are_the_same_to_a_part_in_ten_thousand() {
        let of = |[z, y, x]: [f64; 3]| Grid::new([2, 3, 4], [y, x], SlowAxis::Depth { spacing_mm: z }).unwrap();
        let grid = of([5.0, 0.5, 0.25]);
        for axis in 0..3 {
            let by = |share: f64| {
                let mut lengths = [5.0, 0.5, 0.25];
                lengths[axis] *= 1.0 + share;
                of(lengths)
            };
            for (share, is_same) in [(0.5e-4, true), (-0.5e-4, true), (2e-4, false), (-2e-4, false)] {
                let other = by(share);
                assert_eq!(grid.difference(&other).is_none(), is_same, "axis {axis}, {share}");
                assert_eq!(other.difference(&grid).is_none(), is_same, "axis {axis}, {share}, the other way round");
            }
        }
        let names = grid.difference(&of([5.001, 0.5, 0.25])).unwrap();
        assert_eq!(names, "slice distance 5 mm against 5.001 mm");
    }

    #[test]
    fn position_counts_in_c_order() {
        let grid = Grid::new([2, 3, 4], [1.0, 1.0], SlowAxis::Time { interval_ms: None }).unwrap();
        assert_eq!(grid.position(0), [0, 0, 0]);
        assert_eq!(grid.position(17), [1, 1, 1]);
    }

    #[test]
    fn serde_refuses_what_new_refuses() {
        let json = r#"{"shape":[1,4,4],"spacing_mm":[0.0,1.0],"slow":{"kind":"single"}}"#;
        assert!(serde_json::from_str::<Grid>(json).is_err());
    }
}

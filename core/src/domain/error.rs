use thiserror::Error;

/// Data that cannot be what it says it is.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DomainError {
    /// A spacing is missing, not finite, or not above zero.
    #[error("{axis} spacing is {found}; expected a finite length above 0 {unit}")]
    Spacing {
        /// Which axis: `slow`, `y` or `x`.
        axis: &'static str,
        /// The value found.
        found: f64,
        /// `mm` or `ms`.
        unit: &'static str,
    },
    /// An axis has no voxels.
    #[error("shape [slow, y, x] is {shape:?}; every axis needs at least one voxel")]
    EmptyShape {
        /// The shape found, `[slow, y, x]`.
        shape: [usize; 3],
    },
    /// More than one slice or frame, but nothing says which of the two they are.
    #[error("{slices} entries along the slow axis, but the grid does not say whether it is depth or time")]
    UnnamedSlowAxis {
        /// The number of entries found.
        slices: usize,
    },
    /// The number of values does not fill the shape.
    #[error("{found} values do not fill {what}; expected {expected}")]
    Length {
        /// What was to be filled.
        what: String,
        /// The number of values found.
        found: usize,
        /// The number of values expected.
        expected: usize,
    },
    /// Two things that must lie on the same grid do not.
    #[error("{left} and {right} lie on different grids: {detail}")]
    GridMismatch {
        /// The first thing.
        left: String,
        /// The second thing.
        right: String,
        /// What differs, with both values.
        detail: String,
    },
    /// A voxel carries a label that the label set does not have.
    #[error("label {found} at [slow, y, x] = {at:?} is not in the label set {expected}")]
    UnknownLabel {
        /// The label value found.
        found: i64,
        /// Where it was found first.
        at: [usize; 3],
        /// The label set, as `0 background, 1 left ventricle`.
        expected: String,
    },
    /// A label set that is not numbered 0, 1, 2, ... or repeats a name.
    #[error("label set: {0}")]
    LabelSet(String),
}

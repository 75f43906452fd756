use thiserror::Error;

/// Data on which a calibration cannot be measured.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// There are no values.
    #[error("no {what}: at least one voxel or image is needed")]
    Empty {
        /// What was to be measured.
        what: &'static str,
    },
    /// Two lists that belong together differ in length.
    #[error("{found} {what} for {expected} outcomes; expected one for each")]
    Length {
        /// What was counted.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number of outcomes.
        expected: usize,
    },
    /// A value is NaN, infinite or out of range.
    #[error("{what} {index} is {found}; expected {expected}")]
    Value {
        /// What the value is.
        what: &'static str,
        /// Its position.
        index: usize,
        /// The value.
        found: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// Every outcome is the same, so nothing can be learned from it.
    #[error("all {voxels} outcomes are {outcome}; right and wrong ones are needed, so use more or other cases")]
    OneOutcome {
        /// The number of outcomes.
        voxels: usize,
        /// The outcome they share.
        outcome: bool,
    },
    /// One list is constant.
    #[error("all {what} are {value}; they must differ for an association to be measured")]
    Constant {
        /// What is constant.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// There are not enough values.
    #[error("{found} {what}; expected at least {least}")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The least that is needed.
        least: usize,
    },
    /// The cross-entropy has no minimum at a finite temperature above zero.
    #[error("no temperature fits: {reason}")]
    NoTemperature {
        /// Why there is none.
        reason: &'static str,
    },
    /// Nothing can be put into no bins.
    #[error("0 bins; expected at least 1")]
    NoBins,
}

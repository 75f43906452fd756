//! How far a model's confidence can be believed: temperature scaling, calibration errors, and how
//! well an uncertainty points at the errors.
//!
//! Voxels of any number of images are put behind each other; nothing here needs a grid. Confidences
//! are taken as `f32` or `f64`; all sums are `f64` and run in a fixed order.

mod association;
mod error;
mod regression;
mod reliability;
mod temperature;

pub use association::{MutualInformation, area_under_roc, mutual_information, pearson};
pub use error::CalibrationError;
pub use regression::{LineFit, fit_line};
pub use reliability::{EqualWidth, Reliability, ReliabilityBin};
pub use temperature::{TemperatureFit, binary_cross_entropy, fit_temperature};

type Result<T> = std::result::Result<T, CalibrationError>;

/// Refuses nothing at all, and two lists of different length.
fn require_pairs(what: &'static str, values: usize, outcomes: usize) -> Result<()> {
    match values {
        0 => Err(CalibrationError::Empty { what }),
        found if found != outcomes => Err(CalibrationError::Length { what, found, expected: outcomes }),
        _ => Ok(()),
    }
}

/// Refuses NaN and infinity, and what `accepts` refuses.
fn require_values<T: Into<f64> + Copy>(
    what: &'static str,
    values: &[T],
    expected: &'static str,
    accepts: impl Fn(f64) -> bool,
) -> Result<()> {
    match values.iter().position(|&value| !(value.into().is_finite() && accepts(value.into()))) {
        None => Ok(()),
        Some(index) => Err(CalibrationError::Value { what, index, found: values[index].into(), expected }),
    }
}

/// Refuses data in which every voxel is right, or every voxel is wrong.
fn require_both_outcomes(correct: &[bool]) -> Result<()> {
    if correct.iter().all(|&right| right == correct[0]) {
        return Err(CalibrationError::OneOutcome { voxels: correct.len(), outcome: correct[0] });
    }
    Ok(())
}

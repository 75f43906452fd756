use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PreprocessError;

/// How intensities are brought into [0, 1].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rescale {
    /// Not at all: they must lie there already. `rescale = "none"`
    #[default]
    None,
    /// The smallest of the image becomes 0, the largest 1; an image of one intensity becomes 0.
    /// `rescale = "min-max"`
    MinMax,
    /// Divided by a number, 255 for 8-bit images. `rescale = { divide = 255 }`. An image that lies
    /// in [0, 1] already is refused: it would come out black.
    Divide(f64),
}

/// What rounding can do to the ends of [0, 1] on the way into and out of a file.
const ROUNDING: f32 = 1e-5;

impl Rescale {
    pub(super) fn check(&self) -> Result<(), PreprocessError> {
        match self {
            Self::Divide(by) if !(by.is_finite() && *by > 0.0) => Err(PreprocessError::Setting {
                key: "preprocess.rescale.divide",
                found: by.to_string(),
                expected: "a finite number above 0",
            }),
            _ => Ok(()),
        }
    }

    /// Rescales `values` in place.
    pub(super) fn apply(&self, values: &mut [f32]) -> Result<(), PreprocessError> {
        let (min, max) = range(values)?;
        match *self {
            Self::None => {
                let remedy = "set preprocess.rescale to \"min-max\" or to { divide = NUMBER }";
                check_unit_range((min, max), "as they were read".to_owned(), remedy)?;
                change(values, |value| value.clamp(0.0, 1.0));
                Ok(())
            }
            Self::MinMax => {
                let [low, extent] = [f64::from(min), f64::from(max) - f64::from(min)];
                let extent = if extent == 0.0 { 1.0 } else { extent };
                change(values, |value| (value - low) / extent);
                Ok(())
            }
            Self::Divide(by) if by > 1.0 && max > 0.0 && max <= 1.0 => Err(PreprocessError::AlreadyInRange { max, by }),
            Self::Divide(by) => {
                change(values, |value| value / by);
                let remedy = "set preprocess.rescale.divide to the largest intensity that can occur";
                check_unit_range(range(values)?, format!("after division by {by}"), remedy)?;
                change(values, |value| value.clamp(0.0, 1.0));
                Ok(())
            }
        }
    }
}

fn change(values: &mut [f32], rule: impl Fn(f64) -> f64) {
    for value in values {
        *value = rule(f64::from(*value)) as f32;
    }
}

/// Smallest and largest value; refuses NaN and infinity.
pub(super) fn range(values: &[f32]) -> Result<(f32, f32), PreprocessError> {
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(PreprocessError::NotFinite { value: values[index], index });
    }
    Ok(values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), &value| (min.min(value), max.max(value))))
}

fn check_unit_range((min, max): (f32, f32), after: String, remedy: &'static str) -> Result<(), PreprocessError> {
    if min >= -ROUNDING && max <= 1.0 + ROUNDING {
        Ok(())
    } else {
        Err(PreprocessError::Range { min, max, after, remedy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_accepts_only_what_is_in_range() {
        assert!(Rescale::None.apply(&mut [0.0, 0.5, 1.0]).is_ok());
        let mut rounded = [-2e-8, 0.5, 1.000_001];
        Rescale::None.apply(&mut rounded).unwrap();
        assert_eq!(rounded, [0.0, 0.5, 1.0]);
        let error = Rescale::None.apply(&mut [0.0, 255.0]).unwrap_err();
        assert!(error.to_string().contains("[0, 255] as they were read"), "{error}");
    }

    #[test]
    fn dividing_by_too_little_is_told() {
        let mut values = [0.0, 51.0, 255.0];
        Rescale::Divide(255.0).apply(&mut values).unwrap();
        assert_eq!(values, [0.0, 0.2, 1.0]);
        assert!(Rescale::Divide(100.0).apply(&mut [0.0, 255.0]).is_err());
        assert!(Rescale::Divide(255.0).apply(&mut [-1.0, 255.0]).is_err());
        let error = Rescale::Divide(255.0).apply(&mut [0.0, 1.0]).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        assert!(Rescale::Divide(255.0).apply(&mut [0.0, 0.0]).is_ok());
    }

    #[test]
    fn min_max_reaches_both_ends_and_survives_a_constant() {
        let mut values = [-1024.0, 0.0, 1024.0];
        Rescale::MinMax.apply(&mut values).unwrap();
        assert_eq!(values, [0.0, 0.5, 1.0]);
        let mut constant = [7.0; 3];
        Rescale::MinMax.apply(&mut constant).unwrap();
        assert_eq!(constant, [0.0; 3]);
    }

    #[test]
    fn nan_never_passes() {
        for rescale in [Rescale::None, Rescale::MinMax, Rescale::Divide(1.0)] {
            assert!(rescale.apply(&mut [0.0, f32::NAN]).is_err(), "{rescale:?}");
        }
    }
}

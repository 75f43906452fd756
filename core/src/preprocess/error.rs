use thiserror::Error;

use crate::{
    component::{ComponentError, ErrorKind},
    domain::DomainError,
};

/// An image that cannot be prepared as the settings say.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// A setting with an impossible value.
    #[error("{key} is {found}; expected {expected}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Intensities outside [0, 1].
    #[error("intensities lie in [{min}, {max}] {after}; expected [0, 1]: {remedy}")]
    Range {
        /// Smallest intensity.
        min: f32,
        /// Largest intensity.
        max: f32,
        /// What was done to them before.
        after: String,
        /// Which setting to change.
        remedy: &'static str,
    },
    /// Intensities that would be divided although they lie in [0, 1] already.
    #[error(
        "intensities reach no more than {max} and would be divided by {by}; they lie in [0, 1] already: set \
         preprocess.rescale to \"none\""
    )]
    AlreadyInRange {
        /// Largest intensity.
        max: f32,
        /// The divisor that was asked for.
        by: f64,
    },
    /// An image that shows nothing.
    #[error("every intensity is {value}; expected an image: leave the case out, or look at how the file was made")]
    Blank {
        /// The one intensity.
        value: f32,
    },
    /// An intensity that is no number.
    #[error("intensity {value} at index {index} [channel, slow, y, x]; expected a finite number")]
    NotFinite {
        /// The value found.
        value: f32,
        /// Where it was found first.
        index: usize,
    },
    /// The data do not lie on the grid they should.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl From<PreprocessError> for ComponentError {
    fn from(error: PreprocessError) -> Self {
        let kind = match &error {
            PreprocessError::Setting { .. } => ErrorKind::Configuration,
            PreprocessError::NotFinite { .. } => ErrorKind::NotFinite,
            PreprocessError::Range { .. }
            | PreprocessError::AlreadyInRange { .. }
            | PreprocessError::Blank { .. }
            | PreprocessError::Domain(_) => ErrorKind::Inconsistent,
        };
        Self::new(kind, error.to_string())
    }
}

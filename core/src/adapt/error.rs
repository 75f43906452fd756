use thiserror::Error;

use crate::{
    component::ComponentError,
    domain::DomainError,
    measure::calibration::CalibrationError,
    run_dir::{RunError, Step},
};

/// Why a run cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// A component failed.
    #[error("{}", chain(.0))]
    Component(#[from] ComponentError),
    /// A file of the run cannot be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The data cannot be worked with.
    #[error("{0}")]
    Data(String),
    /// One of the above, and the step it happened in.
    #[error("{step}: {error}")]
    InStep {
        /// The step.
        step: Step,
        /// What happened.
        error: Box<AdaptError>,
    },
}

impl AdaptError {
    pub(super) fn in_step(self, step: Step) -> Self {
        Self::InStep { step, error: Box::new(self) }
    }
}

impl From<DomainError> for AdaptError {
    fn from(error: DomainError) -> Self {
        Self::Component(error.into())
    }
}

impl From<CalibrationError> for AdaptError {
    fn from(error: CalibrationError) -> Self {
        Self::Data(format!("calibrating the reward network: {error}; collect more cases or fit it longer"))
    }
}

fn chain(error: &ComponentError) -> String {
    error.chain().collect::<Vec<_>>().join(": ")
}

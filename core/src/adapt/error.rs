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
    /// The policy gives every voxel of every image the same label.
    #[error(
        "after {epoch} epochs the policy gives every voxel of all {images} held-out target images the label `{label}`: it has \
         collapsed, and going on would not bring it back. Begin another run with a lower policy.actor_learning_rate or \
         policy.entropy_coef, or a higher policy.divergence_coef; pretrain.checkpoint can name this run's \
         iteration-000/pretrain/actor.safetensors"
    )]
    Collapsed {
        /// Epochs of the step before it was seen.
        epoch: usize,
        /// The name of the label.
        label: String,
        /// How many images were looked at.
        images: usize,
    },
    /// The observer asked for it. No failure: the run goes on when it is run again.
    #[error("stopped as asked")]
    Interrupted,
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
    /// The step in which the policy collapsed, if that is what happened.
    #[must_use]
    pub fn collapsed_in(&self) -> Option<Step> {
        match self {
            Self::InStep { step, error } if matches!(**error, Self::Collapsed { .. }) => Some(*step),
            _ => None,
        }
    }

    /// The step that was stopped, if the observer asked for that.
    #[must_use]
    pub fn interrupted_in(&self) -> Option<Step> {
        match self {
            Self::InStep { step, error } if matches!(**error, Self::Interrupted) => Some(*step),
            _ => None,
        }
    }

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

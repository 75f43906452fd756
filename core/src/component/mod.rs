//! The six traits that the loop is made of, and two for the networks that plugins bring. One file, one trait.
//!
//! Nothing here names a tensor: images, label maps and numbers cross these traits, so a component
//! of any kind can live in a plugin.

mod corrector;
mod data_source;
mod distortion_generator;
mod error;
mod memory;
mod modality;
mod network;
mod policy;
mod registry;
mod reward_model;
mod settings;
mod training_state;
mod validity_metric;

pub use corrector::Corrector;
pub use data_source::DataSource;
pub use distortion_generator::{DistortionGenerator, DistortionRequest, WrongMap};
pub use error::{ComponentError, ErrorKind, Result};
pub use memory::{InferenceMemory, TrainingMemory};
pub use modality::Modality;
pub use network::{
    ARCHITECTURE_VERSION, Architecture, Channels, DifferentiableNetwork, IMAGE, Layer, NetworkArchitecture,
    NetworkDescription, NetworkInput, NetworkOutput, Operation, ParameterInfo, ParameterRole, Resolved, Statistics,
    Step, check_gradients,
};
pub use policy::{ImitationStep, Policy, PolicyState, PolicyUpdate, Segmentation, UpdateRule, UpdateStats};
pub use registry::{ComponentKind, Factory, LinkedPlugin, Registration};
pub use reward_model::{RewardBatch, RewardModel};
pub use settings::settings_schema;
pub use training_state::TrainingState;
pub use validity_metric::ValidityMetric;

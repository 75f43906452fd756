//! Right label maps from wrong ones.

mod morphology;
mod shape_prior;

pub use morphology::{Morphology, MorphologyConfig, clean};
pub use shape_prior::{ShapePrior, ShapePriorConfig};

//! What is done to an image before a network sees it, and how label maps find back.
//!
//! Intensities first (rescaling, then CLAHE, on the pixels as they were acquired), then geometry
//! (resampling, then cropping or padding), all within the plane: slices and frames are never mixed.

mod augment;
mod clahe;
mod contrast;
mod error;
mod fit;
mod resample;
mod rescale;
mod settings;

pub use augment::{Augment, SettingRange};
pub use clahe::Clahe;
pub use contrast::contrast;
pub use error::PreprocessError;
pub use rescale::Rescale;
pub use settings::{Prepared, PreparedGeometry, Preprocess};

//! Files: NIfTI volumes, folders of cases, and how a file is written so that nobody sees half of it.

mod atomic;
mod cases;
#[cfg(feature = "dicom")]
pub mod dicom;
mod error;
pub mod nifti;
mod placed;

pub use atomic::write_atomically;
pub use cases::write_cases;
pub use error::IoError;
pub use placed::{PlacedImage, PlacedLabels};

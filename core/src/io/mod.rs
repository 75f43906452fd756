//! Files: NIfTI volumes, folders of cases, and how a file is written so that nobody sees half of it.

mod atomic;
mod cases;
#[cfg(feature = "dicom")]
pub mod dicom;
mod error;
pub mod formats;
mod input;
pub mod nifti;
mod placed;
mod reading;

pub use atomic::write_atomically;
pub use cases::write_cases;
pub use error::IoError;
pub use formats::FoundImage;
pub use input::{Input, name as file_stem};
pub use placed::{PlacedImage, PlacedLabels};
pub use reading::{Intensity, Reading};

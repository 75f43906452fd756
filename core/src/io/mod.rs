//! Files: NIfTI volumes, folders of cases, and how a file is written so that nobody sees half of it.

mod angles;
mod atomic;
mod bare_dicom;
mod cases;
#[cfg(any(feature = "dicom", feature = "pictures"))]
mod caught;
#[cfg(feature = "dicom")]
pub mod dicom;
mod error;
pub mod formats;
mod input;
#[cfg(any(feature = "dicom", feature = "pictures"))]
mod luminance;
mod meta_image;
pub mod nifti;
mod nrrd;
#[cfg(feature = "pictures")]
mod picture;
mod placed;
mod placing;
mod reading;
mod voxels;

pub use atomic::write_atomically;
#[cfg(feature = "host")]
pub(crate) use atomic::{remove_hidden, sync_folder_of, write_durably};
pub use cases::{make_folder, write_cases};
#[cfg(any(feature = "dicom", feature = "pictures"))]
use caught::caught;
pub use error::IoError;
pub use formats::FoundImage;
pub use input::{Input, name as file_stem};
#[cfg(any(feature = "dicom", feature = "pictures"))]
use luminance::luminance;
pub use placed::{ImagePlace, PlacedImage, PlacedLabels};
pub use reading::{Intensity, Reading};

#[cfg(test)]
mod tests;

//! DICOM: ultrasound, MR, CT and radiographs, one file or many, one frame or many.
//!
//! Which files make an image: a file with one frame is a plane; a file with several frames is a volume where it says where each
//! lies (ImagePositionPatient), else a cine where it says when each was taken; files of one series with one frame each are a
//! volume. [`find`] sorts a folder's files into images.
//!
//! The order is `[slow, y, x]`, as the frames lie in the file; planes of a volume follow each other along the normal of
//! ImageOrientationPatient. Nothing is flipped.
//!
//! Intensities are those that RescaleSlope and RescaleIntercept give; of MONOCHROME1 they are turned round (smallest stored value
//! + largest stored value - value), so that large is bright in every image; of colours the luminance of ITU-R BT.601 is taken.

mod attributes;
mod codec;
mod color;
mod file;
mod find;
mod fragments;
mod image;
mod intensity;
mod lut;
mod mask;
mod pixels;
mod placement;
mod source;
mod spacing;
mod timing;

use std::path::Path;

pub(in crate::io) use file::is_dicom;
pub use find::{DicomFile, ImageFiles, find};
pub use image::DicomImage;
pub use intensity::Intensity;
pub use source::{DicomSource, SourcePlane};

use super::{IoError, nifti::ThirdAxis};

/// What files leave open, and what is wanted of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// What the slow axis of several frames is, where the file does not say it.
    pub third_axis: Option<ThirdAxis>,
    /// Spacing `[y, x]` in mm in place of the file's.
    pub spacing_mm: Option<[f64; 2]>,
    /// Which intensities are taken.
    pub intensity: Intensity,
    /// Whether what lies outside the regions of an ultrasound image, as burned-in text, is set to 0.
    pub mask_outside_regions: bool,
}

/// Reads the image of one file, with one frame or several.
///
/// # Errors
/// If it is not there, is no DICOM image, is damaged, is compressed in a way that is not read, or lacks a spacing.
pub fn read_file(path: &Path, reading: &Reading) -> Result<DicomImage, IoError> {
    image::assemble(&[file::Instance::read(path)?], reading)
}

/// Reads the image that [`find`] put together.
///
/// # Errors
/// As [`read_file`], and if the files do not make one volume: planes are missing, doubled, turned, or differ in size or spacing.
pub fn read_image(files: &ImageFiles, reading: &Reading) -> Result<DicomImage, IoError> {
    use rayon::prelude::*;
    let instances = files.files.par_iter().map(DicomFile::read).collect::<Result<Vec<_>, _>>()?;
    image::assemble(&instances, reading)
}

/// What `work` comes to; a panic in it is an error too, since foreign code meets whatever stands in a file.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    outcome.unwrap_or_else(|_| Err("what it holds cannot be decoded; it may be damaged".to_owned()))
}

#[cfg(test)]
mod tests;

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
mod dose;
mod doubles;
mod file;
mod find;
mod fragments;
mod image;
mod intensity;
mod lut;
mod mask;
mod pixels;
mod placement;
mod segmentation;
mod source;
mod spacing;
mod timing;
mod unbounded;
mod unknown;
mod write;

use std::path::Path;

pub use find::{DicomFile, ImageFiles, find};
pub use image::DicomImage;
pub use source::{DicomSource, SourcePlane};
pub use write::{write_parametric_map, write_segmentation};

pub(super) use segmentation::{is_segmentation, read as read_labels};

use super::{FoundImage, IoError, Reading};

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
    image::assemble(&instances(files)?, reading)
}

/// The grid of the image that [`find`] put together; no pixel is decoded.
///
/// # Errors
/// As [`read_image`], but for what is wrong with pixels.
pub fn read_grid(files: &ImageFiles, reading: &Reading) -> Result<crate::domain::Grid, IoError> {
    image::grid(&instances(files)?, reading)
}

fn instances(files: &ImageFiles) -> Result<Vec<file::Instance>, IoError> {
    use rayon::prelude::*;
    files.files.par_iter().map(DicomFile::read).collect()
}

impl From<DicomImage> for FoundImage {
    fn from(image: DicomImage) -> Self {
        Self { placed: image.placed, notes: image.notes, dicom: Some(Box::new(image.source)) }
    }
}

#[cfg(test)]
mod tests;

//! Images and label maps of any format that is read here.

use std::{fs::File, io::Read, path::Path};

use super::{
    IoError, PlacedImage, PlacedLabels, Reading,
    nifti::{self, NiftiGeometry, ThirdAxis},
};
use crate::domain::{LabelSet, SlowAxis};

/// Bytes that tell every format.
const START: usize = 132;

/// A format, by what a file begins with; its name does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NIfTI-1 or NIfTI-2, packed with gzip or not.
    Nifti,
    /// DICOM, one file of an image or all of it.
    Dicom,
}

impl Format {
    /// The format of a file, or `None` if it is none that is read here.
    ///
    /// # Errors
    /// If the file is not there or cannot be read.
    pub fn of(path: &Path) -> Result<Option<Self>, IoError> {
        let mut start = Vec::new();
        let opened = File::open(path).and_then(|file| file.take(START as u64).read_to_end(&mut start));
        opened.map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => IoError::NotFound { path: path.to_owned() },
            _ => IoError::Read { path: path.to_owned(), source },
        })?;
        Ok(Self::of_start(&start))
    }

    /// The format of a file that begins so.
    fn of_start(start: &[u8]) -> Option<Self> {
        if nifti::is_nifti(start) {
            return Some(Self::Nifti);
        }
        (start.get(128..132) == Some(b"DICM")).then_some(Self::Dicom)
    }
}

/// An image that was read, and what else its file told.
#[derive(Debug, Clone)]
pub struct FoundImage {
    /// The image, one channel, and where it lies.
    pub placed: PlacedImage,
    /// What a careful reader would want to know of it, a sentence each.
    pub notes: Vec<String>,
    /// What DICOM output that refers to the image must repeat; `None` for other formats.
    #[cfg(feature = "dicom")]
    pub dicom: Option<Box<super::dicom::DicomSource>>,
}

impl From<PlacedImage> for FoundImage {
    fn from(placed: PlacedImage) -> Self {
        Self {
            placed,
            notes: Vec::new(),
            #[cfg(feature = "dicom")]
            dicom: None,
        }
    }
}

/// Reads the image of a file.
///
/// # Errors
/// If it is not there, is of no known format, is damaged, leaves open what `reading` does not say, or contradicts itself.
pub fn read_image(path: &Path, reading: &Reading) -> Result<FoundImage, IoError> {
    match Format::of(path)? {
        Some(Format::Nifti) => Ok(nifti::read_image(path, nifti_axis(path, reading)?)?.into()),
        Some(Format::Dicom) => dicom_image(path, reading),
        None => Err(unknown(path)),
    }
}

/// Reads the labels of a file. `mapping` holds pairs (value in the file, label); a value that it does not name stands for itself.
///
/// # Errors
/// As [`read_image`], and if a voxel is no label, or the file is packed in a way that changes values.
pub fn read_labels(
    path: &Path,
    reading: &Reading,
    labels: &LabelSet,
    mapping: &[(u32, u8)],
) -> Result<PlacedLabels, IoError> {
    match Format::of(path)? {
        Some(Format::Nifti) => nifti::read_labels(path, nifti_axis(path, reading)?, labels, mapping),
        Some(Format::Dicom) => Err(IoError::Unsupported {
            path: path.to_owned(),
            detail: "label maps are not read from DICOM; convert it to NIfTI".to_owned(),
        }),
        None => Err(unknown(path)),
    }
}

/// What the third axis of a NIfTI file is; refuses to guess where it matters.
fn nifti_axis(path: &Path, reading: &Reading) -> Result<ThirdAxis, IoError> {
    if let Some(axis) = reading.third_axis {
        return Ok(axis);
    }
    let geometry = NiftiGeometry::read(path, ThirdAxis::Depth)?;
    let grid = geometry.grid();
    if grid.planes() == 1 || !matches!(grid.slow(), SlowAxis::Depth { .. }) {
        return Ok(ThirdAxis::Depth);
    }
    Err(IoError::Unsupported {
        path: path.to_owned(),
        detail: format!(
            "has {} planes along its third axis; say whether they are depth or time (--third-axis)",
            grid.planes()
        ),
    })
}

#[cfg(feature = "dicom")]
fn dicom_image(path: &Path, reading: &Reading) -> Result<FoundImage, IoError> {
    Ok(super::dicom::read_file(path, reading)?.into())
}

#[cfg(not(feature = "dicom"))]
fn dicom_image(path: &Path, _: &Reading) -> Result<FoundImage, IoError> {
    let detail = "is DICOM, which this program was built without (feature `dicom`)".to_owned();
    Err(IoError::Unsupported { path: path.to_owned(), detail })
}

pub(super) fn unknown(path: &Path) -> IoError {
    IoError::Format {
        path: path.to_owned(),
        detail: "is of no format that is read here; expected NIfTI or DICOM".to_owned(),
    }
}

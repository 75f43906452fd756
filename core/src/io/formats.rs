//! Images and label maps of any format that is read here.

use std::path::Path;

#[cfg(feature = "dicom")]
use super::dicom::read_labels as segmentation;
use super::{
    ImagePlace, IoError, PlacedImage, PlacedLabels, Reading, bare_dicom, meta_image,
    nifti::{self, NiftiGeometry, ThirdAxis},
    nrrd, placing, reading,
    voxels::{Purpose, Volume},
};
use crate::domain::{Grid, Image, ImageFacts, LabelSet, SlowAxis};

/// Largest relative difference of a spacing given by hand from the file's.
const SPACING_TOLERANCE: f64 = 1e-3;

/// Bytes that tell every format.
pub(super) const START: usize = 512;

pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
pub(super) const JPEG: &[u8] = b"\xff\xd8\xff";
const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// The formats that are read, for messages.
pub const NAMES: &str = "NIfTI, DICOM, MetaImage, NRRD, PNG, JPEG or TIFF";

/// Endings of names, in small letters, by which people know images.
const ENDINGS: [&str; 12] =
    [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm"];

/// A format, by what a file begins with; its name does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NIfTI-1 or NIfTI-2, packed with gzip or not.
    Nifti,
    /// DICOM, one file of an image or all of it.
    Dicom,
    /// MetaImage.
    MetaImage,
    /// NRRD.
    Nrrd,
    /// PNG, JPEG or TIFF.
    Picture,
}

impl Format {
    /// The format of a file, or `None` if it is none that is read here.
    ///
    /// # Errors
    /// If the file is not there or cannot be read.
    pub fn of(path: &Path) -> Result<Option<Self>, IoError> {
        let start = placing::first_bytes(&nifti::header_file(path), START)?;
        Ok(Self::of_start(&start))
    }

    /// The format of a file that begins so.
    fn of_start(start: &[u8]) -> Option<Self> {
        // Before all others: what stands in the 128 bytes before it may look like anything (PS3.10, 7.1).
        if start.get(128..132) == Some(b"DICM") {
            return Some(Self::Dicom);
        }
        if nifti::is_nifti(start) {
            return Some(Self::Nifti);
        }
        if nrrd::is_nrrd(start) {
            return Some(Self::Nrrd);
        }
        if is_picture(start) {
            return Some(Self::Picture);
        }
        if meta_image::is_meta_image(start) {
            return Some(Self::MetaImage);
        }
        // It is refused when it is read, with how to mend it; left out, it would be missed in a series.
        bare_dicom::is_data_set(start).then_some(Self::Dicom)
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

impl FoundImage {
    /// The image, and what else its file told.
    #[must_use]
    pub fn into_image_and_facts(self) -> (Image, ImageFacts) {
        let PlacedImage { image, geometry } = self.placed;
        let (affine, place_code) = (geometry.told_affine(), geometry.place_code());
        (image, ImageFacts { affine, place_code, notes: self.notes })
    }
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
    match required(path)? {
        Format::Dicom => dicom_image(path, reading),
        format => Ok(volume(path, format, reading, Purpose::Image)?.image(path)?.into()),
    }
}

/// Reads the labels of a file. `mapping` holds pairs (value in the file, label); a value that it does not name stands for itself.
/// Values of a DICOM segmentation are the numbers of its segments.
///
/// # Errors
/// As [`read_image`], and if a voxel is no label, or the file is packed in a way that changes values; of a DICOM segmentation if two
/// segments hold one voxel, a segment is called as another label is, or planes are left out.
pub fn read_labels(
    path: &Path,
    reading: &Reading,
    labels: &LabelSet,
    mapping: &[(u32, u8)],
) -> Result<PlacedLabels, IoError> {
    match required(path)? {
        Format::Dicom => segmentation(path, reading, labels, mapping, None),
        format => volume(path, format, reading, Purpose::Labels)?.labels(path, labels, mapping),
    }
}

/// Reads the labels of a file that belongs to an image: a DICOM segmentation may leave out planes, and may not tell the size of a pixel.
/// Whether labels of other formats lie on the image is for the caller to compare.
///
/// # Errors
/// As [`read_labels`], and if a DICOM segmentation does not lie on the image, or names others alone as what it was made from.
pub fn read_labels_on(
    path: &Path,
    reading: &Reading,
    labels: &LabelSet,
    mapping: &[(u32, u8)],
    image: &ImagePlace,
) -> Result<PlacedLabels, IoError> {
    match required(path)? {
        Format::Dicom => segmentation(path, reading, labels, mapping, Some(image)),
        _ => read_labels(path, reading, labels, mapping),
    }
}

/// Where the voxels of a file lie; they are read of DICOM alone.
///
/// # Errors
/// As [`read_image`], but for what is wrong with voxels.
pub fn read_geometry(path: &Path, reading: &Reading) -> Result<NiftiGeometry, IoError> {
    let third_axis = reading.third_axis.unwrap_or(ThirdAxis::Depth);
    let geometry = match required(path)? {
        Format::Nifti => NiftiGeometry::read(path, third_axis)?,
        Format::MetaImage => meta_image::read_geometry(path, third_axis)?,
        Format::Nrrd => nrrd::read_geometry(path, third_axis)?,
        Format::Picture => return picture_geometry(path, reading.spacing_mm),
        Format::Dicom => return Ok(dicom_image(path, reading)?.placed.geometry),
    };
    require_axis(path, geometry.grid(), reading)?;
    require_spacing(path, geometry.grid(), reading)?;
    Ok(geometry)
}

/// Where the voxels of an image lie, and which instances of DICOM it is.
///
/// # Errors
/// As [`read_image`].
pub fn read_place(path: &Path, reading: &Reading) -> Result<ImagePlace, IoError> {
    match required(path)? {
        Format::Dicom => Ok(dicom_image(path, reading)?.into()),
        _ => Ok(read_geometry(path, reading)?.into()),
    }
}

fn required(path: &Path) -> Result<Format, IoError> {
    Format::of(path)?.ok_or_else(|| unknown(path))
}

/// The numbers of a file that is not DICOM.
fn volume(path: &Path, format: Format, reading: &Reading, purpose: Purpose) -> Result<Volume, IoError> {
    let third_axis = reading.third_axis.unwrap_or(ThirdAxis::Depth);
    let volume = match format {
        Format::Nifti => nifti::read(path, nifti_axis(path, reading)?)?,
        Format::MetaImage => meta_image::read(path, third_axis)?,
        Format::Nrrd => nrrd::read(path, third_axis)?,
        Format::Picture | Format::Dicom => return picture(path, reading.spacing_mm, purpose),
    };
    let grid = volume.geometry.grid();
    require_axis(path, grid, reading)?;
    require_spacing(path, grid, reading)?;
    Ok(volume)
}

/// Refuses a spacing given by hand that is not the file's.
fn require_spacing(path: &Path, grid: &Grid, reading: &Reading) -> Result<(), IoError> {
    let Some(given) = reading.spacing_mm else { return Ok(()) };
    let found = grid.spacing_mm();
    if found.iter().zip(given).all(|(&found, given)| (found - given).abs() <= SPACING_TOLERANCE * found) {
        return Ok(());
    }
    Err(reading::other_spacing(path, found, given))
}

/// What the third axis of a NIfTI file is; refuses to guess where it matters.
fn nifti_axis(path: &Path, reading: &Reading) -> Result<ThirdAxis, IoError> {
    if let Some(axis) = reading.third_axis {
        return Ok(axis);
    }
    let geometry = NiftiGeometry::read(path, ThirdAxis::Depth)?;
    require_axis(path, geometry.grid(), reading)?;
    Ok(ThirdAxis::Depth)
}

/// Refuses to guess what a third axis is.
fn require_axis(path: &Path, grid: &Grid, reading: &Reading) -> Result<(), IoError> {
    if reading.third_axis.is_some() || grid.planes() == 1 || !matches!(grid.slow(), SlowAxis::Depth { .. }) {
        return Ok(());
    }
    Err(IoError::Unsupported {
        path: path.to_owned(),
        detail: format!(
            "has {} planes along its third axis; say whether they are depth or time (--third-axis)",
            grid.planes()
        ),
    })
}

/// Whether a file that begins so is a picture.
fn is_picture(start: &[u8]) -> bool {
    start.starts_with(PNG) || start.starts_with(JPEG) || TIFF.iter().any(|magic| start.starts_with(magic))
}

#[cfg(feature = "pictures")]
fn picture(path: &Path, spacing_mm: Option<[f64; 2]>, purpose: Purpose) -> Result<Volume, IoError> {
    super::picture::read(path, spacing_mm, purpose)
}

#[cfg(feature = "pictures")]
fn picture_geometry(path: &Path, spacing_mm: Option<[f64; 2]>) -> Result<NiftiGeometry, IoError> {
    super::picture::read_geometry(path, spacing_mm)
}

#[cfg(not(feature = "pictures"))]
fn picture(path: &Path, _: Option<[f64; 2]>, _: Purpose) -> Result<Volume, IoError> {
    Err(without_pictures(path))
}

#[cfg(not(feature = "pictures"))]
fn picture_geometry(path: &Path, _: Option<[f64; 2]>) -> Result<NiftiGeometry, IoError> {
    Err(without_pictures(path))
}

#[cfg(not(feature = "pictures"))]
fn without_pictures(path: &Path) -> IoError {
    let detail = "is a picture, which this program was built without (feature `pictures`)".to_owned();
    IoError::Unsupported { path: path.to_owned(), detail }
}

#[cfg(feature = "dicom")]
fn dicom_image(path: &Path, reading: &Reading) -> Result<FoundImage, IoError> {
    Ok(super::dicom::read_file(path, reading)?.into())
}

#[cfg(not(feature = "dicom"))]
fn dicom_image(path: &Path, _: &Reading) -> Result<FoundImage, IoError> {
    Err(without_dicom(path))
}

#[cfg(not(feature = "dicom"))]
fn segmentation(
    path: &Path,
    _: &Reading,
    _: &LabelSet,
    _: &[(u32, u8)],
    _: Option<&ImagePlace>,
) -> Result<PlacedLabels, IoError> {
    Err(without_dicom(path))
}

#[cfg(not(feature = "dicom"))]
fn without_dicom(path: &Path) -> IoError {
    let detail = "is DICOM, which this program was built without (feature `dicom`)".to_owned();
    IoError::Unsupported { path: path.to_owned(), detail }
}

pub(super) fn unknown(path: &Path) -> IoError {
    let is_empty = path.metadata().is_ok_and(|found| found.len() == 0);
    let detail = if is_empty {
        "is empty, as where copying it was broken off: copy it again, or remove it".to_owned()
    } else {
        format!("is of no format that is read here; expected {NAMES}")
    };
    IoError::Format { path: path.to_owned(), detail }
}

/// Whether a file's name is that of an image of a format that is read here.
pub(super) fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_of_pair = name.ends_with(".hdr") && path.with_extension("img").is_file();
    is_of_pair || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_told_by_what_a_file_begins_with() {
        let dicom = [&[0; 128][..], b"DICM"].concat();
        for (start, format) in [
            (&b"\x1f\x8b\x08"[..], Some(Format::Nifti)),
            (&348_i32.to_le_bytes(), Some(Format::Nifti)),
            (&540_i32.to_be_bytes(), Some(Format::Nifti)),
            (b"ObjectType = Image\n", Some(Format::MetaImage)),
            (b"NDims = 3\r\n", Some(Format::MetaImage)),
            (b"NRRD0005\n", Some(Format::Nrrd)),
            (b"\x89PNG\r\n\x1a\n", Some(Format::Picture)),
            (b"\xff\xd8\xff\xe0", Some(Format::Picture)),
            (b"II*\0", Some(Format::Picture)),
            (b"MM\0*", Some(Format::Picture)),
            (&dicom, Some(Format::Dicom)),
            (b"\x08\0\x05\0CS\x02\0ab\x08\0\x16\0UI\x02\09\0", Some(Format::Dicom)),
            (b"GIF89a", None),
            (b"a = b", None),
            (b"", None),
        ] {
            assert_eq!(Format::of_start(start), format, "{}", start.escape_ascii());
        }
    }

    #[test]
    fn where_voxels_lie_is_told_by_the_header_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let meta = |more: &str, data: &str| {
            format!(
                "ObjectType = Image\nNDims = 3\nDimSize = 3 2 4\nElementSpacing = 1 2 5\nElementType = MET_UCHAR\n{more}\
                 ElementDataFile = {data}\nabc"
            )
        };
        let nrrd = |encoding: &str| {
            format!("NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 2 4\nspacings: 1 2 5\nencoding: {encoding}\n\nabc")
        };
        let depth = Reading { third_axis: Some(ThirdAxis::Depth), ..Reading::default() };
        for cut_off in [
            meta("", "LOCAL"),
            meta("CompressedData = True\n", "LOCAL"),
            meta("", "nowhere.raw"),
            nrrd("raw"),
            nrrd("gzip"),
            nrrd("raw\ndata file: nowhere.raw"),
        ] {
            std::fs::write(&path, &cut_off).unwrap();
            let grid = *read_geometry(&path, &depth).unwrap().grid();
            let expected = Grid::new([4, 2, 3], [2.0, 1.0], SlowAxis::Depth { spacing_mm: 5.0 }).unwrap();
            assert_eq!(grid, expected, "{cut_off}");
            assert!(read_image(&path, &depth).is_err(), "{cut_off}");
            assert!(matches!(read_geometry(&path, &Reading::default()), Err(IoError::Unsupported { .. })), "{cut_off}");
            let other = Reading { spacing_mm: Some([2.0, 2.0]), ..depth };
            assert!(matches!(read_geometry(&path, &other), Err(IoError::Field { field, .. }) if field == "spacing"));
        }
    }

    #[test]
    fn what_a_file_leaves_open_must_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let header =
            "ObjectType = Image\nNDims = 3\nDimSize = 1 1 2\nElementSpacing = 1 2 3\nElementType = MET_UCHAR\n";
        std::fs::write(&path, format!("{header}ElementDataFile = LOCAL\nab")).unwrap();
        let open = Reading::default();
        assert!(matches!(read_image(&path, &open), Err(IoError::Unsupported { .. })));
        let depth = Reading { third_axis: Some(ThirdAxis::Depth), ..open };
        assert_eq!(read_image(&path, &depth).unwrap().placed.image.values(), [97.0, 98.0]);
        assert_eq!(read_geometry(&path, &depth).unwrap().grid().spacing_mm(), [2.0, 1.0]);
        let same = Reading { spacing_mm: Some([2.0, 1.0]), ..depth };
        assert!(read_image(&path, &same).is_ok());
        let other = Reading { spacing_mm: Some([1.0, 2.0]), ..depth };
        assert!(matches!(read_image(&path, &other), Err(IoError::Field { field, .. }) if field == "spacing"));
    }
}

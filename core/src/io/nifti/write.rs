use std::{io::Write, path::Path};

use flate2::{Compression, GzBuilder};
use nifti::NiftiType;

use super::{NiftiGeometry, fields::Version, header::HeaderBytes};
use crate::{
    domain::{Grid, Image, LabelMap, VoxelMap},
    io::{IoError, voxels::require_finite, write_atomically},
};

/// Writes labels as `uint8`.
///
/// The header is that of `geometry`, bit for bit, but for what tells how voxels are stored and
/// shown: `datatype`, `bitpix`, `vox_offset`, `scl_slope`, `scl_inter`, `cal_min`, `cal_max`, and for a header that came from
/// a pair of files `magic`.
/// Header extensions are not carried over. The same input gives the same bytes.
///
/// # Errors
/// If the name ends neither in `.nii` nor in `.nii.gz`, the labels do not lie on the geometry's
/// grid, or the file cannot be written.
pub fn write_labels(path: &Path, labels: &LabelMap, geometry: &NiftiGeometry) -> Result<(), IoError> {
    check_grid(path, "the label map", labels.grid(), geometry)?;
    write(path, geometry, NiftiType::Uint8, labels.labels())
}

/// Writes one number for each voxel as `float32`; the header as in [`write_labels`].
///
/// # Errors
/// As [`write_labels`], and if a value is NaN or infinite.
pub fn write_map(path: &Path, map: &VoxelMap, geometry: &NiftiGeometry) -> Result<(), IoError> {
    check_grid(path, "the voxel map", map.grid(), geometry)?;
    write_floats(path, map.values(), geometry)
}

/// Writes an image of one channel as `float32`; the header as in [`write_labels`].
///
/// # Errors
/// As [`write_map`], and if the image has several channels.
pub fn write_image(path: &Path, image: &Image, geometry: &NiftiGeometry) -> Result<(), IoError> {
    check_grid(path, "the image", image.grid(), geometry)?;
    if image.channels() != 1 {
        let detail =
            format!("an image of {} channels; expected 1: write each channel to its own file", image.channels());
        return Err(IoError::Unsupported { path: path.to_owned(), detail });
    }
    write_floats(path, image.values(), geometry)
}

fn write_floats(path: &Path, values: &[f32], geometry: &NiftiGeometry) -> Result<(), IoError> {
    require_finite(path, values, geometry.grid())?;
    let bytes = |value: &f32| if geometry.header.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let voxels: Vec<u8> = values.iter().flat_map(bytes).collect();
    write(path, geometry, NiftiType::Float32, &voxels)
}

fn check_grid(path: &Path, name: &str, grid: &Grid, geometry: &NiftiGeometry) -> Result<(), IoError> {
    let longest = geometry.header.version.longest_axis();
    if let Some(&length) = grid.shape().iter().find(|&&length| length > longest) {
        let detail = format!("an axis of {length} voxels; NIfTI-1 holds at most {longest}");
        return Err(IoError::Unsupported { path: path.to_owned(), detail });
    }
    grid.require_same(geometry.grid(), [name, "the header to be written"])
        .map_err(|source| IoError::Domain { path: path.to_owned(), source })
}

fn write(path: &Path, geometry: &NiftiGeometry, data_type: NiftiType, voxels: &[u8]) -> Result<(), IoError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let header = header(&geometry.header, data_type);
    let bytes = if name.ends_with(".nii.gz") {
        packed(&header, voxels).map_err(|source| IoError::Write { path: path.to_owned(), source })?
    } else if name.ends_with(".nii") {
        [header.as_slice(), voxels].concat()
    } else {
        let detail = "a NIfTI file's name ends in .nii or .nii.gz".to_owned();
        return Err(IoError::Unsupported { path: path.to_owned(), detail });
    };
    write_atomically(path, &bytes)
}

/// The gzip header carries no time and no name, so it is the same on every day.
fn packed(header: &[u8], voxels: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    gzip.write_all(header)?;
    gzip.write_all(voxels)?;
    gzip.finish()
}

/// The header and the four bytes after it, which say that there are no extensions.
fn header(from: &HeaderBytes, data_type: NiftiType) -> Vec<u8> {
    let HeaderBytes { version, big_endian, bytes } = from;
    let mut header = bytes.clone();
    header.resize(usize::from(version.first_voxel()), 0);
    let mut put = |at: usize, little_endian: &[u8]| {
        let field = &mut header[at..at + little_endian.len()];
        field.copy_from_slice(little_endian);
        if *big_endian {
            field.reverse();
        }
    };
    let offsets = version.offsets();
    put(offsets.datatype, &(data_type as i16).to_le_bytes());
    put(offsets.bitpix, &(8 * data_type.size_of() as i16).to_le_bytes());
    let shown = [(offsets.scl_slope, 1.0), (offsets.scl_inter, 0.0), (offsets.cal_max, 0.0), (offsets.cal_min, 0.0)];
    match version {
        Version::One => {
            put(offsets.vox_offset, &f32::from(version.first_voxel()).to_le_bytes());
            shown.into_iter().for_each(|(at, value)| put(at, &(value as f32).to_le_bytes()));
        }
        Version::Two => {
            put(offsets.vox_offset, &i64::from(version.first_voxel()).to_le_bytes());
            shown.into_iter().for_each(|(at, value): (usize, f64)| put(at, &value.to_le_bytes()));
        }
    }
    let magic = version.magic()[0];
    header[offsets.magic..offsets.magic + magic.len()].copy_from_slice(magic);
    header
}

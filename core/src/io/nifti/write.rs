use std::{io::Write, path::Path};

use flate2::{Compression, GzBuilder};
use nifti::NiftiType;

use super::{NiftiGeometry, fields::Version, header::HeaderBytes};
use crate::{
    domain::{Grid, Image, LabelMap, VoxelMap},
    io::{IoError, voxels::require_finite, write_atomically},
};

/// What voxels mean (`intent_code`; NIfTI-1 standard): nothing in particular.
const NO_INTENT: i16 = 0;
/// Numbers of structures.
const LABEL: i16 = 1002;
/// Bytes of `intent_name`.
const INTENT_NAME: usize = 16;

/// Writes labels as `uint8`.
///
/// The header is that of `geometry`, bit for bit, but for what tells how voxels are stored and
/// shown: `datatype`, `bitpix`, `vox_offset`, `scl_slope`, `scl_inter`, `cal_min`, `cal_max`, and for a header that came from
/// a pair of files `magic`; and for what they mean: `intent_code` is that of labels (1002), without parameters and a name.
/// Header extensions are not carried over. The same input gives the same bytes.
///
/// # Errors
/// If the name ends neither in `.nii` nor in `.nii.gz`, the labels do not lie on the geometry's
/// grid, or the file cannot be written.
pub fn write_labels(path: &Path, labels: &LabelMap, geometry: &NiftiGeometry) -> Result<(), IoError> {
    check_grid(path, "the label map", labels.grid(), geometry)?;
    write(path, geometry, Content { data_type: NiftiType::Uint8, intent: Some(LABEL) }, labels.labels())
}

/// Writes one number for each voxel as `float32`; the header as in [`write_labels`], but for `intent_code`, which is 0: none.
///
/// # Errors
/// As [`write_labels`], and if a value is NaN or infinite.
pub fn write_map(path: &Path, map: &VoxelMap, geometry: &NiftiGeometry) -> Result<(), IoError> {
    check_grid(path, "the voxel map", map.grid(), geometry)?;
    write_floats(path, map.values(), geometry, Some(NO_INTENT))
}

/// Writes an image of one channel as `float32`; the header as in [`write_labels`], but that it keeps its intent.
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
    write_floats(path, image.values(), geometry, None)
}

/// What a header says of the voxels behind it.
#[derive(Clone, Copy)]
struct Content {
    data_type: NiftiType,
    /// `intent_code`; `None` leaves the intent as it was.
    intent: Option<i16>,
}

fn write_floats(path: &Path, values: &[f32], geometry: &NiftiGeometry, intent: Option<i16>) -> Result<(), IoError> {
    require_finite(path, values, geometry.grid())?;
    let bytes = |value: &f32| if geometry.header.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let voxels: Vec<u8> = values.iter().flat_map(bytes).collect();
    write(path, geometry, Content { data_type: NiftiType::Float32, intent }, &voxels)
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

fn write(path: &Path, geometry: &NiftiGeometry, content: Content, voxels: &[u8]) -> Result<(), IoError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let header = header(&geometry.header, content);
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
fn header(from: &HeaderBytes, Content { data_type, intent }: Content) -> Vec<u8> {
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
    if let Some(code) = intent {
        let (parameters, width) = match version {
            Version::One => (3 * size_of::<f32>(), size_of::<i16>()),
            Version::Two => (3 * size_of::<f64>(), size_of::<i32>()),
        };
        put(offsets.intent_code, &i32::from(code).to_le_bytes()[..width]);
        header[offsets.intent_p..offsets.intent_p + parameters].fill(0);
        header[offsets.intent_name..offsets.intent_name + INTENT_NAME].fill(0);
    }
    let magic = version.magic()[0];
    header[offsets.magic..offsets.magic + magic.len()].copy_from_slice(magic);
    header
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        domain::SlowAxis,
        io::nifti::{ThirdAxis, read_image},
    };

    /// Where the intent stands: parameters, code, name (`nifti1.h`, `nifti2.h`).
    const ONE: [std::ops::Range<usize>; 3] = [56..68, 68..70, 328..344];
    const TWO: [std::ops::Range<usize>; 3] = [80..104, 504..508, 508..524];

    fn grid() -> Grid {
        Grid::new([3, 2, 4], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap()
    }

    /// A header of the second version, of bytes, with the grid's shape and spacing.
    fn second() -> Vec<u8> {
        let mut header = vec![0; 540];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &540_i32.to_le_bytes());
        put(4, Version::Two.magic()[0]);
        put(12, &2_i16.to_le_bytes());
        put(14, &8_i16.to_le_bytes());
        for (axis, length) in [3_i64, 4, 2, 3, 1, 1, 1, 1].into_iter().enumerate() {
            put(16 + 8 * axis, &length.to_le_bytes());
        }
        for (axis, length) in [1.0_f64, 0.25, 0.5, 2.0].into_iter().enumerate() {
            put(104 + 8 * axis, &length.to_le_bytes());
        }
        put(168, &544_i64.to_le_bytes());
        put(500, &2_i32.to_le_bytes());
        header
    }

    /// A header that says that its voxels are displacements; and those of an image, of labels and of a map that are written with its
    /// geometry.
    fn written(mut header: Vec<u8>, intent: &[std::ops::Range<usize>; 3]) -> [Vec<u8>; 4] {
        let [parameters, code, name] = intent.clone();
        header[parameters].fill(7);
        header[code.clone()].copy_from_slice(&1006_i32.to_le_bytes()[..code.len()]);
        header[name][..4].copy_from_slice(b"warp");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nii");
        fs::write(&path, [header.clone(), vec![0; 4 + 24]].concat()).unwrap();
        let geometry = NiftiGeometry::read(&path, ThirdAxis::Depth).unwrap();
        let again = |write: &dyn Fn(&Path)| {
            write(&path);
            assert_eq!(NiftiGeometry::read(&path, ThirdAxis::Depth).unwrap().affine(), geometry.affine());
            fs::read(&path).unwrap()[..header.len()].to_vec()
        };
        let image = read_image(&path, ThirdAxis::Depth).unwrap().image;
        [
            header.clone(),
            again(&|path| write_image(path, &image, &geometry).unwrap()),
            again(&|path| write_labels(path, &LabelMap::background(grid()), &geometry).unwrap()),
            again(&|path| write_map(path, &VoxelMap::new(grid(), vec![0.5; 24]).unwrap(), &geometry).unwrap()),
        ]
    }

    #[test]
    fn labels_and_maps_say_what_they_are_and_images_what_they_were() {
        let bytes = Content { data_type: NiftiType::Uint8, intent: None };
        let first = header(&NiftiGeometry::for_grid(&grid()).header, bytes);
        for (before, intent) in [(first[..348].to_vec(), &ONE), (second(), &TWO)] {
            let [parameters, code, name] = intent;
            let [told, image, labels, map] = written(before, intent);
            for part in intent {
                assert_eq!(image[part.clone()], told[part.clone()], "{part:?}");
            }
            for (found, expected) in [(&labels, 1002_i32), (&map, 0)] {
                assert_eq!(found[code.clone()], expected.to_le_bytes()[..code.len()]);
                assert!(found[parameters.clone()].iter().chain(&found[name.clone()]).all(|&byte| byte == 0));
            }
            let is_intent = |at: usize| intent.iter().any(|part| part.contains(&at));
            let others: Vec<usize> = (0..map.len()).filter(|&at| image[at] != map[at] && !is_intent(at)).collect();
            assert!(others.is_empty(), "bytes {others:?} differ");
        }
    }

    #[test]
    fn the_code_of_labels_follows_the_byte_order_of_the_header() {
        let bytes = vec![0; Version::One.len()];
        let from = HeaderBytes { version: Version::One, big_endian: true, bytes };
        let found = header(&from, Content { data_type: NiftiType::Uint8, intent: Some(LABEL) });
        assert_eq!(found[68..70], LABEL.to_be_bytes());
    }
}

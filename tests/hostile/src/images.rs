//! Images and label maps.

use std::{fs, io::Write, path::Path};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use rl4seg_core::{
    domain::{Grid, Image, Label, LabelSet, SlowAxis},
    io::{
        Input, Intensity, Reading, formats,
        nifti::{NiftiGeometry, ThirdAxis, write_image},
    },
};

use crate::WholeFile;

/// The voxels of every volume here, of 3 x 8 x 9.
fn voxels() -> impl Iterator<Item = u8> {
    0..216
}

pub(crate) fn nifti() -> Vec<WholeFile> {
    let grid = Grid::new([3, 8, 9], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
    let image = Image::new(grid, 1, voxels().map(f32::from).collect()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &'static str| {
        let path = folder.path().join(name);
        write_image(&path, &image, &NiftiGeometry::for_grid(&grid)).unwrap();
        WholeFile { name, bytes: fs::read(path).unwrap() }
    };
    vec![written("a.nii"), written("a.nii.gz"), WholeFile { name: "version-2.nii", bytes: nifti_2() }]
}

/// A NIfTI-2 file of bytes.
fn nifti_2() -> Vec<u8> {
    let mut header = vec![0; 544];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &540_i32.to_le_bytes());
    put(4, b"n+2\0\r\n\x1a\n");
    put(12, &2_i16.to_le_bytes());
    put(14, &8_i16.to_le_bytes());
    for (index, size) in [3_i64, 9, 8, 3, 1, 1, 1, 1].into_iter().enumerate() {
        put(16 + 8 * index, &size.to_le_bytes());
    }
    for (index, size) in [1.0_f64, 0.25, 0.5, 2.0].into_iter().enumerate() {
        put(104 + 8 * index, &size.to_le_bytes());
    }
    put(168, &544_i64.to_le_bytes());
    put(348, &1_i32.to_le_bytes());
    for (index, size) in [0.25_f64, 0.5, 2.0].into_iter().enumerate() {
        put(400 + 32 * index + 8 * index, &size.to_le_bytes());
    }
    put(500, &2_i32.to_le_bytes());
    header.extend(voxels());
    header
}

pub(crate) fn meta_image() -> Vec<WholeFile> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&voxels().collect::<Vec<u8>>()).unwrap();
    let packed = zlib.finish().unwrap();
    let file = |name, is_packed: &str, data: &[u8]| {
        let header = format!(
            "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = {is_packed}\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n\
             Offset = 0 0 0\nElementSpacing = 0.25 0.5 2\nDimSize = 9 8 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
        );
        WholeFile { name, bytes: [header.as_bytes(), data].concat() }
    };
    vec![file("a.mha", "False", &voxels().collect::<Vec<u8>>()), file("packed.mha", "True", &packed)]
}

pub(crate) fn nrrd() -> Vec<WholeFile> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&voxels().collect::<Vec<u8>>()).unwrap();
    let packed = gzip.finish().unwrap();
    let file = |name, encoding: &str, data: &[u8]| {
        let header = format!(
            "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 9 8 3\nspace directions: (0.25,0,0) (0,0.5,0) \
             (0,0,2)\nkinds: domain domain domain\nencoding: {encoding}\nspace origin: (0,0,0)\n\n"
        );
        WholeFile { name, bytes: [header.as_bytes(), data].concat() }
    };
    vec![file("a.nrrd", "raw", &voxels().collect::<Vec<u8>>()), file("packed.nrrd", "gzip", &packed)]
}

/// Files that lie in `tests/data/hostile`.
macro_rules! stored {
    ($($name:literal),+ $(,)?) => {
        vec![$(WholeFile { name: $name, bytes: include_bytes!(concat!("../../data/hostile/", $name)).to_vec() }),+]
    };
}
pub(crate) use stored;

pub(crate) fn pictures() -> Vec<WholeFile> {
    stored![
        "gray.png",
        "rgb16.png",
        "palette.png",
        "gray.jpg",
        "gray.tif",
        "lzw.tif",
        "deflate.tif",
        "packbits-rgb.tif",
        "tiled.tif",
    ]
}

pub(crate) fn dicom() -> Vec<WholeFile> {
    stored![
        "plain.dcm",
        "rle.dcm",
        "jpeg.dcm",
        "jpeg-lossless.dcm",
        "jpeg-ls.dcm",
        "jpeg-2000.dcm",
        "htj2k.dcm",
        "deflated.dcm",
        "two.zip",
    ]
}

pub(crate) fn segmentations() -> Vec<WholeFile> {
    stored!["segmentation.dcm"]
}

fn reading(spacing_mm: Option<[f64; 2]>) -> Reading {
    Reading {
        third_axis: Some(ThirdAxis::Depth),
        spacing_mm,
        intensity: Intensity::Rescaled,
        mask_outside_regions: false,
    }
}

fn labels() -> LabelSet {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    LabelSet::new(vec![label(0, "background"), label(1, "cavity")]).unwrap()
}

/// As an image, and as a label map.
pub(crate) fn open(path: &Path, spacing_mm: Option<[f64; 2]>) -> Result<(), String> {
    let reading = reading(spacing_mm);
    let image = formats::read_image(path, &reading);
    let _ = formats::read_labels(path, &reading, &labels(), &[]);
    image.map(drop).map_err(|error| error.to_string())
}

/// As a label map.
pub(crate) fn open_labels(path: &Path) -> Result<(), String> {
    formats::read_labels(path, &reading(None), &labels(), &[]).map(drop).map_err(|error| error.to_string())
}

/// As whoever finds images in what a user names: a file, an archive; with the intensities that are stored and those that are shown.
pub(crate) fn open_dicom(path: &Path) -> Result<(), String> {
    let shown = Reading { intensity: Intensity::Shown, mask_outside_regions: true, ..reading(None) };
    let inputs = Input::find(path).map_err(|error| error.to_string())?;
    inputs.iter().try_for_each(|input| {
        let _ = input.read(&shown);
        input.read(&reading(None)).map(drop).map_err(|error| error.to_string())
    })
}

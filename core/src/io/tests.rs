//! MetaImage, NRRD and pictures: what is read, and what is refused by name. Values and affines of all types are compared with those
//! of other programs in tests/others/compare_with_simpleitk.py.

use std::{fs, path::PathBuf};

use super::{
    Reading,
    formats::{read_image, read_labels},
    nifti::ThirdAxis,
};
use crate::domain::{Label, LabelSet, SlowAxis};

const META: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nElementSpacing = 0.5 0.25 2\nOffset = 1 2 3\nTransformMatrix = 0 1 0 1 0 0 0 0 1\n\
                    DimSize = 3 1 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n";
const NRRD: &str = "NRRD0005\n# a comment\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 1 2\nspace directions: (0.5,0,0) \
                    (0,0.25,0) (0,0,2)\nkinds: domain domain domain\nencoding: raw\nspace origin: (1,2,3)\nkey:=value\n\n";
const VOXELS: [u8; 6] = [0, 1, 2, 0, 1, 1];

fn depth() -> Reading {
    Reading { third_axis: Some(ThirdAxis::Depth), ..Reading::default() }
}

fn file(header: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, [header.as_bytes(), &VOXELS].concat()).unwrap();
    (folder, path)
}

fn refusal(header: &str) -> String {
    let (_folder, path) = file(header);
    read_image(&path, &depth()).unwrap_err().to_string()
}

fn set() -> LabelSet {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    LabelSet::new(vec![label(0, "background"), label(1, "a"), label(2, "b")]).unwrap()
}

#[test]
fn a_meta_image_lies_where_its_axes_say() {
    let (_folder, path) = file(META);
    let found = read_image(&path, &depth()).unwrap().placed;
    let grid = found.image.grid();
    assert_eq!(
        (grid.shape(), grid.spacing_mm(), grid.slow()),
        ([2, 1, 3], [0.25, 0.5], SlowAxis::Depth { spacing_mm: 2.0 })
    );
    // x runs along the patient's y, and the other way round; x and y of LPS are turned.
    let expected = [[0.0, -0.25, 0.0, -1.0], [-0.5, 0.0, 0.0, -2.0], [0.0, 0.0, 2.0, 3.0]];
    assert_eq!(found.geometry.affine(), expected);
    assert_eq!(read_labels(&path, &depth(), &set(), &[]).unwrap().labels.labels(), VOXELS);
    let open = read_image(&path, &Reading::default()).unwrap_err().to_string();
    assert!(open.contains("--third-axis"), "{open}");
}

#[test]
fn what_a_meta_image_lacks_is_named() {
    let changed = |from: &str, to: &str| refusal(&META.replace(from, to));
    assert!(changed("ElementSpacing = 0.5 0.25 2\n", "").contains("ElementSpacing is missing"));
    assert!(changed("0.5 0.25 2", "0.5 0 2").contains("ElementSpacing is `0.5 0 2`"));
    assert!(changed("MET_UCHAR", "MET_STRING").contains("ElementType"));
    assert!(changed("BinaryData = True", "BinaryData = False").contains("BinaryData"));
    assert!(changed("NDims = 3", "NDims = 3\nElementNumberOfChannels = 3").contains("ElementNumberOfChannels"));
    assert!(changed("LOCAL", "../a.raw").contains("in the same folder"));
    assert!(changed("LOCAL", "a%03d.raw 1 2 1").contains("in the same folder"));
    assert!(changed("LOCAL", "nowhere.raw").contains("there is no such file"));
    assert!(changed("DimSize = 3 1 2", "DimSize = 3 2 2").contains("cut short: 6 of 12"));
    assert!(
        changed("DimSize = 3 1 2", "DimSize = 4000000000 4000000000 4000000000").contains("no machine holds these")
    );
    assert!(changed("ElementDataFile = LOCAL\n", "").contains("ElementDataFile"));
}

#[test]
fn an_nrrd_lies_in_the_space_that_it_names() {
    let affine = |header: &str| {
        let (_folder, path) = file(header);
        read_image(&path, &depth()).unwrap().placed.geometry.affine()
    };
    assert_eq!(affine(NRRD), [[-0.5, 0.0, 0.0, -1.0], [0.0, -0.25, 0.0, -2.0], [0.0, 0.0, 2.0, 3.0]]);
    let ras = NRRD.replace("left-posterior-superior", "RAS");
    assert_eq!(affine(&ras), [[0.5, 0.0, 0.0, 1.0], [0.0, 0.25, 0.0, 2.0], [0.0, 0.0, 2.0, 3.0]]);
    let frames = NRRD.replace("domain domain domain", "domain domain time").replace("(0,0,2)", "none");
    let (_folder, path) = file(&frames);
    let grid = *read_image(&path, &Reading::default()).unwrap().placed.image.grid();
    assert_eq!(grid.slow(), SlowAxis::Time { interval_ms: None });
}

#[test]
fn what_an_nrrd_lacks_is_named() {
    let changed = |from: &str, to: &str| refusal(&NRRD.replace(from, to));
    assert!(changed("space directions: (0.5,0,0) (0,0.25,0) (0,0,2)\n", "").contains("spacings is missing"));
    assert!(changed("(0.5,0,0)", "(0,0,0)").contains("spacing"), "{}", changed("(0.5,0,0)", "(0,0,0)"));
    assert!(changed("(0.5,0,0)", "(nan,0,0)").contains("space directions"));
    assert!(changed("left-posterior-superior", "scanner-xyz").contains("space is `scanner-xyz`"));
    assert!(changed("kinds: domain", "kinds: RGB-color").contains("each channel"));
    assert!(changed("type: uchar", "type: block").contains("type is `block`"));
    assert!(changed("type: uchar", "type: short").contains("endian is missing"));
    assert!(changed("encoding: raw", "encoding: bzip2").contains("encoding"));
    assert!(changed("encoding: raw", "encoding: gzip").contains("damaged"));
    assert!(changed("encoding: raw", "encoding: raw\ndata file: /etc/passwd").contains("in the same folder"));
    assert!(changed("sizes: 3 1 2", "sizes: 3 1").contains("3 sizes"));
    assert!(changed("# a comment", "nonsense").contains("no line of an NRRD header"));
}

#[cfg(feature = "pictures")]
mod pictures {
    use super::*;

    fn png(color: png::ColorType, depth: png::BitDepth, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 3, 2);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == png::ColorType::Indexed {
            encoder.set_palette(vec![9, 9, 9, 50, 50, 50, 99, 99, 99]);
        }
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        (folder, path)
    }

    fn by_hand() -> Reading {
        Reading { spacing_mm: Some([0.5, 0.25]), ..Reading::default() }
    }

    #[test]
    fn the_size_of_a_pixel_is_asked_for() {
        let (_folder, path) = png(png::ColorType::Grayscale, png::BitDepth::Eight, &VOXELS);
        let error = read_image(&path, &Reading::default()).unwrap_err().to_string();
        assert!(error.contains("--spacing Y X"), "{error}");
        let found = read_image(&path, &by_hand()).unwrap().placed.image;
        assert_eq!((found.grid().spacing_mm(), found.values()), ([0.5, 0.25], &[0.0, 1.0, 2.0, 0.0, 1.0, 1.0][..]));
    }

    #[test]
    fn numbers_of_a_palette_are_labels_and_colors_of_an_image() {
        // Two bits a pixel, each row in bytes of its own.
        let (_folder, path) = png(png::ColorType::Indexed, png::BitDepth::Two, &[0b00_01_10_00, 0b00_01_01_00]);
        assert_eq!(read_labels(&path, &by_hand(), &set(), &[]).unwrap().labels.labels(), VOXELS);
        assert_eq!(read_image(&path, &by_hand()).unwrap().placed.image.values(), [9.0, 50.0, 99.0, 9.0, 50.0, 50.0]);
    }

    #[test]
    fn labels_that_were_packed_with_losses_or_drawn_in_colors_are_refused() {
        let jpeg = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/hostile/gray.jpg");
        let error = read_labels(&jpeg, &by_hand(), &set(), &[]).unwrap_err().to_string();
        assert!(error.contains("gray.jpg") && error.contains("are spoilt"), "{error}");
        assert!(read_image(&jpeg, &by_hand()).is_ok());
        let (_folder, path) = png(png::ColorType::Rgb, png::BitDepth::Eight, &[[7, 7, 8]; 6].concat());
        assert!(read_labels(&path, &by_hand(), &set(), &[]).unwrap_err().to_string().contains("has colours"));
        let (_folder, path) = png(png::ColorType::Rgb, png::BitDepth::Eight, &[7; 18]);
        assert_eq!(read_image(&path, &by_hand()).unwrap().placed.image.values(), [7.0; 6]);
        let (_folder, path) = png(png::ColorType::Rgba, png::BitDepth::Eight, &[7; 24]);
        assert!(read_image(&path, &by_hand()).unwrap_err().to_string().contains("alpha channel"));
    }
}

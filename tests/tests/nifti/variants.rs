//! The second version of the standard, and headers whose voxels lie in a file of their own.

use std::fs;

use rl4seg_core::component::ErrorKind;
use rl4seg_core::io::IoError;
use rl4seg_core::io::nifti::{ThirdAxis, read_image, write_image};

use crate::{
    file::{File, packed},
    folder,
};

/// The same file as NIfTI-2; offsets are those of `nifti2.h`. Only what [`File`] sets is carried over.
pub fn second_version(file: &File, big_endian: bool) -> Vec<u8> {
    let mut header = vec![0; 544];
    let mut put = |at: usize, little_endian: &[u8]| {
        let field = &mut header[at..at + little_endian.len()];
        field.copy_from_slice(little_endian);
        if big_endian {
            field.reverse();
        }
    };
    let bytes = |at: usize| &file.header[at..];
    let i16_at = |at: usize| i16::from_le_bytes(bytes(at)[..2].try_into().unwrap());
    let f32_at = |at: usize| f64::from(f32::from_le_bytes(bytes(at)[..4].try_into().unwrap()));
    put(0, &540_i32.to_le_bytes());
    put(12, &i16_at(70).to_le_bytes());
    for axis in 0..8 {
        put(16 + 8 * axis, &i64::from(i16_at(40 + 2 * axis)).to_le_bytes());
        put(104 + 8 * axis, &f32_at(76 + 4 * axis).to_le_bytes());
    }
    put(168, &544_i64.to_le_bytes());
    for (to, from) in [(176, 112), (184, 116), (352, 256), (360, 260), (368, 264), (376, 268), (384, 272), (392, 276)] {
        put(to, &f32_at(from).to_le_bytes());
    }
    put(344, &i32::from(i16_at(252)).to_le_bytes());
    put(348, &i32::from(i16_at(254)).to_le_bytes());
    for value in 0..12 {
        put(400 + 8 * value, &f32_at(280 + 4 * value).to_le_bytes());
    }
    put(500, &i32::from(file.header[123]).to_le_bytes());
    header[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
    [header, file.data.clone()].concat()
}

#[test]
fn the_second_version_is_read_and_written_as_the_first() {
    let folder = folder();
    let turned = [[0.0, -0.5, 0.0, 7.0], [0.5, 0.0, 0.0, 8.0], [0.0, 0.0, 0.5, 9.0]];
    let first = File::bytes(&[3, 2, 2]).sform(turned).i16(252, 2).f32(256, 0.1).f32(112, 3.0).f32(116, 4.0);
    let expected = read_image(&first.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap();
    for big_endian in [false, true] {
        let path = folder.path().join("b.nii.gz");
        let original = second_version(&first, big_endian);
        fs::write(&path, packed(&original)).unwrap();
        let found = read_image(&path, ThirdAxis::Depth).unwrap();
        assert_eq!(found.image, expected.image);
        assert_eq!(found.geometry.affine(), expected.geometry.affine());
        assert_eq!(found.geometry.difference(&expected.geometry), None);

        let written = folder.path().join("c.nii");
        write_image(&written, &found.image, &found.geometry).unwrap();
        let after = fs::read(&written).unwrap();
        let changed = [12..16, 168..192, 192..208];
        for at in (0..540).filter(|at| !changed.iter().any(|range| range.contains(at))) {
            assert_eq!(original[at], after[at], "header byte {at}");
        }
        assert_eq!(read_image(&written, ThirdAxis::Depth).unwrap().image, expected.image);
    }
}

#[test]
fn the_second_version_has_longer_axes_and_is_checked_as_the_first() {
    let folder = folder();
    let read = |bytes: &[u8]| {
        let path = folder.path().join("a.nii");
        fs::write(&path, bytes).unwrap();
        read_image(&path, ThirdAxis::Depth)
    };
    let mut long = second_version(&File::new(&[1, 2], 2, vec![7; 80_000]), false);
    long[24..32].copy_from_slice(&40_000_i64.to_le_bytes());
    let found = read(&long).unwrap();
    assert_eq!(found.image.grid().shape(), [1, 2, 40_000]);
    write_image(&folder.path().join("b.nii"), &found.image, &found.geometry).unwrap();

    let plain = second_version(&File::bytes(&[2, 2]), false);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = plain.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        read(&changed).unwrap_err()
    };
    for (at, bytes, field) in [
        (24, i64::MAX.to_le_bytes(), ""),
        (24, (-1_i64).to_le_bytes(), "dim[1]"),
        (16, 9_i64.to_le_bytes(), "dim[0]"),
        (112, 0_f64.to_le_bytes(), "pixdim[1]"),
        (168, 543_i64.to_le_bytes(), "vox_offset"),
        (176, f64::NAN.to_le_bytes(), "scl_slope"),
    ] {
        match with(at, &bytes) {
            IoError::Field { field: found, .. } => assert_eq!(found, field),
            other => assert!(field.is_empty() && matches!(other, IoError::Unsupported { .. }), "{other}"),
        }
    }
    // What a transfer as text does to a file.
    assert_eq!(with(8, b"\n").kind(), ErrorKind::Unreadable);
    for len in 0..plain.len() {
        assert!(matches!(read(&plain[..len]), Err(IoError::Truncated { .. })), "{len} of {} bytes", plain.len());
    }
}

#[test]
fn a_header_and_its_voxels_may_be_two_files() {
    let folder = folder();
    let whole = File::bytes(&[3, 2]);
    let expected = read_image(&whole.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap();
    let apart = whole.clone().with(344, b"ni1\0").f32(108, 0.0);
    let path = |name: &str| folder.path().join(name);
    fs::write(path("b.hdr"), &apart.header).unwrap();
    fs::write(path("b.img"), &apart.data).unwrap();
    fs::write(path("c.hdr.gz"), packed(&apart.header[..348])).unwrap();
    fs::write(path("c.img.gz"), packed(&[&[0; 16], apart.data.as_slice()].concat())).unwrap();
    for name in ["b.hdr", "b.img"] {
        let found = read_image(&path(name), ThirdAxis::Depth).unwrap();
        assert_eq!(found.image, expected.image, "{name}");
        let written = path("d.nii");
        write_image(&written, &found.image, &found.geometry).unwrap();
        assert_eq!(read_image(&written, ThirdAxis::Depth).unwrap().image, expected.image);
    }
    let error = read_image(&path("c.img.gz"), ThirdAxis::Depth).unwrap_err();
    assert!(error.to_string().contains("c.img.gz: there are bytes after the 6"), "{error}");
    fs::write(path("c.hdr.gz"), packed(&apart.clone().f32(108, 16.0).header)).unwrap();
    assert_eq!(read_image(&path("c.hdr.gz"), ThirdAxis::Depth).unwrap().image, expected.image);

    fs::remove_file(path("b.img")).unwrap();
    let error = read_image(&path("b.hdr"), ThirdAxis::Depth).unwrap_err();
    assert!(error.to_string().ends_with("b.img: there is no such file"), "{error}");
    fs::copy(path("b.hdr"), path("alone.nii")).unwrap();
    fs::write(path("e.hdr"), whole.whole()).unwrap();
    fs::write(path("f.hdr"), vec![0; 348]).unwrap();
    for (name, words) in [
        ("alone.nii", "expected one that is called .hdr"),
        ("e.hdr", "call the file .nii"),
        ("f.hdr", "not a NIfTI file"),
    ] {
        let error = read_image(&path(name), ThirdAxis::Depth).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

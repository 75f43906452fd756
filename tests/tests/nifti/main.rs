//! NIfTI files as other programs write them, whole and damaged, byte by byte.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rl4seg_core::component::{ComponentError, ErrorKind};
use rl4seg_core::domain::{Grid, Image, Label, LabelMap, LabelSet, SlowAxis, VoxelMap};
use rl4seg_core::io::IoError;
use rl4seg_core::io::nifti::{NiftiGeometry, ThirdAxis, read_image, read_labels, write_image, write_labels, write_map};

use file::{File, packed};
use variants::second_version;

mod affines;
mod file;
mod variants;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn heart() -> LabelSet {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    LabelSet::new(vec![label(0, "background"), label(1, "ventricle"), label(2, "wall")]).unwrap()
}

/// The refusal of a file as an image, which names the file.
fn refusal(file: &File) -> IoError {
    let folder = folder();
    let path = file.write(folder.path(), "image.nii");
    let error = read_image(&path, ThirdAxis::Depth).unwrap_err();
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    error
}

fn field_of(error: &IoError) -> &str {
    match error {
        IoError::Field { field, .. } => field,
        other => panic!("{other}"),
    }
}

#[test]
fn x_is_the_fastest_axis_and_becomes_the_last() {
    let folder = folder();
    let file = File::bytes(&[4, 3, 2]).f32(80, 0.25).f32(84, 0.5).f32(88, 2.0);
    let read = read_image(&file.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap();
    assert_eq!(read.image.grid().shape(), [2, 3, 4]);
    assert_eq!(read.image.grid().spacing_mm(), [0.5, 0.25]);
    assert_eq!(read.image.grid().slow(), SlowAxis::Depth { spacing_mm: 2.0 });
    assert_eq!(read.image.values(), (0..24).map(|value| value as f32).collect::<Vec<_>>());
}

#[test]
fn every_kind_of_number_is_read_in_both_byte_orders() {
    let folder = folder();
    let [a, b] = [3_i8, 100];
    let kinds: [(i16, Vec<Vec<u8>>); 10] = [
        (2, vec![vec![a as u8], vec![b as u8]]),
        (256, vec![a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec()]),
        (4, [a, b].map(|value| i16::from(value).to_le_bytes().to_vec()).to_vec()),
        (512, [a, b].map(|value| (value as u16).to_le_bytes().to_vec()).to_vec()),
        (8, [a, b].map(|value| i32::from(value).to_le_bytes().to_vec()).to_vec()),
        (768, [a, b].map(|value| (value as u32).to_le_bytes().to_vec()).to_vec()),
        (1024, [a, b].map(|value| i64::from(value).to_le_bytes().to_vec()).to_vec()),
        (1280, [a, b].map(|value| (value as u64).to_le_bytes().to_vec()).to_vec()),
        (16, [a, b].map(|value| f32::from(value).to_le_bytes().to_vec()).to_vec()),
        (64, [a, b].map(|value| f64::from(value).to_le_bytes().to_vec()).to_vec()),
    ];
    for (datatype, voxels) in kinds {
        let little = File::new(&[2, 1], datatype, voxels.concat());
        for file in [little.clone(), big_endian(&little, voxels[0].len())] {
            let path = file.write(folder.path(), "a.nii");
            let read = read_image(&path, ThirdAxis::Depth).unwrap();
            assert_eq!(read.image.values(), [3.0, 100.0], "datatype {datatype}, big endian {}", file.big_endian);
            let labels = LabelMap::new(*read.image.grid(), vec![1, 2]).unwrap();
            write_labels(&path, &labels, &read.geometry).unwrap();
            assert_eq!(read_labels(&path, ThirdAxis::Depth, &heart(), &[]).unwrap().labels, labels);
            let map = VoxelMap::new(*read.image.grid(), vec![0.25, 7.5]).unwrap();
            write_map(&path, &map, &read.geometry).unwrap();
            assert_eq!(read_image(&path, ThirdAxis::Depth).unwrap().image.values(), map.values());
        }
    }
}

/// The same file in the other byte order. Only fields that these tests set are turned.
fn big_endian(file: &File, voxel: usize) -> File {
    let mut turned = File { big_endian: true, ..file.clone() };
    turned.header[..4].reverse();
    let two = (40..76).step_by(2).map(|at| (at, 2));
    let four = (76..124).step_by(4).filter(|&at| at < 120).map(|at| (at, 4));
    for (at, len) in two.filter(|&(at, _)| !(56..68).contains(&at)).chain(four) {
        turned.header[at..at + len].reverse();
    }
    turned.data.chunks_exact_mut(voxel).for_each(<[u8]>::reverse);
    turned
}

#[test]
fn slope_and_intercept_are_applied_and_a_slope_of_zero_is_none() {
    let folder = folder();
    let scaled = File::bytes(&[2, 1]).f32(112, 2.0).f32(116, -1.0).write(folder.path(), "a.nii");
    assert_eq!(read_image(&scaled, ThirdAxis::Depth).unwrap().image.values(), [-1.0, 1.0]);
    let unscaled = File::bytes(&[2, 1]).f32(112, 0.0).f32(116, 9.0).write(folder.path(), "b.nii");
    assert_eq!(read_image(&unscaled, ThirdAxis::Depth).unwrap().image.values(), [0.0, 1.0]);
    assert_eq!(field_of(&refusal(&File::bytes(&[2, 1]).f32(112, f32::NAN))), "scl_slope");
}

#[test]
fn the_slow_axis_is_depth_or_time_but_not_both() {
    let folder = folder();
    let slow = |file: File, third_axis| {
        let path = file.write(folder.path(), "a.nii");
        read_image(&path, third_axis).map(|read| (read.image.grid().planes(), read.image.grid().slow()))
    };
    let unknown = SlowAxis::Time { interval_ms: None };
    assert_eq!(slow(File::bytes(&[2, 2]), ThirdAxis::Depth).unwrap(), (1, SlowAxis::Single));
    assert_eq!(slow(File::bytes(&[2, 2, 1]), ThirdAxis::Time).unwrap(), (1, SlowAxis::Single));
    assert_eq!(slow(File::bytes(&[2, 2, 3]), ThirdAxis::Time).unwrap(), (3, unknown));
    assert_eq!(slow(File::bytes(&[2, 2, 3, 1]), ThirdAxis::Time).unwrap(), (3, unknown));
    assert_eq!(slow(File::bytes(&[2, 2, 1, 3]), ThirdAxis::Depth).unwrap(), (3, unknown));
    for (unit, interval) in [(8, 500.0), (16, 0.5), (24, 0.0005)] {
        let timed = File::bytes(&[2, 2, 1, 3]).with(123, &[2 | unit]);
        let (_, found) = slow(timed, ThirdAxis::Depth).unwrap();
        assert_eq!(found, SlowAxis::Time { interval_ms: Some(interval) });
    }
    let error = slow(File::bytes(&[2, 2, 2, 3]), ThirdAxis::Depth).unwrap_err();
    assert!(error.to_string().contains("2 slices at 3 times"), "{error}");
}

#[test]
fn lengths_are_in_the_unit_of_the_header() {
    let folder = folder();
    for (unit, spacing) in [(0, 0.5), (2, 0.5), (1, 500.0), (3, 0.0005)] {
        let path = File::bytes(&[2, 2]).with(123, &[unit]).write(folder.path(), "a.nii");
        let found = read_image(&path, ThirdAxis::Depth).unwrap().image.grid().spacing_mm();
        assert!((found[0] / spacing - 1.0).abs() < 1e-12, "{found:?} against {spacing}");
    }
    assert_eq!(field_of(&refusal(&File::bytes(&[2, 2]).with(123, &[5]))), "xyzt_units");
}

#[test]
fn a_spacing_must_be_there() {
    for bad in [0.0, -0.5, f32::NAN, f32::INFINITY] {
        assert_eq!(field_of(&refusal(&File::bytes(&[2, 2, 2]).f32(80, bad))), "pixdim[1]");
        assert_eq!(field_of(&refusal(&File::bytes(&[2, 2, 2]).f32(84, bad))), "pixdim[2]");
        assert_eq!(field_of(&refusal(&File::bytes(&[2, 2, 2]).f32(88, bad))), "pixdim[3]");
    }
    let timed = File::bytes(&[2, 2, 1, 2]).with(123, &[2 | 16]).f32(92, -1.0);
    assert_eq!(field_of(&refusal(&timed)), "pixdim[4]");
}

#[test]
fn sform_and_pixdim_must_agree() {
    let folder = folder();
    let turned = [[0.0, -0.5, 0.0, 7.0], [0.5, 0.0, 0.0, 8.0], [0.0, 0.0, 0.0, 9.0]];
    let path = File::bytes(&[2, 2]).sform(turned).write(folder.path(), "a.nii");
    let affine = read_image(&path, ThirdAxis::Depth).unwrap().geometry.affine();
    assert_eq!(affine, [[0.0, -0.5, 0.0, 7.0], [0.5, 0.0, 0.0, 8.0], [0.0, 0.0, 0.0, 9.0]]);
    let wrong = File::bytes(&[2, 2]).sform([[0.5, 0.0, 0.0, 0.0], [0.0, 0.6, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let error = refusal(&wrong);
    assert_eq!(field_of(&error), "pixdim[2]");
    assert!(error.to_string().contains("sform"), "{error}");
    assert_eq!(field_of(&refusal(&File::bytes(&[2, 2]).sform([[0.0; 4]; 3]))), "pixdim[1]");
}

#[test]
fn qform_turns_by_its_quaternion() {
    let folder = folder();
    // Half a turn about z: b = c = 0, d = 1.
    let file = File::bytes(&[2, 2]).i16(252, 1).f32(264, 1.0).f32(268, 3.0);
    let affine = read_image(&file.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap().geometry.affine();
    assert_eq!(affine, [[-0.5, 0.0, 0.0, 3.0], [0.0, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]]);
}

#[test]
fn what_is_not_one_nifti_image_is_refused() {
    let plain = File::bytes(&[2, 2]);
    assert_eq!(refusal(&plain.clone().with(344, b"n+2\0")).kind(), ErrorKind::Unreadable);
    assert_eq!(refusal(&plain.clone().with(344, b"ni1\0")).kind(), ErrorKind::Unsupported);
    assert_eq!(refusal(&plain.clone().with(0, &540_i32.to_le_bytes())).kind(), ErrorKind::Unreadable);
    assert_eq!(refusal(&plain.clone().with(0, &349_i32.to_le_bytes())).kind(), ErrorKind::Unreadable);
    for datatype in [0, 1, 32, 128, 1536, 1792, 2048, 2304, 77] {
        assert_eq!(refusal(&plain.clone().i16(70, datatype)).kind(), ErrorKind::Unsupported, "{datatype}");
    }
    for (at, value, field) in [(40, 1, "dim[0]"), (40, 0, "dim[0]"), (42, 0, "dim[1]"), (44, -3, "dim[2]")] {
        assert_eq!(field_of(&refusal(&plain.clone().i16(at, value))), field);
    }
    assert_eq!(field_of(&refusal(&File::bytes(&[1, 1, 1, 1, 2]))), "dim[5]");
    for offset in [0.0, 351.0, 352.5, f32::NAN, f32::INFINITY] {
        assert_eq!(field_of(&refusal(&plain.clone().f32(108, offset))), "vox_offset");
    }
}

#[test]
fn a_file_that_is_cut_short_or_too_long_is_refused() {
    let folder = folder();
    let whole = File::bytes(&[5, 7]).whole();
    let gzip = packed(&whole);
    let read = |bytes: &[u8]| {
        let path = folder.path().join("a.nii.gz");
        fs::write(&path, bytes).unwrap();
        read_image(&path, ThirdAxis::Depth)
    };
    assert!(read(&whole).is_ok() && read(&gzip).is_ok());
    for len in 0..whole.len() {
        assert!(matches!(read(&whole[..len]), Err(IoError::Truncated { .. })), "{len} of {} bytes", whole.len());
    }
    for len in 0..gzip.len() {
        assert!(read(&gzip[..len]).is_err(), "{len} of {} packed bytes", gzip.len());
    }
    let error = read(&[whole.as_slice(), &[0]].concat()).unwrap_err();
    assert!(error.to_string().contains("bytes after"), "{error}");
    let mut damaged = gzip.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    assert!(matches!(read(&damaged), Err(IoError::Format { .. })));
}

#[test]
fn a_header_that_claims_more_than_memory_holds_costs_nothing() {
    let huge = File::new(&[32767, 32767, 32767], 64, vec![0; 100]);
    assert!(matches!(refusal(&huge), IoError::Truncated { found: 100, .. }));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read_image(Path::new("nowhere/a.nii.gz"), ThirdAxis::Depth).unwrap_err();
    assert_eq!(error.to_string(), "nowhere/a.nii.gz: there is no such file");
    assert_eq!(ComponentError::from(error).kind(), ErrorKind::NotFound);
}

#[test]
fn an_intensity_must_be_finite() {
    let values = [0.5, f32::NAN, 0.25, f32::INFINITY, 1.0, 1.0];
    let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let error = refusal(&File::new(&[3, 2], 16, data));
    assert!(matches!(error, IoError::NotFinite { count: 2, total: 6, at: [0, 0, 1], .. }), "{error}");
    let too_large = refusal(&File::new(&[2, 1], 64, [0.0, 1e300_f64].map(f64::to_le_bytes).concat()));
    assert!(matches!(too_large, IoError::NotFinite { count: 1, .. }), "{too_large}");
}

#[test]
fn a_label_must_be_in_the_set_or_in_the_mapping() {
    let folder = folder();
    let read = |file: &File, mapping: &[(u32, u8)]| {
        read_labels(&file.write(folder.path(), "a.nii"), ThirdAxis::Depth, &heart(), mapping).map(|read| read.labels)
    };
    let atrium = File::bytes(&[2, 2]);
    assert_eq!(read(&atrium, &[(3, 0)]).unwrap().labels(), [0, 1, 2, 0]);
    assert_eq!(read(&atrium, &[(3, 0), (1, 2), (2, 1)]).unwrap().labels(), [0, 2, 1, 0]);
    let error = read(&atrium, &[]).unwrap_err();
    assert!(matches!(error, IoError::Label { found: 3.0, at: [0, 1, 1], .. }), "{error}");
    assert!(error.to_string().contains("0 background, 1 ventricle, 2 wall"), "{error}");
    assert!(error.to_string().contains("the file has the values 0, 1, 2, 3; expected"), "{error}");
    let image = File::bytes(&[64, 1]);
    assert!(read(&image, &[]).unwrap_err().to_string().contains("has more than 20 values, as an image has"));
    for bad in [0.5, -1.0, 255.0, f32::NAN, f32::INFINITY] {
        let file = File::new(&[2, 1], 16, [0.0, bad].map(f32::to_le_bytes).concat());
        assert!(matches!(read(&file, &[]), Err(IoError::Label { at: [0, 0, 1], .. })), "{bad}");
    }
}

#[test]
fn a_written_file_carries_the_header_it_came_with() {
    let folder = folder();
    let turned = [[0.0, -0.5, 0.0, 7.0], [0.5, 0.0, 0.0, 8.0], [0.0, 0.0, 0.5, 9.0]];
    let original = File::bytes(&[3, 2, 2])
        .sform(turned)
        .i16(252, 2)
        .f32(256, 0.1)
        .f32(112, 3.0)
        .f32(116, 4.0)
        .f32(124, 255.0)
        .with(148, b"a description");
    let read = read_image(&original.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap();
    let written = folder.path().join("b.nii");
    write_labels(&written, &LabelMap::background(*read.image.grid()), &read.geometry).unwrap();
    let [before, after] = [original.whole(), fs::read(&written).unwrap()];
    let changed = [68..74, 108..120, 124..132];
    for at in (0..348).filter(|at| !changed.iter().any(|range| range.contains(at))) {
        assert_eq!(before[at], after[at], "header byte {at}");
    }
    let again = NiftiGeometry::read(&written, ThirdAxis::Depth).unwrap();
    assert_eq!(read.geometry.difference(&again), None);
    assert_eq!(again.affine(), read.geometry.affine());
}

#[test]
fn writing_is_the_same_every_time_and_checks_what_it_is_given() {
    let folder = folder();
    let grid = Grid::new([3, 4, 5], [0.3, 0.2], SlowAxis::Time { interval_ms: Some(20.0) }).unwrap();
    let geometry = NiftiGeometry::for_grid(&grid);
    let image = Image::new(grid, 1, (0..60).map(|value| value as f32 / 60.0).collect()).unwrap();
    let [a, b] = ["a.nii.gz", "b.nii.gz"].map(|name| folder.path().join(name));
    write_image(&a, &image, &geometry).unwrap();
    write_image(&b, &image, &geometry).unwrap();
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let read = read_image(&a, ThirdAxis::Depth).unwrap();
    assert_eq!(read.image.values(), image.values());
    assert_eq!(read.image.grid().difference(&grid), None);
    assert_eq!(read.image.grid().slow(), grid.slow());

    let smaller = LabelMap::background(grid.one_plane());
    assert!(matches!(write_labels(&a, &smaller, &geometry), Err(IoError::Domain { .. })));
    let nan = VoxelMap::new(grid, vec![f32::NAN; 60]).unwrap();
    assert!(matches!(write_map(&a, &nan, &geometry), Err(IoError::NotFinite { count: 60, .. })));
    let channels = Image::new(grid, 2, vec![0.0; 120]).unwrap();
    assert!(matches!(write_image(&a, &channels, &geometry), Err(IoError::Unsupported { .. })));
    let name = folder.path().join("a.png");
    assert!(matches!(write_image(&name, &image, &geometry), Err(IoError::Unsupported { .. })));
}

#[test]
fn geometries_that_place_voxels_elsewhere_differ() {
    let folder = folder();
    let rows = |x: f32, origin: f32| [[x, 0.0, 0.0, origin], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]];
    let geometry = |file: File| NiftiGeometry::read(&file.write(folder.path(), "a.nii"), ThirdAxis::Depth).unwrap();
    let image = geometry(File::bytes(&[4, 3]).sform(rows(0.5, 0.0)));
    assert_eq!(image.difference(&geometry(File::bytes(&[4, 3]).sform(rows(0.5, 0.001)))), None);
    let moved = image.difference(&geometry(File::bytes(&[4, 3]).sform(rows(0.5, 1.0)))).unwrap();
    assert!(moved.contains("1.000 mm apart"), "{moved}");
    assert!(image.difference(&geometry(File::bytes(&[4, 3]).sform(rows(-0.5, 0.0)))).is_some());
    assert!(image.difference(&geometry(File::bytes(&[3, 4]).sform(rows(0.5, 0.0)))).unwrap().contains("shape"));
}

proptest! {
    #[test]
    fn no_header_of_the_second_version_makes_the_reader_panic(
        header in proptest::collection::vec(any::<u8>(), 540), keep in 12..540_usize
    ) {
        let folder = folder();
        let mut bytes = second_version(&File::bytes(&[4, 3, 2]), false);
        bytes[keep..540].copy_from_slice(&header[keep..540]);
        let path = folder.path().join("a.nii");
        fs::write(&path, &bytes).unwrap();
        let _ = read_image(&path, ThirdAxis::Depth);
    }

    #[test]
    fn no_header_makes_the_reader_panic(header in proptest::collection::vec(any::<u8>(), 348), keep in 0..344_usize) {
        let folder = folder();
        let mut bytes = File::bytes(&[4, 3, 2]).whole();
        bytes[keep..344].copy_from_slice(&header[keep..344]);
        let path = folder.path().join("a.nii");
        fs::write(&path, &bytes).unwrap();
        let _ = read_image(&path, ThirdAxis::Depth);
        let _ = read_labels(&path, ThirdAxis::Time, &heart(), &[]);
    }
}

use std::{fs, io::Write};

use super::*;
use crate::domain::SlowAxis;

/// A volume of 3 x 2 x 2 bytes, 2 by 3 by 4 mm.
const VOLUME: [(&str, &str); 8] = [
    ("ObjectType", "Image"),
    ("NDims", "3"),
    ("BinaryData", "True"),
    ("CompressedData", "False"),
    ("ElementSpacing", "2 3 4"),
    ("DimSize", "3 2 2"),
    ("ElementType", "MET_UCHAR"),
    ("ElementDataFile", "LOCAL"),
];

const VOXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// The header with these lines in place of its own or beside them; a line without a value is left out.
fn header(changes: &[(&str, &str)]) -> Vec<u8> {
    let is_changed = |key: &str| changes.iter().any(|&(changed, _)| changed == key);
    let (last, others) = VOLUME.split_last().unwrap();
    let kept = others.iter().filter(|(key, _)| !is_changed(key));
    let new = changes.iter().filter(|(key, value)| *key != last.0 && !value.is_empty());
    let last = changes.iter().find(|(key, _)| *key == last.0).unwrap_or(last);
    let lines = kept.chain(new).chain([last]).map(|(key, value)| format!("{key} = {value}\n"));
    lines.collect::<String>().into_bytes()
}

fn read_bytes(bytes: &[u8], third_axis: ThirdAxis) -> Result<Volume, IoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mha");
    fs::write(&path, bytes).unwrap();
    read(&path, third_axis)
}

fn read_changed(changes: &[(&str, &str)], voxels: &[u8]) -> Result<Volume, IoError> {
    read_bytes(&[header(changes), voxels.to_vec()].concat(), ThirdAxis::Depth)
}

fn values(volume: Volume) -> Vec<f32> {
    volume.image(Path::new("a.mha")).unwrap().image.into_values()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_type_of_number_is_read_in_either_byte_order() {
    let numbers: [(&str, Vec<u8>, f32); 12] = [
        ("MET_CHAR", (-3_i8).to_be_bytes().to_vec(), -3.0),
        ("MET_UCHAR", 253_u8.to_be_bytes().to_vec(), 253.0),
        ("MET_SHORT", (-300_i16).to_be_bytes().to_vec(), -300.0),
        ("MET_USHORT", 65_000_u16.to_be_bytes().to_vec(), 65_000.0),
        ("MET_INT", (-70_000_i32).to_be_bytes().to_vec(), -70_000.0),
        ("MET_UINT", 3_000_000_000_u32.to_be_bytes().to_vec(), 3e9),
        ("MET_LONG", (-70_000_i32).to_be_bytes().to_vec(), -70_000.0),
        ("MET_ULONG", 3_000_000_000_u32.to_be_bytes().to_vec(), 3e9),
        ("MET_LONG_LONG", (-(1_i64 << 40)).to_be_bytes().to_vec(), -(2_f32.powi(40))),
        ("MET_ULONG_LONG", (1_u64 << 63).to_be_bytes().to_vec(), 2_f32.powi(63)),
        ("MET_FLOAT", (-0.5_f32).to_be_bytes().to_vec(), -0.5),
        ("MET_DOUBLE", 0.25_f64.to_be_bytes().to_vec(), 0.25),
    ];
    for (kind, big, expected) in numbers {
        let little: Vec<u8> = big.iter().rev().copied().collect();
        for (order, order_key, bytes) in [
            ("True", "BinaryDataByteOrderMSB", &big),
            ("True", "ElementByteOrderMSB", &big),
            ("False", "BinaryDataByteOrderMSB", &little),
        ] {
            let changes = [("ElementType", kind), ("DimSize", "1 2 1"), (order_key, order)];
            let found = read_changed(&changes, &bytes.repeat(2)).unwrap();
            assert_eq!(values(found), [expected; 2], "{kind}, {order_key} {order}");
        }
    }
}

#[test]
fn directions_stand_one_after_the_other_and_become_ras() {
    for (position, turn) in [("Offset", "TransformMatrix"), ("Position", "Rotation"), ("Origin", "Orientation")] {
        let changes = [(position, "5 6 7"), (turn, "0 1 0 -1 0 0 0 0 1")];
        let found = read_changed(&changes, &VOXELS).unwrap();
        let affine = [[0.0, 3.0, 0.0, -5.0], [-2.0, 0.0, 0.0, -6.0], [0.0, 0.0, 4.0, 7.0]];
        assert_eq!(found.geometry.affine(), affine, "{turn}");
        let grid = found.geometry.grid();
        assert_eq!((grid.shape(), grid.spacing_mm()), ([2, 2, 3], [3.0, 2.0]));
        assert_eq!(grid.slow(), SlowAxis::Depth { spacing_mm: 4.0 });
    }
}

#[test]
fn a_plane_has_two_axes() {
    let changes = [("NDims", "2"), ("DimSize", "4 3"), ("ElementSpacing", "0.5 0.25"), ("Offset", "1 2")];
    let found = read_changed(&changes, &VOXELS).unwrap();
    assert_eq!(found.geometry.grid().shape(), [1, 3, 4]);
    assert_eq!(found.geometry.affine(), [[-0.5, 0.0, 0.0, -1.0], [0.0, -0.25, 0.0, -2.0], [0.0, 0.0, 1.0, 0.0]]);
}

#[test]
fn a_fourth_axis_is_time_where_there_is_no_depth() {
    let four = |size: &'static str| [("NDims", "4"), ("ElementSpacing", "2 3 4 5"), ("DimSize", size)];
    let frames = read_changed(&four("3 2 1 2"), &VOXELS).unwrap();
    assert_eq!(frames.geometry.grid().slow(), SlowAxis::Time { interval_ms: None });
    let slices = read_changed(&four("3 2 2 1"), &VOXELS).unwrap();
    assert_eq!(slices.geometry.grid().slow(), SlowAxis::Depth { spacing_mm: 4.0 });
    let both = read_changed(&four("3 1 2 2"), &VOXELS);
    assert!(matches!(both, Err(IoError::Field { field, .. }) if field == "DimSize"));
}

#[test]
fn a_third_axis_is_time_where_the_caller_says_so() {
    let found = read_bytes(&[header(&[]), VOXELS.to_vec()].concat(), ThirdAxis::Time).unwrap();
    assert_eq!(found.geometry.grid().slow(), SlowAxis::Time { interval_ms: None });
}

#[test]
fn packed_voxels_are_unpacked_and_their_sum_is_checked() {
    let packed = zlib(&VOXELS);
    let len = packed.len().to_string();
    for changes in [&[("CompressedData", "True")][..], &[("CompressedData", "True"), ("CompressedDataSize", &len)]] {
        let found = read_changed(changes, &packed).unwrap();
        assert_eq!(values(found), VOXELS.map(f32::from));
    }
    let mut damaged = packed;
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(read_changed(&[("CompressedData", "True")], &damaged), Err(IoError::Format { .. })));
}

#[test]
fn voxels_may_lie_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mhd");
    let apart = |name: &str, header_size: &str, bytes: &[u8]| {
        fs::write(folder.path().join("a.raw"), bytes).unwrap();
        fs::write(&path, header(&[("ElementDataFile", name), ("HeaderSize", header_size)])).unwrap();
        read(&path, ThirdAxis::Depth)
    };
    let behind = [b"1234567".as_slice(), &VOXELS].concat();
    for (header_size, bytes) in [("", &VOXELS[..]), ("0", &VOXELS), ("7", &behind), ("-1", &behind)] {
        assert_eq!(values(apart("a.raw", header_size, bytes).unwrap()), VOXELS.map(f32::from), "{header_size}");
    }
    assert!(matches!(apart("a.raw", "", &behind), Err(IoError::Format { .. })));
    for bad in ["-2", "0.5", "many"] {
        assert!(matches!(apart("a.raw", bad, &VOXELS), Err(IoError::Field { field, .. }) if field == "HeaderSize"));
    }
    assert!(matches!(apart("b.raw", "", &VOXELS), Err(IoError::NotFound { path }) if path.ends_with("b.raw")));
}

#[test]
fn no_other_folder_and_no_list_of_files_is_read() {
    for name in ["../a.raw", "/etc/passwd", "x/../../a.raw", "LIST", "LIST 2D", "a%03d.raw 1 2 1", ""] {
        let refused = read_changed(&[("ElementDataFile", name)], &VOXELS);
        assert!(matches!(refused, Err(IoError::Field { field, .. }) if field == "ElementDataFile"), "{name}");
    }
}

#[test]
fn a_field_that_cannot_be_taken_is_named() {
    for (key, value) in [
        ("ObjectType", "Tube"),
        ("NDims", "1"),
        ("NDims", "5"),
        ("NDims", ""),
        ("BinaryData", "False"),
        ("BinaryData", "perhaps"),
        ("CompressedData", "perhaps"),
        ("BinaryDataByteOrderMSB", "perhaps"),
        ("ElementNumberOfChannels", "3"),
        ("ElementSpacing", ""),
        ("ElementSpacing", "2 3"),
        ("ElementSpacing", "2 0 4"),
        ("ElementSpacing", "2 -3 4"),
        ("ElementSpacing", "2 nan 4"),
        ("DimSize", ""),
        ("DimSize", "3 2"),
        ("DimSize", "3 0 2"),
        ("DimSize", "3 -2 2"),
        ("DimSize", "9000000000 9000000000 9000000000"),
        ("ElementType", ""),
        ("ElementType", "MET_STRING"),
        ("ElementType", "MET_UCHAR_ARRAY"),
        ("Offset", "1 2"),
        ("Offset", "1 2 inf"),
        ("TransformMatrix", "1 0 0 0 1 0"),
        ("TransformMatrix", "1 0 0 0 1 0 0 0 0"),
        ("TransformMatrix", "1 0 0 0 2 0 0 0 1"),
        ("Orientation", "1 0 0 0 nan 0 0 0 1"),
        ("DistanceUnits", "cm"),
        ("ElementToIntensityFunctionSlope", "2"),
        ("ElementToIntensityFunctionOffset", "-1024"),
    ] {
        match read_changed(&[(key, value)], &VOXELS).err() {
            Some(IoError::Field { field, .. }) => assert_eq!(field, key, "{value}"),
            other => panic!("{key} = {value}: {other:?}"),
        }
    }
}

#[test]
fn size_of_an_element_is_no_spacing() {
    let refused = read_changed(&[("ElementSpacing", ""), ("ElementSize", "2 3 4")], &VOXELS);
    assert!(
        matches!(refused, Err(IoError::Field { field, found, .. }) if field == "ElementSpacing" && found == "missing")
    );
}

#[test]
fn what_is_shorter_or_longer_than_its_header_says_is_refused() {
    let short = read_changed(&[], &VOXELS[..11]);
    assert!(matches!(short, Err(IoError::Truncated { found: 11, expected: 12, .. })));
    assert!(matches!(read_changed(&[], &[0; 13]), Err(IoError::Format { .. })));
    let huge = read_changed(&[("DimSize", "1000000 1000000 1000")], &VOXELS);
    assert!(matches!(huge, Err(IoError::Truncated { found: 12, .. })));
    let packed = zlib(&VOXELS);
    let cut = read_changed(&[("CompressedData", "True")], &packed[..packed.len() / 2]);
    assert!(matches!(cut, Err(IoError::Format { .. })));
    let long = read_changed(&[("CompressedData", "True")], &zlib(&[0; 100_000]));
    assert!(matches!(long, Err(IoError::Format { .. })));
}

#[test]
fn a_header_without_its_last_line_is_refused() {
    let whole = header(&[]);
    let without = &whole[..whole.len() - "ElementDataFile = LOCAL\n".len()];
    assert!(matches!(read_bytes(without, ThirdAxis::Depth), Err(IoError::Format { .. })));
    let endless = [without, &b"Comment = a\n".repeat(100_000)].concat();
    assert!(matches!(read_bytes(&endless, ThirdAxis::Depth), Err(IoError::Format { .. })));
}

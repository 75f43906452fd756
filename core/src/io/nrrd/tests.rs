use std::{fs, io::Write};

use super::*;
use crate::domain::{Label, LabelSet, SlowAxis};

/// A volume of 3 x 2 x 2 bytes, 2 by 3 by 4 mm.
const VOLUME: [(&str, &str); 6] = [
    ("type", "uchar"),
    ("dimension", "3"),
    ("sizes", "3 2 2"),
    ("space", "right-anterior-superior"),
    ("space directions", "(2,0,0) (0,3,0) (0,0,4)"),
    ("encoding", "raw"),
];

/// What a header has that places its axes by `spacings` alone.
const SPACINGS: [(&str, &str); 3] = [("space", ""), ("space directions", ""), ("spacings", "2 3 4")];

const VOXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// Fields and their values.
type Changes<'a> = &'a [(&'a str, &'a str)];

/// The header with these lines in place of its own or beside them; a line without a value is left out.
fn header(changes: &[(&str, &str)]) -> Vec<u8> {
    let is_changed = |field: &str| changes.iter().any(|&(changed, _)| changed == field);
    let kept = VOLUME.iter().filter(|(field, _)| !is_changed(field));
    let new = changes.iter().filter(|(_, value)| !value.is_empty());
    let lines = kept.chain(new).map(|(field, value)| format!("{field}: {value}\n"));
    format!("NRRD0004\n# a comment\nkey:=value\n{}\n", lines.collect::<String>()).into_bytes()
}

fn read_bytes(bytes: &[u8]) -> Result<Volume, IoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nrrd");
    fs::write(&path, bytes).unwrap();
    read(&path, ThirdAxis::Depth)
}

fn read_changed(changes: &[(&str, &str)], voxels: &[u8]) -> Result<Volume, IoError> {
    read_bytes(&[header(changes), voxels.to_vec()].concat())
}

fn refused_field(changes: &[(&str, &str)]) -> String {
    match read_changed(changes, &VOXELS).err() {
        Some(IoError::Field { field, .. }) => field,
        other => panic!("{changes:?}: {other:?}"),
    }
}

fn values(volume: Volume) -> Vec<f32> {
    volume.image(Path::new("a.nrrd")).unwrap().image.into_values()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_name_of_a_type_is_read_in_either_byte_order() {
    let numbers: [(&[&str], Vec<u8>, f32); 10] = [
        (&["signed char", "int8", "int8_t"], (-3_i8).to_be_bytes().to_vec(), -3.0),
        (&["uchar", "unsigned char", "uint8", "uint8_t"], vec![253], 253.0),
        (
            &["short", "short int", "signed short", "signed short int", "int16", "int16_t"],
            (-300_i16).to_be_bytes().to_vec(),
            -300.0,
        ),
        (
            &["ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"],
            65_000_u16.to_be_bytes().to_vec(),
            65_000.0,
        ),
        (&["int", "signed int", "int32", "int32_t"], (-70_000_i32).to_be_bytes().to_vec(), -70_000.0),
        (&["uint", "unsigned int", "uint32", "uint32_t"], 3_000_000_000_u32.to_be_bytes().to_vec(), 3e9),
        (
            &["longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"],
            (-(1_i64 << 40)).to_be_bytes().to_vec(),
            -(2_f32.powi(40)),
        ),
        (
            &["ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"],
            (1_u64 << 63).to_be_bytes().to_vec(),
            2_f32.powi(63),
        ),
        (&["float"], (-0.5_f32).to_be_bytes().to_vec(), -0.5),
        (&["double"], 0.25_f64.to_be_bytes().to_vec(), 0.25),
    ];
    for (names, big, expected) in numbers {
        let little: Vec<u8> = big.iter().rev().copied().collect();
        for name in names {
            for (order, bytes) in [("big", &big), ("little", &little)] {
                let found = read_changed(&[("type", name), ("sizes", "1 2 1"), ("endian", order)], &bytes.repeat(2));
                assert_eq!(values(found.unwrap()), [expected; 2], "{name}, {order}");
            }
        }
    }
}

#[test]
fn positions_become_ras_from_every_space() {
    for (space, [x, y]) in [
        ("right-anterior-superior", [1.0, 1.0]),
        ("RAS", [1.0, 1.0]),
        ("left-anterior-superior", [-1.0, 1.0]),
        ("LAS", [-1.0, 1.0]),
        ("Left-Posterior-Superior", [-1.0, -1.0]),
        ("LPS", [-1.0, -1.0]),
    ] {
        let directions = ("space directions", "(0, 2, 0) (-3,0,0) (0,0,4e0)");
        let found = read_changed(&[("space", space), directions, ("space origin", "(5,6,7)")], &VOXELS).unwrap();
        let affine = [[0.0, -3.0 * x, 0.0, 5.0 * x], [2.0 * y, 0.0, 0.0, 6.0 * y], [0.0, 0.0, 4.0, 7.0]];
        assert_eq!(found.geometry.affine(), affine, "{space}");
        let grid = found.geometry.grid();
        assert_eq!((grid.shape(), grid.spacing_mm()), ([2, 2, 3], [3.0, 2.0]));
        assert_eq!(grid.slow(), SlowAxis::Depth { spacing_mm: 4.0 });
    }
    for space in ["scanner-xyz", "3D-right-handed", "left-posterior-superior-time"] {
        assert_eq!(refused_field(&[("space", space)]), "space");
    }
}

#[test]
fn spacings_place_axes_where_there_is_no_space() {
    let found = read_changed(&SPACINGS, &VOXELS).unwrap();
    assert_eq!(found.geometry.affine(), [[2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0]]);
    for (bad, field) in [("2 nan 4", "spacings"), ("2 0 4", "spacings"), ("2 -3 4", "spacings"), ("2 3", "spacings")] {
        assert_eq!(refused_field(&[SPACINGS[0], SPACINGS[1], ("spacings", bad)]), field, "{bad}");
    }
    assert_eq!(refused_field(&SPACINGS[..2]), "spacings");
}

#[test]
fn lengths_in_other_units_become_millimetres() {
    let microns = [("space units", "\"um\" \"um\" \"mm\""), ("space origin", "(1000,2000,7)")];
    let found = read_changed(&microns, &VOXELS).unwrap();
    assert_eq!(found.geometry.affine(), [[0.002, 0.0, 0.0, 1.0], [0.0, 0.003, 0.0, 2.0], [0.0, 0.0, 4.0, 7.0]]);
    let found = read_changed(&[&SPACINGS[..], &[("units", "\"cm\" \"mm\" \"\"")]].concat(), &VOXELS).unwrap();
    assert_eq!(found.geometry.grid().spacing_mm(), [3.0, 20.0]);
    assert_eq!(refused_field(&[("space units", "\"furlong\" \"mm\" \"mm\"")]), "space units");
    assert_eq!(refused_field(&[&SPACINGS[..], &[("units", "\"s\" \"mm\" \"mm\"")]].concat()), "units");
}

#[test]
fn an_axis_of_time_is_time_and_must_be_the_last() {
    let of = |kinds: &'static str, sizes: &'static str, directions: &'static str| {
        read_changed(&[("kinds", kinds), ("sizes", sizes), ("space directions", directions)], &VOXELS)
    };
    let frames = of("domain domain time", "3 2 2", "(2,0,0) (0,3,0) none").unwrap();
    assert_eq!(frames.geometry.grid().slow(), SlowAxis::Time { interval_ms: None });
    assert_eq!(frames.geometry.grid().shape(), [2, 2, 3]);
    let first = of("time domain domain", "2 3 2", "none (2,0,0) (0,3,0)").err();
    assert!(matches!(first, Some(IoError::Field { field, .. }) if field == "kinds"));
    assert!(of("time domain domain", "1 4 3", "none (2,0,0) (0,3,0)").is_ok());
    let four = |kinds, sizes| {
        let directions = "(2,0,0) (0,3,0) (0,0,4) none";
        read_changed(
            &[("dimension", "4"), ("kinds", kinds), ("sizes", sizes), ("space directions", directions)],
            &VOXELS,
        )
    };
    let frames = four("space space space time", "3 2 1 2").unwrap();
    assert_eq!(frames.geometry.grid().slow(), SlowAxis::Time { interval_ms: None });
    assert!(matches!(four("space space space time", "3 1 2 2"), Err(IoError::Field { .. })));
}

#[test]
fn frames_of_a_standing_plane_are_placed_by_its_normal() {
    let changes = [("kinds", "space space time"), ("space directions", "(0,2,0) (0,0,3) none")];
    let found = read_changed(&changes, &VOXELS).unwrap();
    assert_eq!(found.geometry.affine(), [[0.0, 0.0, 1.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]);
}

#[test]
fn a_segmentation_of_one_layer_is_a_label_map() {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    let set = LabelSet::new(vec![label(0, "background"), label(1, "heart")]).unwrap();
    let layer = [
        ("dimension", "4"),
        ("kinds", "list domain domain domain"),
        ("sizes", "1 3 2 2"),
        ("space directions", "none (2,0,0) (0,3,0) (0,0,4)"),
    ];
    let found = read_changed(&layer, &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 7]).unwrap();
    let found = found.labels(Path::new("a.seg.nrrd"), &set, &[(7, 1)]).unwrap();
    assert_eq!(found.labels.labels(), [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(found.geometry.grid().spacing_mm(), [3.0, 2.0]);
    let without_kinds: Vec<_> = layer.into_iter().filter(|(field, _)| *field != "kinds").collect();
    assert!(read_changed(&without_kinds, &VOXELS).is_ok());
}

#[test]
fn several_numbers_a_voxel_are_refused() {
    for kind in ["list", "vector", "RGB-color", "3-color", "complex", "covariant-vector", "2D-symmetric-matrix"] {
        let kinds = format!("{kind} domain domain domain");
        let directions = ("space directions", "none (2,0,0) (0,3,0) (0,0,4)");
        let changes = [("dimension", "4"), ("kinds", kinds.as_str()), ("sizes", "2 3 2 1"), directions];
        assert_eq!(refused_field(&changes), "kinds", "{kind}");
    }
}

#[test]
fn voxels_are_raw_or_gzip_whose_sum_is_checked() {
    let packed = gzip(&VOXELS);
    for name in ["gzip", "gz"] {
        assert_eq!(values(read_changed(&[("encoding", name)], &packed).unwrap()), VOXELS.map(f32::from));
    }
    let mut damaged = packed.clone();
    damaged[packed.len() - 8] ^= 1;
    for bad in [&damaged[..], &packed[..packed.len() - 9], b"no gzip"] {
        assert!(matches!(read_changed(&[("encoding", "gzip")], bad), Err(IoError::Format { .. })));
    }
    for name in ["ascii", "txt", "hex", "bzip2", "bz2", ""] {
        assert_eq!(refused_field(&[("encoding", name)]), "encoding", "{name}");
    }
}

#[test]
fn voxels_may_lie_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nhdr");
    let apart = |changes: &[(&str, &str)], bytes: &[u8]| {
        fs::write(folder.path().join("a.raw"), bytes).unwrap();
        let mut header = header(changes);
        // A detached header may end with its last field.
        header.pop();
        fs::write(&path, header).unwrap();
        read(&path, ThirdAxis::Depth)
    };
    let behind = [b"one\ntwo\n123".as_slice(), &VOXELS].concat();
    let packed = [b"one\n".to_vec(), gzip(&behind)].concat();
    let skips: [(Changes<'_>, &[u8]); 6] = [
        (&[("data file", "a.raw")], &VOXELS),
        (&[("datafile", "a.raw")], &VOXELS),
        (&[("data file", "a.raw"), ("line skip", "2"), ("byte skip", "3")], &behind),
        (&[("data file", "a.raw"), ("lineskip", "2"), ("byteskip", "3")], &behind),
        (&[("data file", "a.raw"), ("byte skip", "-1")], &behind),
        (&[("data file", "a.raw"), ("encoding", "gzip"), ("line skip", "1"), ("byte skip", "11")], &packed),
    ];
    for (changes, bytes) in skips {
        assert_eq!(values(apart(changes, bytes).unwrap()), VOXELS.map(f32::from), "{changes:?}");
    }
    let refused = [
        (("line skip", "-1"), "raw", "line skip"),
        (("byteskip", "-2"), "raw", "byteskip"),
        (("byte skip", "-1"), "gzip", "byte skip"),
        (("byte skip", "many"), "raw", "byte skip"),
    ];
    for (skip, encoding, name) in refused {
        let outcome = apart(&[("data file", "a.raw"), ("encoding", encoding), skip], &VOXELS);
        assert!(matches!(outcome, Err(IoError::Field { field, .. }) if field == name), "{skip:?}");
    }
    let endless = apart(&[("data file", "a.raw"), ("line skip", "18446744073709551615")], &behind);
    assert!(matches!(endless, Err(IoError::Truncated { .. })));
    assert!(matches!(apart(&[("data file", "b.raw")], &VOXELS), Err(IoError::NotFound { .. })));
    for name in ["../a.raw", "/etc/passwd", "LIST", "a%03d.raw 1 2 1"] {
        let outcome = apart(&[("data file", name)], &VOXELS);
        assert!(matches!(outcome, Err(IoError::Field { field, .. }) if field == "data file"), "{name}");
    }
}

#[test]
fn a_field_that_cannot_be_taken_is_named() {
    for (field, value) in [
        ("type", ""),
        ("type", "block"),
        ("dimension", ""),
        ("dimension", "1"),
        ("dimension", "5"),
        ("sizes", ""),
        ("sizes", "3 2"),
        ("sizes", "3 0 2"),
        ("sizes", "9000000000 9000000000 9000000000"),
        ("kinds", "domain domain"),
        ("space directions", "(2,0,0) (0,3,0)"),
        ("space directions", "(2,0,0) (0,3,0) (0,0,nan)"),
        ("space directions", "(2,0,0) (0,3,0) (0,0,4"),
        ("space directions", "(2,0,0,0) (0,3,0,0) (0,0,4,0)"),
        ("space origin", "0,0,0"),
        ("space origin", "(0,inf,0)"),
    ] {
        assert_eq!(refused_field(&[(field, value)]), field, "{value}");
    }
    let directions = ("space directions", "none (0,3,0) (0,0,4)");
    assert_eq!(refused_field(&[("kinds", "domain domain domain"), directions]), "space directions");
    assert_eq!(refused_field(&[("type", "short")]), "endian");
    assert_eq!(refused_field(&[("type", "short"), ("endian", "middle")]), "endian");
}

#[test]
fn a_direction_without_length_is_refused() {
    for directions in ["(0,0,0) (0,3,0) (0,0,4)", "(2,0,0) (0,3,0) (0,0,0)"] {
        let refused = read_changed(&[("space directions", directions)], &VOXELS);
        assert!(matches!(refused, Err(IoError::Domain { .. })), "{directions}");
    }
}

#[test]
fn only_known_versions_are_read() {
    let whole = [header(&[]), VOXELS.to_vec()].concat();
    for version in b"0123456789" {
        let mut bytes = whole.clone();
        bytes[7] = *version;
        assert_eq!(read_bytes(&bytes).is_ok(), (b'1'..=b'5').contains(version), "{}", char::from(*version));
    }
}

#[test]
fn lines_may_end_as_on_windows() {
    let text = String::from_utf8(header(&[])).unwrap().replace('\n', "\r\n");
    assert!(read_bytes(&[text.as_bytes(), &VOXELS].concat()).is_ok());
}

#[test]
fn what_is_shorter_or_longer_than_its_header_says_is_refused() {
    assert!(matches!(read_changed(&[], &VOXELS[..11]), Err(IoError::Truncated { found: 11, expected: 12, .. })));
    assert!(matches!(read_changed(&[], &[0; 13]), Err(IoError::Format { .. })));
    let huge = read_changed(&[("sizes", "1000000 1000000 1000")], &VOXELS);
    assert!(matches!(huge, Err(IoError::Truncated { found: 12, .. })));
    let endless = header(&[]);
    let endless = [&endless[..endless.len() - 1], &b"# a\n".repeat(300_000)].concat();
    for bytes in [&header(&[])[..20], &endless] {
        assert!(matches!(read_bytes(bytes), Err(IoError::Format { .. })));
    }
}

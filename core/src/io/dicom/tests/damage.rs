use std::path::Path;

use super::{super::file::Instance, *};
use crate::io::dicom::image::assemble;

/// The file as bytes.
pub(super) fn bytes(made: &Made) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dcm");
    made.write(&path);
    std::fs::read(path).unwrap()
}

pub(super) fn parse(bytes: &[u8]) -> Result<DicomImage, IoError> {
    assemble(&[Instance::parse(Path::new("a.dcm"), bytes, bytes.len())?], &Reading::default())
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let whole = bytes(&Made::plain());
    assert!(parse(&whole).is_ok());
    for len in 0..whole.len() {
        assert!(parse(&whole[..len]).is_err(), "{len} of {} bytes", whole.len());
    }
}

#[test]
fn a_length_that_the_file_does_not_have_is_refused_before_it_is_allocated() {
    let mut promising = bytes(&Made::plain());
    let end = promising.len() - 6;
    promising[end - 4..end].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    let error = parse(&promising).unwrap_err().to_string();
    assert!(error.contains("PixelData (7FE0,0010) is 4294967280 bytes long, and 6 are left"), "{error}");
}

#[test]
fn a_number_with_a_rest_does_not_shift_what_follows() {
    let mut shifted = bytes(&Made::plain());
    let rows = shifted.windows(8).position(|header| header == b"\x28\0\x10\0US\x02\0").unwrap();
    shifted[rows + 6] = 3;
    shifted.insert(rows + 8, 0);
    let error = parse(&shifted).unwrap_err().to_string();
    assert!(error.contains("Rows (0028,0010) is 3 bytes long; expected a multiple of 2"), "{error}");
}

#[test]
fn frames_that_no_such_file_can_hold_are_refused() {
    let mut made = Made::plain();
    made.1 = "1.2.840.10008.1.2.5";
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, "100000");
    made.whole(tags::ROWS, 65535);
    made.whole(tags::COLUMNS, 65535);
    let error = made.refusal();
    assert!(error.contains("100000 x 65535 x 65535, which a file of"), "{error}");
}

#[test]
fn sequences_nested_without_end_are_refused() {
    let mut inner = InMemDicomObject::new_empty();
    for _ in 0..100 {
        inner = InMemDicomObject::from_element_iter([DataElement::new(
            tags::REFERENCED_IMAGE_SEQUENCE,
            VR::SQ,
            DataSetSequence::from(vec![inner]),
        )]);
    }
    let mut made = Made::plain();
    made.items(tags::REFERENCED_IMAGE_SEQUENCE, vec![inner]);
    assert!(made.refusal().contains("nested more than 64 deep"), "{}", made.refusal());
}

#[test]
fn what_is_not_dicom_is_told_apart() {
    assert!(parse(b"").unwrap_err().to_string().contains("not a DICOM file"));
    let mut unknown = bytes(&Made::plain());
    let at = unknown.windows(19).position(|text| text == b"1.2.840.10008.1.2.1").unwrap();
    unknown[at + 18] = b'9';
    assert!(parse(&unknown).unwrap_err().to_string().contains("transfer syntax 1.2.840.10008.1.2.9"), "unknown");
    let video = Made(Made::plain().0, "1.2.840.10008.1.2.4.102");
    assert!(video.refusal().contains("MPEG-4"), "{}", video.refusal());
}

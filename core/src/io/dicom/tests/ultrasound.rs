use dicom_encoding::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::{
    damage::{bytes, parse},
    written::holding,
    *,
};
use crate::{domain::SlowAxis, io::nifti::ThirdAxis};

/// A region of pixels (0, 0) to (2, 1): kind, units, and centimetres a pixel along x and y.
fn region(kind: u16, units: u16, [x, y]: [f64; 2]) -> InMemDicomObject {
    let us = |number: u16| PrimitiveValue::from(number);
    let ul = |number: u32| PrimitiveValue::from(number);
    item(vec![
        (tags::REGION_SPATIAL_FORMAT, VR::US, us(if kind == 3 { 3 } else { 1 })),
        (tags::REGION_DATA_TYPE, VR::US, us(kind)),
        (tags::REGION_LOCATION_MIN_X0, VR::UL, ul(1)),
        (tags::REGION_LOCATION_MIN_Y0, VR::UL, ul(0)),
        (tags::REGION_LOCATION_MAX_X1, VR::UL, ul(2)),
        (tags::REGION_LOCATION_MAX_Y1, VR::UL, ul(0)),
        (tags::PHYSICAL_UNITS_X_DIRECTION, VR::US, us(units)),
        (tags::PHYSICAL_UNITS_Y_DIRECTION, VR::US, us(units)),
        (tags::PHYSICAL_DELTA_X, VR::FD, PrimitiveValue::from(x)),
        (tags::PHYSICAL_DELTA_Y, VR::FD, PrimitiveValue::from(y)),
    ])
}

fn with_regions(regions: Vec<InMemDicomObject>) -> Made {
    let mut made = Made::plain();
    made.text(tags::MODALITY, VR::CS, "US");
    made.remove(tags::PIXEL_SPACING);
    made.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, regions);
    made
}

#[test]
fn the_spacing_is_that_of_the_tissue_region_in_mm() {
    let spacing = |regions| with_regions(regions).read().placed.image.grid().spacing_mm();
    assert_eq!(spacing(vec![region(1, 3, [0.02, 0.03])]), [0.3, 0.2]);
    // The sign says which way an axis runs; the spectrum beside the image has units of its own.
    assert_eq!(spacing(vec![region(3, 4, [0.5, 9.0]), region(1, 3, [0.02, -0.03])]), [0.3, 0.2]);
    let notes = with_regions(vec![region(1, 3, [0.02, 0.02]), region(2, 3, [0.02, 0.02])]).read().notes;
    assert!(notes[0].contains("blood flow in colour in 1 region"), "{notes:?}");
}

#[test]
fn regions_without_a_usable_calibration_are_refused_by_their_tag() {
    let refusal = |regions| with_regions(regions).refusal();
    assert!(refusal(vec![region(1, 0, [0.02, 0.02])]).contains("PhysicalUnitsYDirection (0018,6026) is `0`"));
    assert!(refusal(vec![region(1, 0, [0.02, 0.02])]).contains("--spacing Y X, `spacing_mm`"));
    let mut told = with_regions(vec![region(1, 0, [0.02, 0.02])]);
    told.text(tags::PIXEL_SPACING, VR::DS, "0.3\\0.2");
    assert!(told.refusal().contains("PixelSpacing (0028,0030) of the file is [0.3, 0.2] mm"), "{}", told.refusal());
    assert!(refusal(vec![region(1, 3, [0.0, 0.02])]).contains("PhysicalDeltaX (0018,602C) is `0`"));
    let differing = refusal(vec![region(1, 3, [0.02, 0.02]), region(1, 3, [0.03, 0.03])]);
    assert!(differing.contains("SequenceOfUltrasoundRegions (0018,6011), region 2"), "{differing}");
    assert!(refusal(vec![region(3, 4, [0.1, 0.1])]).contains("a Doppler spectrum"));
    let mut missing = region(1, 3, [0.02, 0.02]);
    missing.remove_element(tags::PHYSICAL_DELTA_Y);
    assert!(refusal(vec![missing]).contains("PhysicalDeltaY (0018,602E) is missing"));
    let mut both = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    both.text(tags::PIXEL_SPACING, VR::DS, "0.3\\0.3");
    assert!(both.refusal().contains("mend whichever is wrong"), "{}", both.refusal());
    both.text(tags::PIXEL_SPACING, VR::DS, "0.2\\0.2");
    assert_eq!(both.read().placed.image.grid().spacing_mm(), [0.2, 0.2]);
}

/// Regions as a program writes them that does not know the element.
fn as_unknown(made: &mut Made, tag: Tag, syntax: &str) {
    let items = made.0.element(tag).unwrap().items().unwrap().to_vec();
    let syntax = TransferSyntaxRegistry.get(syntax).unwrap();
    let mut bytes = Vec::new();
    for item in items {
        let mut value = Vec::new();
        item.write_dataset_with_ts(&mut value, syntax).unwrap();
        bytes.extend([0xfe, 0xff, 0x00, 0xe0]);
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
    }
    made.0.put(DataElement::new(tag, VR::UN, PrimitiveValue::U8(bytes.into_iter().collect())));
}

#[test]
fn regions_that_came_as_unknown_count_all_the_same() {
    let mut made = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    as_unknown(&mut made, tags::SEQUENCE_OF_ULTRASOUND_REGIONS, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(made.read().placed.image.grid().spacing_mm(), [0.2, 0.2]);
    made.text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.5");
    assert!(made.refusal().contains("mend whichever is wrong"), "{}", made.refusal());
    let mut within = Made::plain();
    let mut holder = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    as_unknown(&mut holder, tags::SEQUENCE_OF_ULTRASOUND_REGIONS, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    within.items(tags::REFERENCED_IMAGE_SEQUENCE, vec![holder.0]);
    assert!(within.read_with(&Reading::default()).is_ok());
    let mut wrong = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    as_unknown(&mut wrong, tags::SEQUENCE_OF_ULTRASOUND_REGIONS, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let refusal = wrong.refusal();
    assert!(refusal.contains("SequenceOfUltrasoundRegions (0018,6011) stands there as unknown (VR UN)"), "{refusal}");
    assert!(refusal.contains("implicit VR") && refusal.contains("export it again"), "{refusal}");
    let mut unread = Made::plain();
    unread.items(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![region(1, 3, [0.02, 0.02])]);
    as_unknown(&mut unread, tags::REQUEST_ATTRIBUTES_SEQUENCE, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert!(unread.read_with(&Reading::default()).is_ok());
}

#[test]
fn regions_that_came_as_unknown_without_a_length_count_too() {
    let mut made = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    as_unknown(&mut made, tags::SEQUENCE_OF_ULTRASOUND_REGIONS, uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let len = made.0.element(tags::SEQUENCE_OF_ULTRASOUND_REGIONS).unwrap().to_bytes().unwrap().len();
    let mut bytes = bytes(&made);
    let header = b"\x18\x00\x11\x60UN\0\0";
    let value = bytes.windows(header.len()).position(|start| start == header).unwrap() + header.len() + 4;
    bytes[value - 4..value].copy_from_slice(&[0xff; 4]);
    bytes.splice(value + len..value + len, [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    assert_eq!(parse(&bytes).unwrap().placed.image.grid().spacing_mm(), [0.2, 0.2]);
}

#[test]
fn a_spacing_given_by_hand_stands_in_only_where_there_is_none() {
    let given = Reading { spacing_mm: Some([1.0, 1.0]), ..Reading::default() };
    let refusal = |made: &Made| made.read_with(&given).unwrap_err().to_string();
    let spacing = |made: &Made| made.read_with(&given).unwrap().placed.image.grid().spacing_mm();
    let differing = with_regions(vec![region(1, 3, [0.02, 0.02]), region(1, 3, [0.05, 0.05])]);
    assert!(refusal(&differing).contains("region 2"), "{}", refusal(&differing));
    let mut contradictory = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    contradictory.text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.5");
    assert!(refusal(&contradictory).contains("mend whichever is wrong"), "{}", refusal(&contradictory));
    let spectrum = with_regions(vec![region(3, 4, [0.1, 0.1])]);
    assert!(refusal(&spectrum).contains("a Doppler spectrum"), "{}", refusal(&spectrum));
    let seconds = with_regions(vec![region(1, 4, [0.1, 0.1])]);
    assert!(refusal(&seconds).contains("PhysicalUnitsYDirection"), "{}", refusal(&seconds));
    let part = |centimetres| with_regions(vec![region(1, 3, [centimetres; 2]), region(2, 0, [0.0, 0.0])]);
    assert!(refusal(&part(0.02)).contains("given by hand"), "{}", refusal(&part(0.02)));
    assert_eq!(spacing(&part(0.1)), [1.0, 1.0]);
    assert!(part(0.1).refusal().contains("PhysicalUnitsYDirection"), "{}", part(0.1).refusal());
    assert_eq!(spacing(&with_regions(vec![region(1, 0, [0.0, 0.0])])), [1.0, 1.0]);
    let mut zero = Made::plain();
    zero.text(tags::PIXEL_SPACING, VR::DS, "0\\0");
    assert_eq!(spacing(&zero), [1.0, 1.0]);
    assert!(zero.refusal().contains("two lengths above 0"), "{}", zero.refusal());
    zero.text(tags::IMAGER_PIXEL_SPACING, VR::DS, "0\\0");
    assert_eq!(spacing(&zero), [1.0, 1.0]);
    zero.text(tags::IMAGER_PIXEL_SPACING, VR::DS, "0.1\\0.2");
    assert_eq!(zero.read().placed.image.grid().spacing_mm(), [0.1, 0.2]);
    assert!(refusal(&zero).contains("given by hand"), "{}", refusal(&zero));
    let mut calibrated = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    calibrated.text(tags::PIXEL_SPACING, VR::DS, "0\\0");
    assert_eq!(calibrated.read().placed.image.grid().spacing_mm(), [0.2, 0.2]);
    assert!(refusal(&calibrated).contains("given by hand"), "{}", refusal(&calibrated));
}

fn cine() -> Made {
    let mut made = Made::plain();
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, "3");
    made.bytes(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
    made
}

#[test]
fn frames_of_a_cine_lie_in_time() {
    let slow = |made: &Made| made.read().placed.image.grid().slow();
    let timed = |tag, vr, text| {
        let mut made = cine();
        made.text(tag, vr, text);
        slow(&made)
    };
    assert_eq!(timed(tags::FRAME_TIME, VR::DS, "20"), SlowAxis::Time { interval_ms: Some(20.0) });
    assert_eq!(timed(tags::FRAME_TIME_VECTOR, VR::DS, "0\\25\\25"), SlowAxis::Time { interval_ms: Some(25.0) });
    assert_eq!(timed(tags::FRAME_TIME_VECTOR, VR::DS, "0\\25\\50"), SlowAxis::Time { interval_ms: None });
    assert_eq!(timed(tags::CINE_RATE, VR::IS, "50"), SlowAxis::Time { interval_ms: Some(20.0) });
    assert_eq!(timed(tags::MODALITY, VR::CS, "US"), SlowAxis::Time { interval_ms: None });
    assert!(cine().refusal().contains("say that the third axis is time"));
    let told = Reading { third_axis: Some(ThirdAxis::Time), ..Reading::default() };
    let found = cine().read_with(&told).unwrap();
    assert_eq!(found.placed.image.grid().shape(), [3, 2, 3]);
    assert_eq!(found.source.planes[2].frame, Some(3));
}

#[test]
fn a_vector_of_times_has_one_for_each_frame() {
    let mut made = cine();
    made.text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\33");
    let refusal = made.refusal();
    assert!(refusal.contains("FrameTimeVector (0018,1065) is 2 times; expected 3, one for each frame"), "{refusal}");
}

#[test]
fn what_is_to_be_depth_is_taken_for_time_only_where_the_file_says_so() {
    let depth = Reading { third_axis: Some(ThirdAxis::Depth), ..Reading::default() };
    let mut made = cine();
    made.text(tags::MODALITY, VR::CS, "US");
    let refusal = made.read_with(&depth).unwrap_err().to_string();
    assert!(refusal.contains("the third axis is to be depth") && refusal.contains("ImagePositionPatient"), "{refusal}");
    for (tag, nothing) in [(tags::FRAME_TIME, "0"), (tags::FRAME_TIME, ""), (tags::FRAME_TIME_VECTOR, "0\\0\\0")] {
        let mut without = cine();
        without.text(tag, VR::DS, nothing);
        assert!(without.read_with(&depth).is_err(), "{nothing}");
        assert!(without.refusal().contains("say that the third axis is time"), "{}", without.refusal());
        without.text(tags::MODALITY, VR::CS, "US");
        assert!(
            without.read_with(&depth).unwrap_err().to_string().contains("the third axis is to be depth"),
            "{nothing}"
        );
        assert!(without.read().notes[0].contains("they are taken for a cine"), "{nothing}");
    }
    made.text(tags::FRAME_TIME, VR::DS, "20");
    let slow = made.read_with(&depth).unwrap().placed.image.grid().slow();
    assert_eq!(slow, SlowAxis::Time { interval_ms: Some(20.0) });
}

#[test]
fn planes_in_a_volume_of_their_own_are_no_cine() {
    let mut made = cine();
    made.text(tags::MODALITY, VR::CS, "US");
    let place = |height: &str| {
        let position = PrimitiveValue::Strs(["0", "0", height].map(str::to_owned).into_iter().collect());
        let place = item(vec![(tags::IMAGE_POSITION_VOLUME, VR::DS, position)]);
        holding(tags::PLANE_POSITION_VOLUME_SEQUENCE, place)
    };
    made.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![place("0"), place("2"), place("4")]);
    assert!(made.refusal().contains("ImagePositionVolume (0020,9301)"), "{}", made.refusal());
    made.remove(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    made.text(tags::SOP_CLASS_UID, VR::UI, uids::ENHANCED_US_VOLUME_STORAGE);
    assert!(made.refusal().contains("Enhanced US Volume Storage"), "{}", made.refusal());
}

#[test]
fn what_lies_outside_the_regions_can_be_cleared() {
    let mask = Reading { mask_outside_regions: true, ..Reading::default() };
    let made = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    assert_eq!(made.read_with(&mask).unwrap().placed.image.values(), [0.0, 20.0, 30.0, 0.0, 0.0, 0.0]);
    assert!(Made::plain().read_with(&mask).unwrap_err().to_string().contains("SequenceOfUltrasoundRegions"));
}

use super::*;
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
fn what_lies_outside_the_regions_can_be_cleared() {
    let mask = Reading { mask_outside_regions: true, ..Reading::default() };
    let made = with_regions(vec![region(1, 3, [0.02, 0.02])]);
    assert_eq!(made.read_with(&mask).unwrap().placed.image.values(), [0.0, 20.0, 30.0, 0.0, 0.0, 0.0]);
    assert!(Made::plain().read_with(&mask).unwrap_err().to_string().contains("SequenceOfUltrasoundRegions"));
}

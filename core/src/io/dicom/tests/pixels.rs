use std::io::Write;

use dicom_core::{DataElement, VR, value::PixelFragmentSequence};
use dicom_dictionary_std::{tags, uids};

use super::*;
use crate::io::Intensity;

const IMPLICIT: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const RLE: &str = "1.2.840.10008.1.2.5";
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";

#[test]
fn every_encoding_of_the_data_set_gives_the_same_values() {
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT, BIG_ENDIAN, DEFLATED] {
        let made = Made(Made::plain().0, syntax);
        assert_eq!(made.values(), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0], "{syntax}");
        let mut wide = made;
        wide.whole(tags::BITS_ALLOCATED, 16);
        wide.whole(tags::BITS_STORED, 16);
        wide.whole(tags::HIGH_BIT, 15);
        wide.words(tags::PIXEL_DATA, &[1, 256, 65535, 4, 5, 6]);
        assert_eq!(wide.values(), [1.0, 256.0, 65535.0, 4.0, 5.0, 6.0], "{syntax}");
    }
}

#[test]
fn only_the_stored_bits_count_and_have_their_sign() {
    let mut made = Made::plain();
    for (tag, number) in
        [(tags::BITS_ALLOCATED, 16), (tags::BITS_STORED, 12), (tags::HIGH_BIT, 11), (tags::PIXEL_REPRESENTATION, 1)]
    {
        made.whole(tag, number);
    }
    // The highest four bits hold an overlay, as old scanners left it there.
    made.words(tags::PIXEL_DATA, &[0xf7ff, 0x0800, 0x0fff, 0xffff, 1, 0]);
    assert_eq!(made.values(), [2047.0, -2048.0, -1.0, -1.0, 1.0, 0.0]);
    made.text(tags::RESCALE_SLOPE, VR::DS, "2");
    made.text(tags::RESCALE_INTERCEPT, VR::DS, "-1024");
    assert_eq!(made.values()[..2], [3070.0, -5120.0]);
}

#[test]
fn large_is_bright_in_monochrome_1_too() {
    let mut made = Made::plain();
    made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_eq!(made.values(), [245.0, 235.0, 225.0, 215.0, 205.0, 195.0]);
}

#[test]
fn windows_give_what_is_shown() {
    let shown = |made: &Made| {
        let reading = Reading { intensity: Intensity::Shown, ..Reading::default() };
        made.read_with(&reading).unwrap().placed.image.into_values()
    };
    let all: Vec<f32> = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0].map(|value: f32| value / 255.0).to_vec();
    assert_eq!(shown(&Made::plain()), all, "without a window all that can be stored is shown");
    let white = Made::colored("RGB", &[255; 18]);
    assert!(shown(&white).iter().all(|value| (value - 1.0).abs() < 1e-6), "{:?}", shown(&white));
    let mut made = Made::plain();
    made.text(tags::WINDOW_CENTER, VR::DS, "30");
    made.text(tags::WINDOW_WIDTH, VR::DS, "21");
    // PS3.3, C.11.2.1.2.1: (30 - 29.5) / 20 + 0.5.
    assert_eq!(shown(&made), [0.0, 0.025, 0.525, 1.0, 1.0, 1.0]);
    made.text(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT");
    assert!((shown(&made)[2] - 0.5).abs() < 1e-6);
    made.text(tags::VOILUT_FUNCTION, VR::CS, "SIGMOID");
    assert!((shown(&made)[3] - 0.870_36).abs() < 1e-4, "{:?}", shown(&made));
    made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert!((shown(&made)[2] - 0.5).abs() < 1e-6);
}

#[test]
fn a_modality_table_stands_for_slope_and_intercept() {
    let table = |vr, descriptor: PrimitiveValue, entries: &[u16]| {
        item(vec![
            (tags::LUT_DESCRIPTOR, vr, descriptor),
            (tags::MODALITY_LUT_TYPE, VR::LO, PrimitiveValue::from("US")),
            (tags::LUT_DATA, VR::OW, PrimitiveValue::U16(entries.iter().copied().collect())),
        ])
    };
    let mut made = Made::plain();
    made.text(tags::RESCALE_SLOPE, VR::DS, "7");
    // Of the stored 10 to 60, those from 20 to 50 have an entry; what is below or above has that of the nearest.
    let entries: Vec<u16> = (20..=50).map(|stored| stored * 100).collect();
    let descriptor = |count: u16| PrimitiveValue::U16([count, 20, 16].into_iter().collect());
    made.items(tags::MODALITY_LUT_SEQUENCE, vec![table(VR::US, descriptor(31), &entries)]);
    let expected: [f32; 6] = [2000.0, 2000.0, 3000.0, 4000.0, 5000.0, 5000.0];
    assert_eq!(made.values(), expected);
    let shown = made.read_with(&Reading { intensity: Intensity::Shown, ..Reading::default() }).unwrap();
    assert_eq!(shown.placed.image.into_values(), expected.map(|entry| (f64::from(entry) / 65535.0) as f32));
    made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    assert_eq!(made.values(), expected.map(|entry| 7000.0 - entry));
    made.items(tags::MODALITY_LUT_SEQUENCE, vec![table(VR::US, descriptor(40), &entries)]);
    assert!(made.refusal().contains("LUTData (0028,3006) is 31 entries; expected 40"), "{}", made.refusal());
    // Of signed values the first is signed too.
    let mut signed = Made::plain();
    signed.whole(tags::PIXEL_REPRESENTATION, 1);
    signed.bytes(&[-4_i8, -3, -2, 0, 1, 2].map(|stored| stored as u8));
    let descriptor = PrimitiveValue::I16([5, -3, 16].into_iter().collect());
    signed.items(tags::MODALITY_LUT_SEQUENCE, vec![table(VR::SS, descriptor, &[10, 20, 30, 40, 50])]);
    assert_eq!(signed.values(), [10.0, 10.0, 20.0, 40.0, 50.0, 50.0]);
}

#[test]
fn a_voi_table_is_for_rescaled_values() {
    let mut made = Made::plain();
    // 10 to 60 become -90 to -40, and the table has an entry for each from -100 on.
    made.text(tags::RESCALE_INTERCEPT, VR::DS, "-100");
    made.text(tags::RESCALE_SLOPE, VR::DS, "1");
    let entries: Vec<u16> = (0..100).map(|entry| entry * 600).collect();
    let table = item(vec![
        (tags::LUT_DESCRIPTOR, VR::SS, PrimitiveValue::I16([100, -100, 16].into_iter().collect())),
        (tags::LUT_DATA, VR::OW, PrimitiveValue::U16(entries.into_iter().collect())),
    ]);
    made.items(tags::VOILUT_SEQUENCE, vec![table]);
    let reading = Reading { intensity: Intensity::Shown, ..Reading::default() };
    let shown = made.read_with(&reading).unwrap().placed.image.into_values();
    assert_eq!(shown, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0].map(|entry: f64| (entry * 600.0 / 65535.0) as f32));
}

#[test]
fn colors_become_their_luminance() {
    let red_and_grays = [255, 0, 0, 20, 20, 20, 30, 30, 30, 40, 40, 40, 50, 50, 50, 60, 60, 60];
    let made = Made::colored("RGB", &red_and_grays);
    assert_eq!(made.values(), [0.299 * 255.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
    assert!(made.read().notes[0].contains("16.7 %"), "{:?}", made.read().notes);
    let mut planar = Made::colored("RGB", &[255, 20, 30, 40, 50, 60, 0, 20, 30, 40, 50, 60, 0, 20, 30, 40, 50, 60]);
    planar.whole(tags::PLANAR_CONFIGURATION, 1);
    assert_eq!(planar.values(), made.values());
    let gray = |y: u8| [y, 128, 128];
    let ybr: Vec<u8> = [10, 20, 30, 40, 50, 60].into_iter().flat_map(gray).collect();
    assert_eq!(Made::colored("YBR_FULL", &ybr).values(), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
}

#[test]
fn two_pixels_share_a_chrominance_in_422() {
    let mut made = Made::colored("YBR_FULL_422", &[10, 20, 128, 128, 76, 76, 85, 255]);
    made.whole(tags::COLUMNS, 2);
    let values = made.values();
    assert_eq!(values[..2], [10.0, 20.0]);
    // Pure red.
    assert!((values[2] - 0.299 * 254.0).abs() < 1.0, "{values:?}");
}

#[test]
fn numbers_of_a_palette_become_its_colors() {
    let mut made = Made::plain();
    made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
    made.bytes(&[0, 1, 2, 2, 9, 1]);
    for (descriptor, data) in [
        (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
    ] {
        made.words(data, &[100, 500, 60000]);
        made.0.put(DataElement::new(descriptor, VR::US, PrimitiveValue::U16([3_u16, 0, 16].into_iter().collect())));
    }
    assert_eq!(made.values(), [100.0, 500.0, 60000.0, 60000.0, 60000.0, 500.0]);
    made.words(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, &[1]);
    assert!(made.refusal().contains("1 entries; expected 3"), "{}", made.refusal());
}

/// A frame of one byte a pixel, packed as a single literal run.
fn rle_frame(pixels: [u8; 6]) -> Vec<u8> {
    let mut frame: Vec<u8> = [1_u32, 64].into_iter().chain([0; 14]).flat_map(u32::to_le_bytes).collect();
    frame.push(5);
    frame.extend(pixels);
    frame.push(0x80);
    frame
}

fn in_fragments(offsets: Vec<u32>, fragments: Vec<Vec<u8>>) -> Made {
    let mut made = Made(Made::plain().0, RLE);
    made.text(tags::NUMBER_OF_FRAMES, VR::IS, "2");
    made.text(tags::FRAME_TIME, VR::DS, "20");
    made.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PixelFragmentSequence::new(offsets, fragments)));
    made
}

#[test]
fn frames_are_found_in_their_fragments() {
    let [first, second] = [rle_frame([1, 2, 3, 4, 5, 6]), rle_frame([7, 8, 9, 10, 11, 12])];
    let expected: Vec<f32> = (1..=12_u8).map(f32::from).collect();
    assert_eq!(in_fragments(vec![], vec![first.clone(), second.clone()]).values(), expected);
    let (start, end) = first.split_at(64);
    let parts = vec![start.to_vec(), end.to_vec(), second];
    let second_at = 64 + 8 + end.len() as u32 + 8;
    assert_eq!(in_fragments(vec![0, second_at], parts.clone()).values(), expected);
    let refused = in_fragments(vec![0, second_at + 1], parts.clone()).refusal();
    assert!(refused.contains("points between fragments"), "{refused}");
    let refused = in_fragments(vec![], parts).refusal();
    assert!(refused.contains("NumberOfFrames (0028,0008) says 2"), "{refused}");
}

#[test]
fn a_deflated_frame_comes_to_its_size_and_no_more() {
    let deflated = |bytes: &[u8]| {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        deflate.write_all(bytes).unwrap();
        let mut packed = deflate.finish().unwrap();
        packed.resize(packed.len().next_multiple_of(2), 0);
        let mut made = Made(Made::plain().0, DEFLATED_FRAMES);
        let fragments = PixelFragmentSequence::new(Vec::<u32>::new(), vec![packed]);
        made.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, fragments));
        made
    };
    assert_eq!(deflated(&[1, 2, 3, 4, 5, 6]).values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let mut odd = deflated(&[1, 2, 3, 0]);
    odd.whole(tags::ROWS, 1);
    assert_eq!(odd.values(), [1.0, 2.0, 3.0]);
    let bomb = deflated(&vec![0; 1 << 20]).refusal();
    assert!(bomb.contains("frame 1 of 1: its deflated samples come to more than the 6 bytes"), "{bomb}");
    let short = deflated(&[1, 2, 3, 4, 5]).refusal();
    assert!(short.contains("5 samples; expected 6"), "{short}");
}

#[test]
fn what_contradicts_itself_is_refused_by_name() {
    let refused = |change: fn(&mut Made)| {
        let mut made = Made::plain();
        change(&mut made);
        made.refusal()
    };
    assert!(refused(|made| made.remove(tags::ROWS)).contains("Rows (0028,0010) is missing"));
    assert!(refused(|made| made.whole(tags::COLUMNS, 0)).contains("Columns (0028,0011) is `0`"));
    assert!(refused(|made| made.whole(tags::SAMPLES_PER_PIXEL, 3)).contains("SamplesPerPixel"));
    assert!(refused(|made| made.whole(tags::BITS_ALLOCATED, 12)).contains("expected 1, 8, 16 or 32"));
    assert!(refused(|made| made.whole(tags::BITS_STORED, 9)).contains("BitsStored"));
    assert!(refused(|made| made.whole(tags::HIGH_BIT, 3)).contains("HighBit"));
    assert!(refused(|made| made.remove(tags::PIXEL_DATA)).contains("it is a MR Image Storage"));
    assert!(refused(|made| made.bytes(&[1, 2])).contains("cut short: 2 of 6 bytes"));
    assert!(refused(|made| made.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "HSV")).contains("`HSV`"));
    assert!(refused(|made| made.text(tags::RESCALE_SLOPE, VR::DS, "0")).contains("RescaleSlope"));
}

#[test]
fn every_codec_gives_back_what_went_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/hostile");
    for codec in ["plain", "deflated", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg"] {
        let found = read_file(&folder.join(format!("{codec}.dcm")), &Reading::default()).unwrap();
        assert_eq!(found.placed.image.grid().shape(), [2, 16, 20]);
        let off = found.placed.image.values().iter().enumerate().map(|(index, value)| {
            let [y, x] = [index % 320 / 20, index % 20];
            (value - ((y + x) * 7 % 251) as f32).abs()
        });
        let allowed = if codec == "jpeg" { 30.0 } else { 0.0 };
        assert!(off.fold(0.0, f32::max) <= allowed, "{codec}");
    }
}

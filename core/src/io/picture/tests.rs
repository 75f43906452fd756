use std::io::Cursor;

use tiff::encoder::{TiffEncoder, colortype};

use super::*;
use crate::domain::{Label, LabelSet};

const SPACING: Option<[f64; 2]> = Some([0.5, 0.25]);
const JPEG_FILE: &[u8] = include_bytes!("../../../../tests/data/hostile/gray.jpg");

fn read_bytes(bytes: &[u8], purpose: Purpose) -> Result<Volume, IoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    fs::write(&path, bytes).unwrap();
    read(&path, SPACING, purpose)
}

fn image(bytes: &[u8]) -> Vec<f32> {
    read_bytes(bytes, Purpose::Image).unwrap().image(Path::new("picture")).unwrap().image.into_values()
}

fn labels(bytes: &[u8], count: u8) -> Vec<u8> {
    let label = |value: u8| Label { value, name: format!("label {value}"), color: [0; 3] };
    let set = LabelSet::new((0..count).map(label).collect()).unwrap();
    let found = read_bytes(bytes, Purpose::Labels).unwrap().labels(Path::new("picture"), &set, &[]);
    found.unwrap().labels.labels().to_vec()
}

fn refusal(bytes: &[u8], purpose: Purpose) -> String {
    read_bytes(bytes, purpose).err().unwrap().to_string()
}

/// A PNG of two rows.
fn png_of(color: ColorType, depth: BitDepth, palette: &[u8], rows: &[u8], width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, 2);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(rows).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A TIFF of two rows of two pixels, with as many pages as wanted.
fn tiff_of<C: colortype::ColorType>(samples: &[C::Inner], pages: usize) -> Vec<u8>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    for _ in 0..pages {
        encoder.write_image::<C>(2, 2, samples).unwrap();
    }
    bytes.into_inner()
}

#[test]
fn gray_values_of_every_depth_are_those_that_are_stored() {
    // Rows end in the middle of a byte.
    for (depth, rows, expected) in [
        (BitDepth::One, &[0b1010_0000, 0b0110_0000][..], [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]),
        (BitDepth::Two, &[0b1101_1000, 0b0000_0100], [3.0, 1.0, 2.0, 0.0, 0.0, 1.0]),
        (BitDepth::Four, &[0xf1, 0x20, 0x03, 0xe0], [15.0, 1.0, 2.0, 0.0, 3.0, 14.0]),
        (BitDepth::Eight, &[255, 1, 2, 0, 3, 254], [255.0, 1.0, 2.0, 0.0, 3.0, 254.0]),
        (BitDepth::Sixteen, &[255, 255, 0, 1, 1, 0, 0, 0, 0, 3, 255, 254], [65_535.0, 1.0, 256.0, 0.0, 3.0, 65_534.0]),
    ] {
        assert_eq!(image(&png_of(ColorType::Grayscale, depth, &[], rows, 3)), expected, "{depth:?}");
    }
}

#[test]
fn colours_become_their_luminance_and_grey_stays_what_it_is() {
    let colored = png_of(ColorType::Rgb, BitDepth::Eight, &[], &[255, 0, 0, 7, 7, 7, 0, 255, 0, 0, 0, 255], 2);
    let expected = [0.299 * 255.0, 7.0, 0.587 * 255.0, 0.114 * 255.0];
    let found = image(&colored);
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4), "{found:?}");
    assert_eq!(found[1], 7.0);
}

#[test]
fn label_maps_in_colours_are_taken_where_all_is_grey() {
    let gray = png_of(ColorType::Rgb, BitDepth::Eight, &[], &[0, 0, 0, 1, 1, 1, 2, 2, 2, 1, 1, 1], 2);
    assert_eq!(labels(&gray, 3), [0, 1, 2, 1]);
    let colored = png_of(ColorType::Rgb, BitDepth::Eight, &[], &[0, 0, 0, 1, 1, 2, 2, 2, 2, 1, 1, 1], 2);
    assert!(refusal(&colored, Purpose::Labels).contains("has colours"));
}

#[test]
fn numbers_of_a_palette_are_labels_and_its_colours_an_image() {
    let palette = [0, 0, 0, 100, 100, 100, 0, 255, 0];
    let small = png_of(ColorType::Indexed, BitDepth::Two, &palette, &[0b0001_1000, 0b0110_0000], 3);
    assert_eq!(labels(&small, 3), [0, 1, 2, 1, 2, 0]);
    let found = image(&small);
    assert_eq!((found[0], found[1], found[3]), (0.0, 100.0, 100.0));
    assert!((found[2] - 0.587 * 255.0).abs() < 1e-4, "{found:?}");
    let large = png_of(ColorType::Indexed, BitDepth::Eight, &palette, &[0, 1, 2, 1], 2);
    assert_eq!(labels(&large, 3), [0, 1, 2, 1]);
}

#[test]
fn alpha_is_passed_over_where_nothing_shines_through() {
    let full = png_of(ColorType::GrayscaleAlpha, BitDepth::Eight, &[], &[1, 255, 2, 255, 3, 255, 4, 255], 2);
    assert_eq!(image(&full), [1.0, 2.0, 3.0, 4.0]);
    let words = [0, 1, 255, 255, 0, 2, 255, 255, 0, 3, 255, 255, 1, 0, 255, 255];
    assert_eq!(image(&png_of(ColorType::GrayscaleAlpha, BitDepth::Sixteen, &[], &words, 2)), [1.0, 2.0, 3.0, 256.0]);
    let colors = [9, 9, 9, 255, 8, 8, 8, 255, 7, 7, 7, 255, 6, 6, 6, 255];
    assert_eq!(image(&png_of(ColorType::Rgba, BitDepth::Eight, &[], &colors, 2)), [9.0, 8.0, 7.0, 6.0]);
    let through = png_of(ColorType::GrayscaleAlpha, BitDepth::Eight, &[], &[1, 255, 2, 254, 3, 255, 4, 255], 2);
    assert!(refusal(&through, Purpose::Image).contains("alpha"));
    assert_eq!(image(&tiff_of::<colortype::RGBA8>(&colors, 1)), [9.0, 8.0, 7.0, 6.0]);
}

#[test]
fn tiff_gives_whole_numbers_and_floats() {
    assert_eq!(image(&tiff_of::<colortype::Gray8>(&[0, 1, 2, 255], 1)), [0.0, 1.0, 2.0, 255.0]);
    assert_eq!(image(&tiff_of::<colortype::Gray16>(&[0, 1, 256, 65_535], 1)), [0.0, 1.0, 256.0, 65_535.0]);
    assert_eq!(image(&tiff_of::<colortype::Gray32Float>(&[0.5, -1.0, 2.0, 1e6], 1)), [0.5, -1.0, 2.0, 1e6]);
    assert_eq!(image(&tiff_of::<colortype::RGB8>(&[7; 12], 1)), [7.0; 4]);
    assert_eq!(labels(&tiff_of::<colortype::Gray16>(&[0, 1, 2, 1], 1), 3), [0, 1, 2, 1]);
}

#[test]
fn a_tiff_of_several_pages_or_other_numbers_is_refused() {
    assert!(refusal(&tiff_of::<colortype::Gray8>(&[0; 4], 2), Purpose::Image).contains("several pages"));
    assert!(refusal(&tiff_of::<colortype::GrayI16>(&[-1; 4], 1), Purpose::Image).contains("not negative"));
    assert!(refusal(&tiff_of::<colortype::Gray64Float>(&[0.0; 4], 1), Purpose::Image).contains("Gray(64)"));
    assert!(refusal(&tiff_of::<colortype::CMYK8>(&[0; 16], 1), Purpose::Image).contains("CMYK"));
}

#[test]
fn an_image_is_what_is_shown_and_labels_are_refused_where_0_is_white() {
    let mut bytes = tiff_of::<colortype::Gray8>(&[0, 1, 2, 255], 1);
    // PhotometricInterpretation, one SHORT, 1.
    let tag = [262_u16, 3, 1, 0, 1].map(u16::to_ne_bytes).concat();
    let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap() + 8;
    bytes[at..at + 2].copy_from_slice(&[0, 0]);
    assert_eq!(image(&bytes), [255.0, 254.0, 253.0, 0.0]);
    assert!(refusal(&bytes, Purpose::Labels).contains("0 as white"));
}

#[test]
fn a_value_that_is_marked_as_transparent_is_refused() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_trns(vec![0, 3]);
    encoder.write_header().unwrap().write_image_data(&[1, 2, 3, 4]).unwrap();
    assert!(refusal(&bytes, Purpose::Image).contains("tRNS"));
}

#[test]
fn what_is_not_finite_is_refused() {
    let volume = read_bytes(&tiff_of::<colortype::Gray32Float>(&[0.0, f32::NAN, 0.0, 0.0], 1), Purpose::Image);
    let refused = volume.unwrap().image(Path::new("picture"));
    assert!(matches!(refused, Err(IoError::NotFinite { count: 1, at: [0, 0, 1], .. })));
}

#[test]
fn a_jpeg_is_an_image_and_no_label_map() {
    assert!(read_bytes(JPEG_FILE, Purpose::Image).is_ok());
    assert!(refusal(JPEG_FILE, Purpose::Labels).contains("JPEG"));
}

#[test]
fn a_picture_does_not_tell_its_spacing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    fs::write(&path, png_of(ColorType::Grayscale, BitDepth::Eight, &[], &[0; 4], 2)).unwrap();
    let refused = read(&path, None, Purpose::Image).err().unwrap();
    assert!(matches!(&refused, IoError::Field { field, .. } if field == "spacing"));
    assert!(refused.to_string().contains("--spacing Y X") && refused.to_string().contains("spacing_mm = [y, x]"));
    let found = read(&path, SPACING, Purpose::Image).unwrap();
    assert_eq!(found.geometry.affine(), [[0.25, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    assert!(matches!(read(&path, Some([0.0, 1.0]), Purpose::Image), Err(IoError::Domain { .. })));
}

#[test]
fn a_size_that_the_file_cannot_hold_is_refused() {
    let mut huge = png_of(ColorType::Grayscale, BitDepth::Eight, &[], &[0; 4], 2);
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut sum = flate2::Crc::new();
    sum.update(&huge[12..29]);
    huge[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    assert!(refusal(&huge, Purpose::Image).contains("cannot hold"), "{}", refusal(&huge, Purpose::Image));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    fs::write(&path, &huge).unwrap();
    let refused = read_geometry(&path, SPACING).unwrap_err().to_string();
    assert!(refused.contains("cannot hold"), "{refused}");
    // The frame's height and width, behind its marker.
    let at = JPEG_FILE.windows(2).position(|two| two == [0xff, 0xc0]).unwrap() + 5;
    let mut huge = JPEG_FILE.to_vec();
    huge[at..at + 4].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    assert!(refusal(&huge, Purpose::Image).contains("cannot hold"), "{}", refusal(&huge, Purpose::Image));
}

#[test]
fn where_pixels_lie_is_told_by_the_beginning_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    let shape = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read_geometry(&path, SPACING).map(|geometry| geometry.grid().shape())
    };
    let png = png_of(ColorType::Grayscale, BitDepth::Eight, &[], &[0; 6], 3);
    // To behind the first chunk, and to behind the header of the first scan.
    let scan = JPEG_FILE.windows(2).position(|two| two == [0xff, 0xda]).unwrap() + 12;
    assert_eq!(shape(&JPEG_FILE[..scan]).unwrap().iter().product::<usize>(), image(JPEG_FILE).len());
    assert_eq!(shape(&png[..40]).unwrap(), [1, 2, 3]);
    assert!(read_bytes(&png[..40], Purpose::Image).is_err());
    assert_eq!(shape(&tiff_of::<colortype::Gray16>(&[0; 4], 1)).unwrap(), [1, 2, 2]);
    assert!(matches!(read_geometry(&path, None), Err(IoError::Field { field, .. }) if field == "spacing"));
    for damaged in [&png[..20], &JPEG_FILE[..20], &b"II*\0\xff\xff\xff\xff"[..]] {
        assert!(shape(damaged).is_err(), "{}", damaged.escape_ascii());
    }
}

#[test]
fn half_a_picture_is_refused() {
    let whole = png_of(ColorType::Grayscale, BitDepth::Eight, &[], &[0, 100, 200, 50], 2);
    for len in 9..whole.len() - 12 {
        assert!(read_bytes(&whole[..len], Purpose::Image).is_err(), "{len} of {} bytes", whole.len());
    }
    for len in [3, 20, 100, JPEG_FILE.len() / 2] {
        assert!(read_bytes(&JPEG_FILE[..len], Purpose::Image).is_err(), "{len} of {} bytes", JPEG_FILE.len());
    }
}

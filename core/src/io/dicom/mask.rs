//! What is not tissue in an ultrasound image: colours laid over it, and text outside the sector's rectangle.

use dicom_dictionary_std::tags;

use super::{
    attributes::Attributes,
    codec::Samples,
    pixels::PixelFormat,
    spacing::{Region, RegionKind},
};
use crate::{domain::Grid, io::IoError};

/// A pixel is coloured if its channels differ by more than this: JPEG moves those of grey ones by a few.
const COLORED: u8 = 32;
/// Share of coloured pixels from which on an image is said to hold colours.
const NOTEWORTHY: f64 = 0.001;

/// The share of a frame's pixels that are coloured.
pub(super) fn colored_share(samples: &Samples, format: &PixelFormat) -> f64 {
    let Samples::Bytes(bytes) = samples else { return 0.0 };
    if format.samples() == format.pixels() {
        return 0.0;
    }
    let is_colored = |[red, green, blue]: &[u8; 3]| red.max(green).max(blue) - red.min(green).min(blue) > COLORED;
    bytes.as_chunks::<3>().0.iter().filter(|pixel| is_colored(pixel)).count() as f64 / format.pixels() as f64
}

pub(super) fn color_note(share: f64) -> Option<String> {
    (share > NOTEWORTHY).then(|| {
        format!(
            "up to {:.1} % of a frame's pixels are coloured (an overlay, or a colour map): their luminance is taken",
            100.0 * share
        )
    })
}

pub(super) fn region_note(regions: &[Region]) -> Option<String> {
    let count = |kind| regions.iter().filter(|region| region.kind == kind).count();
    match (count(RegionKind::ColorFlow), count(RegionKind::Other)) {
        (0, 0) => None,
        (flow, 0) => Some(format!("beside tissue it shows blood flow in colour in {flow} region(s)")),
        (0, other) => Some(format!("beside tissue it shows a spectrum, curve or M-mode in {other} region(s)")),
        (flow, other) => Some(format!(
            "beside tissue it shows blood flow in colour in {flow} region(s), and a spectrum, curve or M-mode in {other}"
        )),
    }
}

/// Sets to 0 what lies outside of all regions of tissue and flow.
pub(super) fn clear_outside(
    values: &mut [f32],
    grid: &Grid,
    regions: &[Region],
    root: &Attributes<'_>,
) -> Result<(), IoError> {
    let shown: Vec<&Region> = regions.iter().filter(|region| region.kind != RegionKind::Other).collect();
    if shown.is_empty() {
        let expected =
            "regions: without them nothing says which part of the image is outside (turn mask_outside_regions off)";
        return Err(root.missing(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, expected));
    }
    for (index, value) in values.iter_mut().enumerate() {
        let [_, y, x] = grid.position(index);
        let holds =
            |region: &&Region| (region.y[0]..=region.y[1]).contains(&y) && (region.x[0]..=region.x[1]).contains(&x);
        if !shown.iter().any(holds) {
            *value = 0.0;
        }
    }
    Ok(())
}

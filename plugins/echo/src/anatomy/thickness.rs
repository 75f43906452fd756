use rl4seg_sdk::measure::morphology::{Border, erode};
use rl4seg_sdk::measure::{Components, Connectivity, Mask, distance_transform};

use super::{Frame, Measured, NO_MYO};

/// How thin the myocardium gets, relative to its thickest part: the depth to which it must be eroded
/// before it falls apart (or vanishes), over the largest distance of its pixels to the outside.
///
/// One erosion takes a pixel's length from the wall. Where pixels are not square that is the side
/// of a square pixel of the same area.
pub(super) fn ratio(frame: &Frame, noise_share: f64) -> Measured {
    let Some(myo) = with_margin(&frame.myo) else { return Err(NO_MYO) };
    let [y, x] = frame.spacing_mm;
    let Some(to_outside) = distance_transform(&!&myo, [0.0, y, x]) else {
        return Err("the myocardium fills the image, which has no outside then");
    };
    let thickest_mm = to_outside.into_iter().fold(0.0, f64::max);
    let erosions = erosions_until_split(myo, noise_share * frame.pixels() as f64);
    Ok(erosions as f64 * (y * x).sqrt() / thickest_mm)
}

/// Erosions with a 3 × 3 square until there is not exactly one component. Outside the image all
/// is foreground; components smaller than `noise` pixels are removed each time.
///
/// The mask must not be full, or the erosions never end.
fn erosions_until_split(mut mask: Mask, noise: f64) -> usize {
    let mut erosions = 0;
    while Components::of(&mask, Connectivity::Full).len() == 1 {
        mask = erode(&mask, Connectivity::Full, Border::Foreground);
        let components = Components::of(&mask, Connectivity::Faces);
        if components.sizes().iter().any(|&size| (size as f64) < noise) {
            mask = components.select(|component| components.sizes()[component] as f64 >= noise);
        }
        erosions += 1;
    }
    erosions
}

/// The mask's own box with a pixel of margin, where the image has one.
fn with_margin(mask: &Mask) -> Option<Mask> {
    let [_, height, width] = mask.shape();
    let [planes, ys, xs] = mask.bounds()?;
    let ys = ys.start.saturating_sub(1)..(ys.end + 1).min(height);
    let xs = xs.start.saturating_sub(1)..(xs.end + 1).min(width);
    Some(mask.crop(&[planes, ys, xs]))
}

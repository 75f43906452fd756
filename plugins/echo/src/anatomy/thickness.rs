use rl4seg_sdk::measure::morphology::{Border, erode};
use rl4seg_sdk::measure::{Components, Connectivity, Mask};

use super::{Frame, Measured, NO_MYO};

/// How thin the myocardium gets, relative to its thickest part: the depth to which it must be eroded
/// before it falls apart (or vanishes), over the largest distance of its pixels to the outside.
///
/// One erosion takes a pixel's length from the wall. Where pixels are not square that is the side
/// of a square pixel of the same area.
pub(super) fn ratio(frame: &Frame, noise_share: f64) -> Measured {
    let Some(myo) = with_margin(&frame.myo) else { return Err(NO_MYO) };
    let [y, x] = frame.spacing_mm;
    if myo.is_full() {
        return Err("the myocardium fills the image, which has no outside then");
    }
    let thickest_mm = largest_depth_mm(&myo, frame.spacing_mm);
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

/// The largest distance of a pixel to the nearest one outside the mask, mm. What lies outside the
/// image does not count.
///
/// As exact as a distance transform, but most pixels are passed over: none is deeper than it is
/// along its column or its row.
fn largest_depth_mm(mask: &Mask, [y, x]: [f64; 2]) -> f64 {
    let [_, height, width] = mask.shape();
    // Rows have a column more at both ends, and there is a row more at both ends.
    let stride = width + 2;
    let pixels: Vec<usize> = (0..height).flat_map(|y| mask.columns(y).map(move |x| (y + 1) * stride + x + 1)).collect();
    let mut outside = vec![f64::INFINITY; (height + 2) * stride];
    outside[stride..].chunks_exact_mut(stride).take(height).for_each(|row| row[1..=width].fill(0.0));
    let in_columns = squared_depths(outside.clone(), &pixels, stride, y);
    let in_rows = squared_depths(outside, &pixels, 1, x);
    let mut deepest = 0.0;
    for &pixel in &pixels {
        if in_columns[pixel].min(in_rows[pixel]) > deepest {
            let row = &in_columns[pixel / stride * stride..][..stride];
            deepest = squared_depth(row, pixel % stride, x).max(deepest);
        }
    }
    deepest.sqrt()
}

/// The squared distance of each of `pixels` (in C order) to the nearest pixel outside the mask along
/// one axis, on which neighbours are `step` entries apart, mm². `depths` holds 0 outside the mask
/// and infinity outside the image.
fn squared_depths(mut depths: Vec<f64>, pixels: &[usize], step: usize, spacing_mm: f64) -> Vec<f64> {
    for &pixel in pixels {
        depths[pixel] = depths[pixel - step] + 1.0;
    }
    for &pixel in pixels.iter().rev() {
        depths[pixel] = depths[pixel].min(depths[pixel + step] + 1.0);
    }
    for &pixel in pixels {
        depths[pixel] = (depths[pixel] * spacing_mm).powi(2);
    }
    depths
}

/// The squared distance of the pixel at `column` to the nearest one outside the mask, mm², from the
/// squared depths along the columns of its row.
fn squared_depth(in_columns: &[f64], column: usize, x: f64) -> f64 {
    let mut nearest = in_columns[column];
    for step in 1..in_columns.len() {
        let sideways = (step as f64 * x).powi(2);
        if nearest <= sideways {
            break;
        }
        let left = column.checked_sub(step).map(|column| in_columns[column]);
        let right = in_columns.get(column + step).copied();
        nearest = [left, right].into_iter().flatten().fold(nearest, |nearest, depth| nearest.min(sideways + depth));
    }
    nearest
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::domain::{Grid, LabelMap};
    use rl4seg_sdk::measure::distance_transform;

    use super::*;

    #[test]
    fn the_largest_depth_is_that_of_the_distance_transform() {
        let (height, width) = (37, 71);
        let blob = |index: usize| {
            let (y, x) = ((index / width) as f64, (index % width) as f64);
            (y * 0.31).sin() + (x * 0.23).cos() + (y * x * 0.01).sin() > -0.4
        };
        let labels = (0..height * width).map(|index| u8::from(blob(index))).collect();
        let map = LabelMap::new(Grid::plane([height, width], [1.0, 1.0]).unwrap(), labels).unwrap();
        let mask = Mask::of_label(&map, 1);
        for spacing in [[1.0, 1.0], [0.3, 0.7], [2.0, 0.4]] {
            let depths = distance_transform(&!&mask, [0.0, spacing[0], spacing[1]]).unwrap();
            let deepest = depths.into_iter().fold(0.0, f64::max);
            assert!((largest_depth_mm(&mask, spacing) - deepest).abs() < 1e-12, "{spacing:?}");
        }
    }
}

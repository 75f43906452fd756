use rl4seg_sdk::measure::morphology::{Axis, Border, erode, erode_along};
use rl4seg_sdk::measure::{Connectivity, Mask};

use super::{Frame, Measured, NO_LV};

/// Width of the left ventricle over that of the myocardium, both walls together, on the row of the
/// structures' centre of mass.
pub(super) fn lv_to_myo(frame: &Frame) -> Measured {
    let rows: Vec<usize> = (&frame.lv | &frame.myo).row_counts().collect();
    let pixels: usize = rows.iter().sum();
    if pixels == 0 {
        return Err("there is neither left ventricle nor myocardium");
    }
    let centre = rows.iter().enumerate().map(|(y, row)| y * row).sum::<usize>() / pixels;
    let width = |mask: &Mask| mask.row_counts().nth(centre).unwrap_or(0);
    match (width(&frame.lv), width(&frame.myo)) {
        (0, _) => Err("there is no left ventricle on the row of the centre of mass"),
        (_, 0) => Err("there is no myocardium on the row of the centre of mass"),
        (lv, myo) => Ok(lv as f64 / myo as f64),
    }
}

/// Length of the border between left ventricle and background, over the width of the left ventricle.
///
/// The border is made of the pixels of the left ventricle that have background among their eight
/// neighbours; a single one is noise. Each counts with the side on which background lies, or with
/// the quadratic mean of both sides.
pub(super) fn opening(frame: &Frame) -> Measured {
    let Some([_, _, columns]) = frame.lv.bounds() else { return Err(NO_LV) };
    let epi = &frame.lv | &frame.myo;
    let border = frame.lv.without(&erode(&epi, Connectivity::Full, Border::Foreground));
    let pixels = border.count();
    if pixels <= 1 {
        return Ok(0.0);
    }
    let open_along = |axis| frame.lv.without(&erode_along(&epi, axis, Border::Foreground));
    let (vertically, sideways) = (open_along(Axis::Y), open_along(Axis::X));
    let level = vertically.without(&sideways).count();
    let upright = sideways.without(&vertically).count();
    let oblique = pixels - level - upright;
    let [y, x] = frame.spacing_mm;
    let length_mm = level as f64 * x + upright as f64 * y + oblique as f64 * ((x * x + y * y) / 2.0).sqrt();
    Ok(length_mm / (columns.len() as f64 * x))
}

//! Gaussian smoothing of planes.

/// How many standard deviations of a Gaussian are kept.
const TRUNCATION: f32 = 4.0;

/// Smooths `plane`, `[row, column]` with `columns` columns, by a Gaussian whose standard deviations
/// along `[row, column]` are in samples; at the borders the plane is mirrored.
///
/// # Panics
/// If `plane` is not a whole number of rows.
pub fn smooth(plane: &mut [f32], columns: usize, sigmas: [f32; 2]) {
    assert_eq!(plane.len() % columns, 0, "a plane has whole rows");
    smooth_down(plane, columns, &kernel(sigmas[0]));
    smooth_across(plane, columns, &kernel(sigmas[1]));
}

/// What the standard deviation of white noise is divided by when it is smoothed, as [`smooth`] does.
#[must_use]
pub fn noise_loss(sigmas: [f32; 2]) -> f32 {
    let kept = sigmas.map(|sigma| kernel(sigma).iter().map(|weight| weight * weight).sum::<f32>());
    (kept[0] * kept[1]).sqrt().recip()
}

/// Weights that sum to 1; their number is odd.
fn kernel(sigma: f32) -> Vec<f32> {
    let radius = (TRUNCATION * sigma + 0.5) as i32;
    if radius == 0 {
        return vec![1.0];
    }
    let weights: Vec<f32> = (-radius..=radius).map(|offset| (-0.5 * (offset as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Index `at` in a line of `len` samples, mirrored at its ends.
fn mirrored(at: isize, len: usize) -> usize {
    let period = 2 * len as isize;
    let at = at.rem_euclid(period);
    (if at < len as isize { at } else { period - 1 - at }) as usize
}

fn smooth_down(plane: &mut [f32], columns: usize, kernel: &[f32]) {
    let rows = plane.len() / columns;
    let radius = (kernel.len() / 2) as isize;
    let source = plane.to_vec();
    for (row, target) in plane.chunks_exact_mut(columns).enumerate() {
        target.fill(0.0);
        for (tap, &weight) in kernel.iter().enumerate() {
            let from = columns * mirrored(row as isize + tap as isize - radius, rows);
            add_scaled(target, &source[from..from + columns], weight);
        }
    }
}

fn smooth_across(plane: &mut [f32], columns: usize, kernel: &[f32]) {
    let radius = (kernel.len() / 2) as isize;
    let mut line = vec![0.0; columns + kernel.len() - 1];
    for row in plane.chunks_exact_mut(columns) {
        for (index, value) in line.iter_mut().enumerate() {
            *value = row[mirrored(index as isize - radius, columns)];
        }
        row.fill(0.0);
        for (tap, &weight) in kernel.iter().enumerate() {
            add_scaled(row, &line[tap..tap + columns], weight);
        }
    }
}

fn add_scaled(target: &mut [f32], source: &[f32], weight: f32) {
    for (target, source) in target.iter_mut().zip(source) {
        *target += weight * source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_peak_spreads_as_a_gaussian() {
        let mut plane = vec![3.0; 15 * 20];
        smooth(&mut plane, 20, [2.0, 3.0]);
        assert!(plane.iter().all(|value| (value - 3.0).abs() < 1e-5));

        let mut peak = vec![0.0; 41 * 41];
        peak[20 * 41 + 20] = 1.0;
        smooth(&mut peak, 41, [1.5, 3.0]);
        let centre = peak[20 * 41 + 20];
        assert!((peak[23 * 41 + 20] / centre - (-2.0_f32).exp()).abs() < 1e-4);
        assert!((peak[20 * 41 + 26] / centre - (-2.0_f32).exp()).abs() < 1e-4);
    }

    #[test]
    fn no_smoothing_changes_nothing() {
        let mut plane = vec![1.0, 2.0, 3.0, 4.0];
        smooth(&mut plane, 2, [0.0, 0.1]);
        assert_eq!(plane, [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn mirroring_repeats_the_border_sample() {
        let indices: Vec<usize> = (-4..7).map(|at| mirrored(at, 3)).collect();
        assert_eq!(indices, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }
}

//! Changes of a plane's intensities, which lie between 0 and 1.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::motion::bilinear;

/// Most spots of an image where signal is lost.
const SPOTS: usize = 4;
/// Standard deviations of a spot, as shares of the plane's side.
const SPOT_SIZES: [f64; 2] = [0.05, 0.2];

/// Points along a side of the coarse grid from which a smooth field is interpolated.
const FIELD_POINTS: usize = 5;

/// Takes away up to `most` of the range at the hearts of a few blurred spots.
pub(super) fn lose_signal(generator: &mut ChaCha8Rng, plane: &mut [f32], [height, width]: [usize; 2], most: f64) {
    for _ in 0..generator.random_range(1..=SPOTS) {
        let depth = generator.random_range(0.0..=most);
        let [rows, columns] = [height, width].map(|side| {
            let centre = generator.random_range(0.0..side as f64);
            let std = generator.random_range(SPOT_SIZES[0]..=SPOT_SIZES[1]) * side as f64;
            (0..side).map(|at| (-0.5 * ((at as f64 - centre) / std).powi(2)).exp()).collect::<Vec<f64>>()
        });
        for (line, down) in plane.chunks_exact_mut(width).zip(rows) {
            for (value, along) in line.iter_mut().zip(&columns) {
                *value = (*value - (depth * down * along) as f32).max(0.0);
            }
        }
    }
}

/// Adds values that are drawn on a coarse grid and interpolated between its points.
pub(super) fn add_field(generator: &mut ChaCha8Rng, plane: &mut [f32], [height, width]: [usize; 2], std: f64) {
    let coarse: Vec<f32> = (0..FIELD_POINTS * FIELD_POINTS)
        .map(|_| {
            let value: f64 = StandardNormal.sample(generator);
            (std * value) as f32
        })
        .collect();
    let step = |at: usize, side: usize| at as f64 * (FIELD_POINTS - 1) as f64 / (side.max(2) - 1) as f64;
    for (at, value) in plane.iter_mut().enumerate() {
        let place = [step(at / width, height), step(at % width, width)];
        *value += bilinear(&coarse, [FIELD_POINTS; 2], place);
    }
}

/// Gaussian blur, the border repeated.
pub(super) fn blur(plane: &mut [f32], [height, width]: [usize; 2], sigma: f64) {
    let reach = (3.0 * sigma).ceil() as isize;
    let weights: Vec<f64> = (-reach..=reach).map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    for (lines, step, next, len) in [(height, 1, width, width), (width, width, 1, height)] {
        for line in 0..lines {
            let values: Vec<f32> = (0..len).map(|at| plane[line * next + at * step]).collect();
            for at in 0..len {
                let blurred: f64 = (-reach..=reach)
                    .zip(&weights)
                    .map(|(offset, weight)| {
                        let from = at.saturating_add_signed(offset).min(len - 1);
                        weight * f64::from(values[from])
                    })
                    .sum();
                plane[line * next + at * step] = (blurred / sum) as f32;
            }
        }
    }
}

//! Resampling of one plane. Pixels are areas: the centre of pixel `i` lies at `(i + ½) · spacing`
//! from the edge, and the edges of both planes coincide at the origin.

use crate::domain::Grid;

/// How one axis of the new plane is read from the old one.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    /// Old pixels in a new one.
    ratio: f64,
}

fn axes(from: &Grid, to: &Grid) -> [Axis; 2] {
    let ([from_shape, to_shape], [old, new]) =
        ([from.plane_shape(), to.plane_shape()], [from.spacing_mm(), to.spacing_mm()]);
    [0, 1].map(|axis| Axis { from: from_shape[axis], to: to_shape[axis], ratio: new[axis] / old[axis] })
}

/// The old pixel that holds the centre of each new one.
pub(super) fn nearest(plane: &[u8], from: &Grid, to: &Grid) -> Vec<u8> {
    let [rows, columns] = axes(from, to).map(Axis::nearest);
    let width = from.plane_shape()[1];
    rows.iter().flat_map(|&y| columns.iter().map(move |&x| plane[y * width + x])).collect()
}

/// Linear interpolation where pixels become smaller; where they become larger, the triangle is
/// widened with them so that nothing falls between two (as Pillow's `BILINEAR` does).
pub(super) fn linear(plane: &[f32], from: &Grid, to: &Grid) -> Vec<f32> {
    let [rows, columns] = axes(from, to).map(Axis::linear);
    let width = from.plane_shape()[1];
    let mut across = Vec::with_capacity(from.plane_shape()[0] * columns.len());
    for row in plane.chunks_exact(width) {
        across.extend(columns.iter().map(|taps| taps.sum(|x| f64::from(row[x]))));
    }
    let width = columns.len();
    let pixel = |taps: &Taps, x: usize| taps.sum(|y| across[y * width + x]) as f32;
    rows.iter().flat_map(|taps| (0..width).map(move |x| (taps, x))).map(|(taps, x)| pixel(taps, x)).collect()
}

/// Old pixels from `first` on, and the share of each in a new one.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

impl Taps {
    fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        self.weights.iter().enumerate().map(|(index, weight)| weight * value(self.first + index)).sum()
    }
}

impl Axis {
    fn nearest(self) -> Vec<usize> {
        (0..self.to).map(|index| (((index as f64 + 0.5) * self.ratio) as usize).min(self.from - 1)).collect()
    }

    fn linear(self) -> Vec<Taps> {
        let reach = self.ratio.max(1.0);
        let last = (self.from - 1) as f64;
        let taps = |index: usize| {
            let centre = ((index as f64 + 0.5) * self.ratio - 0.5).clamp(0.0, last);
            let first = (centre - reach).ceil().max(0.0);
            let end = (centre + reach).floor().min(last);
            let weight = |pixel: usize| (1.0 - (pixel as f64 - centre).abs() / reach).max(0.0);
            let weights: Vec<f64> = (first as usize..=end as usize).map(weight).collect();
            let total: f64 = weights.iter().sum();
            Taps { first: first as usize, weights: weights.into_iter().map(|weight| weight / total).collect() }
        };
        (0..self.to).map(taps).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(shape: [usize; 2], spacing: f64) -> Grid {
        Grid::plane(shape, [spacing, spacing]).unwrap()
    }

    #[test]
    fn halving_pixels_interpolates_at_half_pixel_centres() {
        let doubled = linear(&[0.0, 1.0], &grid([1, 2], 1.0), &grid([2, 4], 0.5));
        assert_eq!(doubled[..4], [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(nearest(&[1, 2], &grid([1, 2], 1.0), &grid([2, 4], 0.5)), [1, 1, 2, 2, 1, 1, 2, 2]);
    }

    #[test]
    fn enlarging_pixels_leaves_none_out() {
        let mut plane = vec![0.0; 64];
        plane[37] = 1.0;
        let shrunk = linear(&plane, &grid([1, 64], 1.0), &grid([1, 8], 8.0));
        assert!(shrunk.iter().sum::<f32>() > 0.1, "{shrunk:?}");
    }
}

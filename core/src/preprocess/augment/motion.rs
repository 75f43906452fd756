//! How an image and its label map move together.

use crate::domain::{Image, LabelMap};

/// A rotation, scaling and shift in the plane, as the way from a result's pixel to the original's.
pub(super) struct Motion {
    pub sin: f64,
    pub cos: f64,
    pub shift: [f64; 2],
    pub centre: [f64; 2],
    pub sides: [usize; 2],
}

impl Motion {
    /// Where the pixel comes from.
    fn origin(&self, y: usize, x: usize) -> [f64; 2] {
        let [down, right] = [y as f64 - self.centre[0] - self.shift[0], x as f64 - self.centre[1] - self.shift[1]];
        [self.centre[0] + self.cos * down - self.sin * right, self.centre[1] + self.sin * down + self.cos * right]
    }

    pub fn apply(&self, image: &mut Image, labels: &mut LabelMap) {
        let [height, width] = self.sides;
        let origins: Vec<[f64; 2]> = (0..height * width).map(|at| self.origin(at / width, at % width)).collect();
        for plane in image.values_mut().chunks_exact_mut(height * width) {
            let from = plane.to_vec();
            for (value, origin) in plane.iter_mut().zip(&origins) {
                *value = bilinear(&from, self.sides, *origin);
            }
        }
        for plane in labels.labels_mut().chunks_exact_mut(height * width) {
            let from = plane.to_vec();
            for (label, [y, x]) in plane.iter_mut().zip(&origins) {
                let (y, x) = (y.round(), x.round());
                let inside = y >= 0.0 && x >= 0.0 && y < height as f64 && x < width as f64;
                *label = if inside { from[y as usize * width + x as usize] } else { 0 };
            }
        }
    }
}

/// The value between pixels; outside the border's.
pub(super) fn bilinear(plane: &[f32], [height, width]: [usize; 2], [y, x]: [f64; 2]) -> f32 {
    let y = y.clamp(0.0, height as f64 - 1.0);
    let x = x.clamp(0.0, width as f64 - 1.0);
    let (top, left) = (y as usize, x as usize);
    let (bottom, right) = ((top + 1).min(height - 1), (left + 1).min(width - 1));
    let (down, along) = ((y - top as f64) as f32, (x - left as f64) as f32);
    let row = |row: usize| plane[row * width + left] * (1.0 - along) + plane[row * width + right] * along;
    row(top) * (1.0 - down) + row(bottom) * down
}

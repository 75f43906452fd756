//! The polar grid that an ultrasound image is acquired on, and the way to pixels.

use rand::Rng;

use super::parameters::Parameters;

/// Samples along a beam.
pub(super) const DEPTHS: usize = 384;
/// Beams of a sector.
pub(super) const BEAMS: usize = 192;
/// Width and height of the image, in depths of the sector.
const FIELD_OF_VIEW: f32 = 1.04;
/// Depth of the sector's vertex below the top of the image, in depths of the sector.
const VERTEX: f32 = 0.02;

/// One number for each sample of a sector, `[depth, beam]`.
pub(super) type Polar = Vec<f32>;

/// The sector that a phased-array probe scans. x to the right and y down from the top centre of the
/// image, mm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sector {
    /// Length of the beams, mm.
    pub depth: f32,
    /// Half the opening angle, radians.
    pub half_angle: f32,
}

impl Sector {
    pub(super) fn draw(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        let depth = parameters.depth_mm.draw(rng);
        Self { depth, half_angle: parameters.half_angle_deg.draw(rng).to_radians() }
    }

    /// Side of a pixel of an image of `size` x `size` pixels, mm.
    pub(super) fn pixel_mm(&self, size: usize) -> f32 {
        FIELD_OF_VIEW * self.depth / size as f32
    }

    /// Centre of the pixel in `row` and `column`: x, y, mm.
    pub(super) fn pixel(&self, size: usize, row: usize, column: usize) -> (f32, f32) {
        let pixel = self.pixel_mm(size);
        ((column as f32 + 0.5 - 0.5 * size as f32) * pixel, (row as f32 + 0.5) * pixel)
    }

    /// Distance between samples of a beam, mm.
    pub(super) fn sample_mm(&self) -> f32 {
        self.depth / DEPTHS as f32
    }

    /// Angle between beams, radians.
    pub(super) fn beam_angle(&self) -> f32 {
        2.0 * self.half_angle / (BEAMS - 1) as f32
    }

    /// Distance of a sample from the vertex, mm.
    pub(super) fn radius(&self, depth: usize) -> f32 {
        (depth as f32 + 0.5) * self.sample_mm()
    }

    /// Direction of a beam, radians from straight down, positive to the right.
    pub(super) fn angle(&self, beam: usize) -> f32 {
        beam as f32 * self.beam_angle() - self.half_angle
    }

    /// x, y, mm, at `radius` along a beam with this sine and cosine.
    pub(super) fn place(&self, radius: f32, (sine, cosine): (f32, f32)) -> (f32, f32) {
        (radius * sine, VERTEX * self.depth + radius * cosine)
    }

    /// The samples as an image of `size` x `size` pixels, bilinear; 0 outside the sector.
    pub(super) fn to_pixels(self, samples: &[f32], size: usize) -> Vec<f32> {
        let mut image = Vec::with_capacity(size * size);
        for row in 0..size {
            for column in 0..size {
                let (x, y) = self.pixel(size, row, column);
                image.push(self.at(samples, x, y - VERTEX * self.depth));
            }
        }
        image
    }

    /// The value at x, y, mm from the vertex.
    fn at(&self, samples: &[f32], x: f32, y: f32) -> f32 {
        let (radius, angle) = (x.hypot(y), x.atan2(y));
        if radius > self.depth || angle.abs() > self.half_angle {
            return 0.0;
        }
        let (depth, depth_share) = cell(radius / self.sample_mm() - 0.5, DEPTHS);
        let (beam, beam_share) = cell((angle + self.half_angle) / self.beam_angle(), BEAMS);
        let between = |at: usize| samples[at] + beam_share * (samples[at + 1] - samples[at]);
        let (near, far) = (between(depth * BEAMS + beam), between((depth + 1) * BEAMS + beam));
        near + depth_share * (far - near)
    }
}

/// The sample before `at` and the share of the one after it, both within `len` samples.
pub(super) fn cell(at: f32, len: usize) -> (usize, f32) {
    let at = at.clamp(0.0, (len - 1) as f32);
    let before = (at as usize).min(len - 2);
    (before, at - before as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_find_their_samples_again() {
        let sector = Sector { depth: 150.0, half_angle: 0.7 };
        let samples: Polar = (0..DEPTHS).flat_map(|depth| [sector.radius(depth); BEAMS]).collect();
        let size = 64;
        let image = sector.to_pixels(&samples, size);
        let (x, y) = sector.pixel(size, 40, 30);
        let radius = x.hypot(y - VERTEX * sector.depth);
        assert!((image[40 * size + 30] - radius).abs() < 1e-3);
        assert_eq!(image[0], 0.0);
    }

    #[test]
    fn cells_stay_within_their_line() {
        assert_eq!(cell(-3.0, 5), (0, 0.0));
        assert_eq!(cell(2.25, 5), (2, 0.25));
        assert_eq!(cell(9.0, 5), (3, 1.0));
    }
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PreprocessError, rescale::range};

/// Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), plane by
/// plane, as scikit-image's `equalize_adapthist` computes it: tiles of an eighth of the plane, 256
/// bins, 14-bit grey levels.
///
/// One deviation: a plane of one intensity, or too small to be anything else after equalisation,
/// stays as it is, where scikit-image may turn it white.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clahe {
    /// Share of a tile's pixels that one bin may hold, above 0 and at most 1; the rest is spread
    /// over the other bins.
    #[serde(default = "default_clip_limit")]
    pub clip_limit: f64,
}

impl Default for Clahe {
    fn default() -> Self {
        Self { clip_limit: default_clip_limit() }
    }
}

/// The default of scikit-image, and what the published echo data sets were made with.
fn default_clip_limit() -> f64 {
    0.01
}

/// Grey levels, 14 bits.
const LEVELS: u16 = 1 << 14;
const BINS: usize = 256;
/// Grey levels in a bin; the last bins stay empty, as in scikit-image.
const BIN_WIDTH: u16 = 1 + LEVELS / BINS as u16;
/// Tiles along each axis.
const TILES: usize = 8;

type Mapping = [u16; BINS];

impl Clahe {
    pub(super) fn check(&self) -> Result<(), PreprocessError> {
        if self.clip_limit > 0.0 && self.clip_limit <= 1.0 {
            return Ok(());
        }
        let found = self.clip_limit.to_string();
        Err(PreprocessError::Setting { key: "preprocess.clahe.clip_limit", found, expected: "above 0 and at most 1" })
    }

    /// Equalises one plane of intensities in [0, 1], `[y, x]` of `shape`, in place.
    pub(super) fn apply(&self, plane: &mut [f32], shape: [usize; 2]) -> Result<(), PreprocessError> {
        let (min, max) = range(plane)?;
        if min == max {
            return Ok(());
        }
        let axes = shape.map(Axis::new);
        let bins = bins(plane);
        let mappings = self.mappings(&bins, axes);
        let levels = interpolate(&bins, &mappings, axes);
        let (low, high) = levels.iter().fold((u16::MAX, 0), |(low, high), &level| (low.min(level), high.max(level)));
        if low == high {
            return Ok(());
        }
        let extent = f64::from(high) - f64::from(low);
        for (value, level) in plane.iter_mut().zip(levels) {
            *value = ((f64::from(level) - f64::from(low)) / extent) as f32;
        }
        Ok(())
    }

    /// The grey-level mapping of each tile, `[y, x]`.
    fn mappings(&self, bins: &[u8], [rows, columns]: [Axis; 2]) -> Vec<Mapping> {
        let pixels = rows.tile * columns.tile;
        let limit = ((self.clip_limit * pixels as f64) as i64).max(1);
        let mut mappings = Vec::with_capacity(rows.tiles * columns.tiles);
        for tile_y in 0..rows.tiles {
            for tile_x in 0..columns.tiles {
                let mut histogram = [0_i64; BINS];
                for y in tile_y * rows.tile..(tile_y + 1) * rows.tile {
                    for x in tile_x * columns.tile..(tile_x + 1) * columns.tile {
                        histogram[usize::from(bins[rows.inside(y) * columns.len + columns.inside(x)])] += 1;
                    }
                }
                clip(&mut histogram, limit);
                mappings.push(cumulate(&histogram, pixels));
            }
        }
        mappings
    }
}

/// One axis of a plane, cut into tiles. Positions past its end are reflected.
#[derive(Clone, Copy)]
struct Axis {
    len: usize,
    tile: usize,
    tiles: usize,
}

impl Axis {
    fn new(len: usize) -> Self {
        let tile = (len / TILES).max(1);
        Self { len, tile, tiles: len.div_ceil(tile) }
    }

    /// The pixel whose value stands at `position`: beyond the end it is the reflection that does
    /// not repeat the last pixel (NumPy's `reflect`).
    fn inside(&self, position: usize) -> usize {
        let period = (2 * (self.len - 1)).max(1);
        let position = position % period;
        position.min(period - position).min(self.len - 1)
    }

    /// The tiles whose centres lie on either side of `position`, and how far it is from the
    /// first to the second.
    fn between(&self, position: usize) -> (usize, usize, f64) {
        let shifted = position + self.tile / 2;
        let after = shifted / self.tile;
        let share = (shifted % self.tile) as f64 / self.tile as f64;
        (after.saturating_sub(1).min(self.tiles - 1), after.min(self.tiles - 1), share)
    }
}

/// The histogram bin of each pixel: 16 bits, stretched to all grey levels, then binned.
fn bins(plane: &[f32]) -> Vec<u8> {
    let sixteen_bits = |value: &f32| (f64::from(*value) * f64::from(u16::MAX)).round_ties_even();
    let (low, high) = plane
        .iter()
        .map(sixteen_bits)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let top = f64::from(LEVELS - 1);
    let stretched = |value: f64| if high > low { (value - low) / (high - low) * top } else { value.clamp(0.0, top) };
    plane.iter().map(|value| (stretched(sixteen_bits(value)).round_ties_even() as u16 / BIN_WIDTH) as u8).collect()
}

/// Cuts every bin at `limit` and spreads what was cut off over the bins below it.
fn clip(histogram: &mut [i64; BINS], limit: i64) {
    let mut excess: i64 = histogram.iter().map(|&count| (count - limit).max(0)).sum();
    let share = excess / BINS as i64;
    let nearly_full = limit - share;
    for count in histogram.iter_mut() {
        *count = (*count).min(limit);
        if *count < nearly_full {
            *count += share;
            excess -= share;
        }
        if *count >= nearly_full && *count < limit {
            excess -= limit - *count;
            *count = limit;
        }
    }
    spread(histogram, limit, excess);
}

/// Adds `excess` one by one to the bins below `limit`, at even distances over the whole histogram.
fn spread(histogram: &mut [i64; BINS], limit: i64, mut excess: i64) {
    while excess > 0 {
        let before = excess;
        for first in 0..BINS {
            let open = histogram.iter().filter(|&&count| count < limit).count();
            let step = (open / excess as usize).max(1);
            for count in histogram[first..].iter_mut().step_by(step).filter(|count| **count < limit) {
                *count += 1;
                excess -= 1;
            }
            if excess <= 0 {
                return;
            }
        }
        if excess == before {
            return;
        }
    }
}

fn cumulate(histogram: &[i64; BINS], pixels: usize) -> Mapping {
    let top = f64::from(LEVELS - 1);
    let per_pixel = top / pixels as f64;
    let mut sum = 0;
    histogram.map(|count| {
        sum += count;
        (sum as f64 * per_pixel).min(top) as u16
    })
}

/// Each pixel's bin through the mappings of the four tiles around it, weighted by distance. The
/// single-precision sum, in this order, is scikit-image's.
fn interpolate(bins: &[u8], mappings: &[Mapping], [rows, columns]: [Axis; 2]) -> Vec<u16> {
    let mut levels = Vec::with_capacity(bins.len());
    for (y, row) in bins.chunks_exact(columns.len).enumerate() {
        let (above, below, down) = rows.between(y);
        for (x, &bin) in row.iter().enumerate() {
            let (left, right, across) = columns.between(x);
            let level = |tile_y: usize, tile_x: usize, weight: f64| {
                (f64::from(mappings[tile_y * columns.tiles + tile_x][usize::from(bin)]) * weight) as f32
            };
            let sum = level(above, left, (1.0 - across) * (1.0 - down))
                + level(above, right, across * (1.0 - down))
                + level(below, left, (1.0 - across) * down)
                + level(below, right, across * down);
            levels.push(sum as u16);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_plane_stays() {
        for value in [0.0, 0.3, 1.0] {
            let mut plane = vec![value; 20 * 30];
            Clahe::default().apply(&mut plane, [20, 30]).unwrap();
            assert_eq!(plane, vec![value; 20 * 30]);
        }
    }

    #[test]
    fn planes_of_any_size_are_stretched_to_the_whole_range() {
        for shape in [[16, 17], [17, 40], [33, 100]] {
            let len = shape[0] * shape[1];
            let mut plane: Vec<f32> = (0..len).map(|index| 0.4 + 0.2 * index as f32 / len as f32).collect();
            Clahe::default().apply(&mut plane, shape).unwrap();
            let (min, max) = range(&plane).unwrap();
            assert_eq!((min, max), (0.0, 1.0), "{shape:?}");
        }
    }

    #[test]
    fn reflection_does_not_repeat_the_last_pixel() {
        let axis = Axis::new(4);
        assert_eq!((0..9).map(|position| axis.inside(position)).collect::<Vec<_>>(), [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert_eq!(Axis::new(1).inside(5), 0);
    }

    #[test]
    fn no_bin_stays_above_the_limit_and_no_pixel_is_lost() {
        let mut histogram = [0; BINS];
        histogram[3] = 900;
        histogram[200] = 124;
        clip(&mut histogram, 10);
        assert!(histogram.iter().all(|&count| count <= 10));
        assert!(histogram.iter().sum::<i64>() >= 1024);
    }
}

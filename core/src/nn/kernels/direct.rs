//! Convolutions as products of gathered pixels: 3x3 where planes are small, 1x1, and the
//! transposed 2x2 with stride 2.

use super::{
    lanes::{Lanes, per_isa},
    planes::{Extent, RawSink, RawSource},
    winograd::Rows,
};

/// Which pixels belong to a row of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taps {
    /// From the row's pixel times `stride`: y, x.
    pub offsets: &'static [[isize; 2]],
    pub stride: usize,
}

/// The pixel itself.
pub(super) const POINT: Taps = Taps { offsets: &[[0, 0]], stride: 1 };
/// The pixel with its neighbours.
pub(super) const SQUARE: Taps =
    Taps { offsets: &[[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 0], [0, 1], [1, -1], [1, 0], [1, 1]], stride: 1 };
/// The four pixels that it becomes at twice the size.
pub(super) const QUAD: Taps = Taps { offsets: &[[0, 0], [0, 1], [1, 0], [1, 1]], stride: 2 };

/// Plane, row and column of a pixel of `extent`.
#[inline(always)]
fn place(extent: Extent, pixel: usize) -> (usize, isize, isize) {
    let (row, x) = (pixel / extent.width, pixel % extent.width);
    (row / extent.height, (row % extent.height) as isize, x as isize)
}

per_isa! {
    /// Copies the pixels of each row into `matrix`: columns are tap by tap, source by source.
    ///
    /// # Safety
    /// The sources hold whole vectors of channels, and `matrix` has room for `rows`.
    pub(super) unsafe fn gather = gather_lanes(
        extent: Extent, taps: Taps, sources: &[RawSource], rows: Rows, matrix: *mut f32,
    )
}

#[inline(always)]
unsafe fn gather_lanes<L: Lanes>(extent: Extent, taps: Taps, sources: &[RawSource], rows: Rows, matrix: *mut f32) {
    for index in 0..rows.count {
        let (plane, y, x) = place(extent, rows.first + index);
        let stride = taps.stride as isize;
        let mut block = 0;
        for [down, right] in taps.offsets {
            for source in sources {
                // SAFETY: pixels are looked up; the row is within the matrix.
                unsafe {
                    let pixel = source.pixel(plane, y * stride + down, x * stride + right);
                    for channel in (0..source.channels).step_by(L::N) {
                        let value = match pixel {
                            Some(pixel) => source.activation_of::<L>(channel).apply(L::load(pixel.add(channel))),
                            None => L::splat(0.0),
                        };
                        L::store(matrix.add(block * rows.layout.block + (rows.at + index) * L::N), value);
                        block += 1;
                    }
                }
            }
        }
    }
}

per_isa! {
    /// Writes rows of `matrix` to the pixels of the sinks, plus `bias`, a number a channel, unless
    /// it is null.
    ///
    /// # Safety
    /// The sinks hold whole vectors of channels, and nobody else writes to these pixels.
    pub(super) unsafe fn scatter = scatter_lanes(
        extent: Extent, taps: Taps, sinks: &[RawSink], bias: *const f32, rows: Rows, matrix: *const f32,
    )
}

#[inline(always)]
unsafe fn scatter_lanes<L: Lanes>(
    extent: Extent,
    taps: Taps,
    sinks: &[RawSink],
    bias: *const f32,
    rows: Rows,
    matrix: *const f32,
) {
    for index in 0..rows.count {
        let (plane, y, x) = place(extent, rows.first + index);
        let mut block = 0;
        for [down, right] in taps.offsets {
            let y = y as usize * taps.stride + *down as usize;
            let x = x as usize * taps.stride + *right as usize;
            for sink in sinks {
                // SAFETY: pixels are looked up; the row is within the matrix.
                unsafe {
                    let pixel = sink.pixel(plane, y, x);
                    for channel in (0..sink.channels).step_by(L::N) {
                        if let Some(pixel) = pixel {
                            let value = L::load(matrix.add(block * rows.layout.block + (rows.at + index) * L::N));
                            let value = if bias.is_null() { value } else { L::add(value, L::load(bias.add(channel))) };
                            L::store(pixel.add(channel), value);
                        }
                        block += 1;
                    }
                }
            }
        }
    }
}

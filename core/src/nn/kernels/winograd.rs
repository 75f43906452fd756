//! The 3x3 convolution as products of transformed tiles: Winograd's F(2x2, 3x3) and F(4x4, 3x3)
//! (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks"), with 1/2.25 and a
//! quarter of the multiplications.
//!
//! A tile of 4 x 4 results needs 6 x 6 inputs; both become 36 numbers a channel, "frequencies",
//! which are multiplied channel by channel. All transforms work on one vector of channels. Arrays
//! have the size of the larger tile; what the smaller one leaves unused the compiler takes out.
//!
//! The larger tile loses about a digit: enough, in a forward pass, to move values across the
//! corner of a ReLU and so to change gradients. It serves where only sums follow.

use super::{
    lanes::{Lanes, per_isa},
    multiply::Layout,
    planes::{Extent, RawSink, RawSource},
};

/// Results along a side of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tile {
    /// F(2x2, 3x3), as exact as the plain sum.
    Two,
    /// F(4x4, 3x3)
    Four,
}

impl Tile {
    /// Results along a side.
    pub const fn side(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// Numbers of a transformed tile.
    pub const fn frequencies(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }
}

/// Results and inputs along a side of the largest tile, and its frequencies.
const SIDE: usize = Tile::Four.side();
const REACH: usize = SIDE + 2;

/// The tiles of a batch of planes.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    tile: Tile,
    extent: Extent,
    columns: usize,
    rows: usize,
}

impl Tiles {
    pub fn of(tile: Tile, extent: Extent) -> Self {
        let [columns, rows] = [extent.width, extent.height].map(|side| side.div_ceil(tile.side()));
        Self { tile, extent, columns, rows }
    }

    pub fn count(&self) -> usize {
        self.extent.batch * self.rows * self.columns
    }

    /// Plane and first row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (row, column) = (tile / self.columns, tile % self.columns);
        (row / self.rows, row % self.rows * self.tile.side(), column * self.tile.side())
    }
}

/// Some tiles, and the blocked matrix that holds them.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// The first tile.
    pub first: usize,
    /// How many tiles are written.
    pub count: usize,
    /// The matrix, and in it the row of the first tile.
    pub layout: Layout,
    pub at: usize,
}

per_isa! {
    /// Transforms the 6 x 6 inputs of each tile into `matrix`, all channels of all sources.
    ///
    /// # Safety
    /// The sources hold whole vectors of channels, and `matrix` has room for `rows`.
    pub(super) unsafe fn transform_input = transform_input_lanes(
        tiles: &Tiles, sources: &[RawSource], rows: Rows, matrix: *mut f32,
    )
}

#[inline(always)]
unsafe fn transform_input_lanes<L: Lanes>(tiles: &Tiles, sources: &[RawSource], rows: Rows, matrix: *mut f32) {
    // SAFETY: the caller's contract.
    unsafe {
        match tiles.tile {
            Tile::Two => input_tiles::<L, 2>(tiles, sources, rows, matrix),
            Tile::Four => input_tiles::<L, 4>(tiles, sources, rows, matrix),
        }
    }
}

#[inline(always)]
unsafe fn input_tiles<L: Lanes, const M: usize>(tiles: &Tiles, sources: &[RawSource], rows: Rows, matrix: *mut f32) {
    for index in 0..rows.count {
        let (plane, y, x) = tiles.place(rows.first + index);
        let mut block = 0;
        for source in sources {
            for channel in (0..source.channels).step_by(L::N) {
                // SAFETY: the tile's row in the matrix, channels of the source.
                unsafe {
                    let to = matrix.add(block * rows.layout.block + (rows.at + index) * L::N);
                    let stride = rows.layout.frequency;
                    input_tile::<L, M>(source, (plane, y as isize - 1, x as isize - 1), channel, to, stride);
                }
                block += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn input_tile<L: Lanes, const M: usize>(
    source: &RawSource,
    (plane, y, x): (usize, isize, isize),
    channel: usize,
    to: *mut f32,
    stride: usize,
) {
    let reach = M + 2;
    // SAFETY: pixels are looked up; the matrix has a vector at each multiple of `stride`.
    unsafe {
        let activation = source.activation_of::<L>(channel);
        let mut half = [[L::splat(0.0); REACH]; REACH];
        let inside = source.holds(y, x, reach, reach);
        let corner = source.pixel(plane, y, x).unwrap_or(source.values);
        for column in 0..reach {
            let mut d = [L::splat(0.0); REACH];
            for row in 0..reach {
                if inside {
                    let pixel = corner.add((row * source.width + column) * source.channels + channel);
                    d[row] = activation.apply(L::load(pixel));
                } else if let Some(pixel) = source.pixel(plane, y + row as isize, x + column as isize) {
                    d[row] = activation.apply(L::load(pixel.add(channel)));
                }
            }
            let t = input_line::<L, M>(d);
            for row in 0..reach {
                half[row][column] = t[row];
            }
        }
        for (row, line) in half.into_iter().enumerate().take(reach) {
            let t = input_line::<L, M>(line);
            for column in 0..reach {
                L::store(to.add((row * reach + column) * stride), t[column]);
            }
        }
    }
}

#[inline(always)]
unsafe fn input_line<L: Lanes, const M: usize>(d: [L::V; REACH]) -> [L::V; REACH] {
    // SAFETY: arithmetic of the lanes that the caller has.
    unsafe {
        if M == 2 {
            let unused = d[5];
            return [L::sub(d[0], d[2]), L::add(d[1], d[2]), L::sub(d[2], d[1]), L::sub(d[1], d[3]), unused, unused];
        }
        let (two, four, five) = (L::splat(2.0), L::splat(4.0), L::splat(-5.0));
        let minus_four = L::splat(-4.0);
        let p = L::mul_add(d[2], minus_four, d[4]);
        let q = L::mul_add(d[1], minus_four, d[3]);
        let r = L::sub(d[4], d[2]);
        let s = L::mul(two, L::sub(d[3], d[1]));
        [
            L::mul_add(d[0], four, L::mul_add(d[2], five, d[4])),
            L::add(p, q),
            L::sub(p, q),
            L::add(r, s),
            L::sub(r, s),
            L::mul_add(d[1], four, L::mul_add(d[3], five, d[5])),
        ]
    }
}

per_isa! {
    /// Transforms products back into 4 x 4 results a tile and writes them to the sinks, which
    /// divide the blocks of the matrix among them.
    ///
    /// # Safety
    /// The sinks hold whole vectors of channels, and nobody else writes to these tiles.
    pub(super) unsafe fn transform_output = transform_output_lanes(
        tiles: &Tiles, sinks: &[RawSink], rows: Rows, matrix: *const f32,
    )
}

#[inline(always)]
unsafe fn transform_output_lanes<L: Lanes>(tiles: &Tiles, sinks: &[RawSink], rows: Rows, matrix: *const f32) {
    // SAFETY: the caller's contract.
    unsafe {
        match tiles.tile {
            Tile::Two => output_tiles::<L, 2>(tiles, sinks, rows, matrix),
            Tile::Four => output_tiles::<L, 4>(tiles, sinks, rows, matrix),
        }
    }
}

#[inline(always)]
unsafe fn output_tiles<L: Lanes, const M: usize>(tiles: &Tiles, sinks: &[RawSink], rows: Rows, matrix: *const f32) {
    for index in 0..rows.count {
        let (plane, y, x) = tiles.place(rows.first + index);
        let mut block = 0;
        for sink in sinks {
            for channel in (0..sink.channels).step_by(L::N) {
                // SAFETY: the tile's row in the matrix, channels of the sink.
                unsafe {
                    let from = matrix.add(block * rows.layout.block + (rows.at + index) * L::N);
                    let stride = rows.layout.frequency;
                    output_tile::<L, M>(tiles, sink, (plane, y, x), channel, from, stride);
                }
                block += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn output_tile<L: Lanes, const M: usize>(
    tiles: &Tiles,
    sink: &RawSink,
    (plane, y, x): (usize, usize, usize),
    channel: usize,
    from: *const f32,
    stride: usize,
) {
    let reach = M + 2;
    // SAFETY: as `input_tile`, the other way round.
    unsafe {
        let mut half = [[L::splat(0.0); REACH]; SIDE];
        for column in 0..reach {
            let mut m = [L::splat(0.0); REACH];
            for row in 0..reach {
                m[row] = L::load(from.add((row * reach + column) * stride));
            }
            let o = output_line::<L, M>(m);
            for row in 0..M {
                half[row][column] = o[row];
            }
        }
        let (height, width) = (tiles.extent.height, tiles.extent.width);
        for (row, line) in half.into_iter().enumerate().take(M.min(height - y)) {
            let o = output_line::<L, M>(line);
            for column in 0..M.min(width - x) {
                if let Some(pixel) = sink.pixel(plane, y + row, x + column) {
                    L::store(pixel.add(channel), o[column]);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn output_line<L: Lanes, const M: usize>(m: [L::V; REACH]) -> [L::V; SIDE] {
    // SAFETY: arithmetic of the lanes that the caller has.
    unsafe {
        let (s, d) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
        if M == 2 {
            return [L::add(m[0], s), L::sub(d, m[3]), d, d];
        }
        let (t, e) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
        [
            L::add(L::add(m[0], s), t),
            L::mul_add(e, L::splat(2.0), d),
            L::mul_add(t, L::splat(4.0), s),
            L::add(L::mul_add(e, L::splat(8.0), d), m[5]),
        ]
    }
}

per_isa! {
    /// Transforms the gradients of 4 x 4 results a tile, as the gradient to the weights needs them;
    /// for the larger tile alone.
    ///
    /// # Safety
    /// As [`transform_input`].
    pub(super) unsafe fn transform_gradient = transform_gradient_lanes(
        tiles: &Tiles, source: &RawSource, rows: Rows, matrix: *mut f32,
    )
}

#[inline(always)]
unsafe fn transform_gradient_lanes<L: Lanes>(tiles: &Tiles, source: &RawSource, rows: Rows, matrix: *mut f32) {
    let stride = rows.layout.frequency;
    for index in 0..rows.count {
        let (plane, y, x) = tiles.place(rows.first + index);
        for channel in (0..source.channels).step_by(L::N) {
            // SAFETY: the tile's row in the matrix; pixels are looked up.
            unsafe {
                let to = matrix.add(channel / L::N * rows.layout.block + (rows.at + index) * L::N);
                let mut half = [[L::splat(0.0); SIDE]; REACH];
                for column in 0..SIDE {
                    let mut z = [L::splat(0.0); SIDE];
                    for row in 0..SIDE {
                        if let Some(pixel) = source.pixel(plane, (y + row) as isize, (x + column) as isize) {
                            z[row] = L::load(pixel.add(channel));
                        }
                    }
                    let g = gradient_line::<L>(z);
                    for row in 0..REACH {
                        half[row][column] = g[row];
                    }
                }
                for (row, line) in half.into_iter().enumerate() {
                    let g = gradient_line::<L>(line);
                    for column in 0..REACH {
                        L::store(to.add((row * REACH + column) * stride), g[column]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn gradient_line<L: Lanes>(z: [L::V; SIDE]) -> [L::V; REACH] {
    // SAFETY: arithmetic of the lanes that the caller has.
    unsafe {
        let (two, four, eight) = (L::splat(2.0), L::splat(4.0), L::splat(8.0));
        let (even, odd) = (L::add(z[0], z[2]), L::add(z[1], z[3]));
        let even2 = L::mul_add(z[2], four, z[0]);
        let odd2 = L::mul_add(z[3], eight, L::mul(z[1], two));
        [z[0], L::add(even, odd), L::sub(even, odd), L::add(even2, odd2), L::sub(even2, odd2), z[3]]
    }
}

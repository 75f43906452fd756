//! The weights of a Winograd convolution: into frequencies, and their gradient back.

use super::{
    lanes::{Lanes, per_isa},
    winograd::Tile,
};

/// Weights of a filter.
pub(super) const TAPS: usize = 9;
/// Inputs along a side of the largest tile.
const REACH: usize = Tile::Four.side() + 2;

per_isa! {
    /// Transforms `count` vectors of 3 x 3 weights, `[vector][tap][lane]`, into frequencies: vector `i` of
    /// frequency `f` goes to `i · strides[0] + f · strides[1]`.
    ///
    /// # Safety
    /// All of these are within `weights` and `to`.
    pub(super) unsafe fn transform_weights = transform_weights_lanes(
        tile: Tile, count: usize, weights: *const f32, to: *mut f32, strides: [usize; 2],
    )
}

#[inline(always)]
unsafe fn transform_weights_lanes<L: Lanes>(
    tile: Tile,
    count: usize,
    weights: *const f32,
    to: *mut f32,
    [vector, frequency]: [usize; 2],
) {
    for index in 0..count {
        // SAFETY: the caller's contract.
        unsafe {
            let (weights, to) = (weights.add(index * TAPS * L::N), to.add(index * vector));
            match tile {
                Tile::Two => transform_filter::<L, 4>(weights, to, frequency),
                Tile::Four => transform_filter::<L, REACH>(weights, to, frequency),
            }
        }
    }
}

/// One vector of filters into `R x R` frequencies.
#[inline(always)]
unsafe fn transform_filter<L: Lanes, const R: usize>(weights: *const f32, to: *mut f32, frequency: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut half = [[L::splat(0.0); 3]; R];
        for column in 0..3 {
            let t = weight_line::<L, R>(std::array::from_fn(|row| L::load(weights.add((3 * row + column) * L::N))));
            for row in 0..R {
                half[row][column] = t[row];
            }
        }
        for row in 0..R {
            let t = weight_line::<L, R>(half[row]);
            for column in 0..R {
                L::store(to.add((row * R + column) * frequency), t[column]);
            }
        }
    }
}

#[inline(always)]
unsafe fn weight_line<L: Lanes, const R: usize>(g: [L::V; 3]) -> [L::V; R] {
    // SAFETY: arithmetic of the lanes that the caller has.
    unsafe {
        let times = |value, factor| L::mul(value, L::splat(factor));
        let even = L::add(g[0], g[2]);
        let mut line = [g[2]; R];
        if R == REACH {
            let even2 = L::mul_add(g[0], L::splat(1.0 / 24.0), times(g[2], 1.0 / 6.0));
            let odd2 = times(g[1], 1.0 / 12.0);
            line[0] = times(g[0], 0.25);
            line[1] = times(L::add(even, g[1]), -1.0 / 6.0);
            line[2] = times(L::sub(even, g[1]), -1.0 / 6.0);
            line[3] = L::add(even2, odd2);
            line[4] = L::sub(even2, odd2);
        } else {
            line[0] = g[0];
            line[1] = times(L::add(even, g[1]), 0.5);
            line[2] = times(L::sub(even, g[1]), 0.5);
        }
        line
    }
}

per_isa! {
    /// The gradients to `count` vectors of 3 x 3 weights, `[vector][tap][lane]`, from those to their 36
    /// frequencies: vector `i` of frequency `f` comes from `i · strides[0] + f · strides[1]`.
    ///
    /// # Safety
    /// As [`transform_weights`].
    pub(super) unsafe fn restore_weights = restore_weights_lanes(
        count: usize, from: *const f32, strides: [usize; 2], weights: *mut f32,
    )
}

#[inline(always)]
unsafe fn restore_weights_lanes<L: Lanes>(
    count: usize,
    from: *const f32,
    [vector, frequency]: [usize; 2],
    weights: *mut f32,
) {
    for index in 0..count {
        // SAFETY: the caller's contract.
        unsafe {
            let (from, weights) = (from.add(index * vector), weights.add(index * TAPS * L::N));
            let mut half = [[L::splat(0.0); REACH]; 3];
            for column in 0..REACH {
                let t = restored_line::<L>(std::array::from_fn(|row| {
                    L::load(from.add((row * REACH + column) * frequency))
                }));
                for row in 0..3 {
                    half[row][column] = t[row];
                }
            }
            for (row, line) in half.into_iter().enumerate() {
                for (column, value) in restored_line::<L>(line).into_iter().enumerate() {
                    L::store(weights.add((3 * row + column) * L::N), value);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn restored_line<L: Lanes>(u: [L::V; REACH]) -> [L::V; 3] {
    // SAFETY: arithmetic of the lanes that the caller has.
    unsafe {
        let times = |value, factor| L::mul(value, L::splat(factor));
        let (s, d) = (L::add(u[1], u[2]), L::sub(u[2], u[1]));
        let (t, e) = (L::add(u[3], u[4]), L::sub(u[3], u[4]));
        let (sixth, minus_sixth) = (L::splat(1.0 / 6.0), L::splat(-1.0 / 6.0));
        [
            L::mul_add(s, minus_sixth, L::mul_add(t, L::splat(1.0 / 24.0), times(u[0], 0.25))),
            L::mul_add(d, sixth, times(e, 1.0 / 12.0)),
            L::add(L::mul_add(s, minus_sixth, times(t, 1.0 / 6.0)), u[5]),
        ]
    }
}

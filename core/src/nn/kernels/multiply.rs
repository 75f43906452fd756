//! Matrix products of blocked matrices.
//!
//! A blocked matrix `[frequency][column block][row][lane]` keeps one vector of columns of all rows
//! together, so that a tile of rows reads memory in order, whether rows or columns are summed over.
//! The right-hand side of [`multiply`] comes in panels, `[frequency][panel][k][column]`, of
//! [`PANEL`] vectors of columns.

use super::lanes::{Lanes, per_isa};

/// Vectors of columns that a tile computes at once.
pub(super) const PANEL: usize = 2;

/// Rows of a tile of [`multiply_transposed`].
const TRANSPOSED_ROWS: usize = 8;

/// Sizes of `c[f] = a[f] · b[f]` with `a` of `rows x k_blocks · lanes` and `b` of
/// `k_blocks · lanes x n_blocks · lanes`.
#[derive(Clone, Copy)]
pub(super) struct Product {
    /// Independent products.
    pub frequencies: usize,
    pub rows: usize,
    pub k_blocks: usize,
    pub n_blocks: usize,
}

per_isa! {
    /// `c = a · b`, all three blocked but `b` in panels.
    ///
    /// # Safety
    /// The pointers reach all numbers of [`Product`], and nobody else writes to `c`.
    pub(super) unsafe fn multiply = multiply_lanes(product: &Product, a: *const f32, b: *const f32, c: *mut f32)
}

#[inline(always)]
unsafe fn multiply_lanes<L: Lanes>(product: &Product, a: *const f32, b: *const f32, c: *mut f32) {
    let &Product { frequencies, rows, k_blocks, n_blocks } = product;
    let block = rows * L::N;
    let k = k_blocks * L::N;
    for f in 0..frequencies {
        // SAFETY: offsets stay within the matrices that `product` describes.
        unsafe {
            let a = a.add(f * k_blocks * block);
            let mut n = 0;
            while n < n_blocks {
                let b = b.add((f * n_blocks + n) * L::N * k);
                let c = c.add((f * n_blocks + n) * block);
                if n + PANEL <= n_blocks {
                    panel::<L, PANEL>(rows, k_blocks, a, b, c);
                } else {
                    panel::<L, 1>(rows, k_blocks, a, b, c);
                }
                n += PANEL;
            }
        }
    }
}

/// All rows of `V` vectors of columns.
#[inline(always)]
unsafe fn panel<L: Lanes, const V: usize>(rows: usize, k_blocks: usize, a: *const f32, b: *const f32, c: *mut f32) {
    let block = rows * L::N;
    let mut row = 0;
    // SAFETY: rows and blocks stay within the matrices.
    unsafe {
        while row < rows {
            let (a, c) = (a.add(row * L::N), c.add(row * L::N));
            let left = (rows - row).min(L::ROWS);
            macro_rules! tiles {
                ($($r:literal)*) => {
                    match left {
                        $($r if $r <= L::ROWS => tile::<L, $r, V>(block, k_blocks, a, b, c),)*
                        _ => {}
                    }
                };
            }
            tiles!(1 2 3 4 5 6 7 8 9 10 11 12);
            row += left;
        }
    }
}

/// `R` rows of `V` vectors of columns.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize>(
    block: usize,
    k_blocks: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: `R` rows and `V` vectors from the pointers on belong to the matrices.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        let mut b = b;
        for k_block in 0..k_blocks {
            let a = a.add(k_block * block);
            for lane in 0..L::N {
                let columns: [L::V; V] = std::array::from_fn(|v| L::load(b.add(v * L::N)));
                b = b.add(V * L::N);
                for r in 0..R {
                    let x = L::splat(*a.add(r * L::N + lane));
                    for v in 0..V {
                        sums[r][v] = L::mul_add(x, columns[v], sums[r][v]);
                    }
                }
            }
        }
        for r in 0..R {
            for v in 0..V {
                L::store(c.add(v * block + r * L::N), sums[r][v]);
            }
        }
    }
}

per_isa! {
    /// `c += transpose(a) · b` for columns `k_block` of `a`: `c` has row `k` and column `n` of
    /// frequency `f` at `(f · k_blocks · lanes + k) · n_blocks · lanes + n`.
    ///
    /// # Safety
    /// As [`multiply`].
    pub(super) unsafe fn multiply_transposed = multiply_transposed_lanes(
        product: &Product, frequency: usize, k_block: usize, a: *const f32, b: *const f32, c: *mut f32,
    )
}

#[inline(always)]
unsafe fn multiply_transposed_lanes<L: Lanes>(
    product: &Product,
    frequency: usize,
    k_block: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    let &Product { rows, k_blocks, n_blocks, .. } = product;
    let block = rows * L::N;
    // SAFETY: offsets stay within the matrices that `product` describes.
    unsafe {
        let a = a.add((frequency * k_blocks + k_block) * block);
        let b = b.add(frequency * n_blocks * block);
        let stride = n_blocks * L::N;
        let c = c.add((frequency * k_blocks + k_block) * L::N * stride);
        for lane in (0..L::N).step_by(TRANSPOSED_ROWS) {
            let (a, c) = (a.add(lane), c.add(lane * stride));
            let mut n = 0;
            while n < n_blocks {
                let (b, c) = (b.add(n * block), c.add(n * L::N));
                if n + PANEL <= n_blocks {
                    transposed_tile::<L, PANEL>(rows, a, b, c, stride);
                } else {
                    transposed_tile::<L, 1>(rows, a, b, c, stride);
                }
                n += PANEL;
            }
        }
    }
}

#[inline(always)]
unsafe fn transposed_tile<L: Lanes, const V: usize>(
    rows: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    stride: usize,
) {
    // SAFETY: `TRANSPOSED_ROWS` numbers and `V` vectors of each row belong to the matrices.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; TRANSPOSED_ROWS];
        for row in 0..rows {
            let (a, b) = (a.add(row * L::N), b.add(row * L::N));
            let columns: [L::V; V] = std::array::from_fn(|v| L::load(b.add(v * rows * L::N)));
            for r in 0..TRANSPOSED_ROWS {
                let x = L::splat(*a.add(r));
                for v in 0..V {
                    sums[r][v] = L::mul_add(x, columns[v], sums[r][v]);
                }
            }
        }
        for r in 0..TRANSPOSED_ROWS {
            for v in 0..V {
                let c = c.add(r * stride + v * L::N);
                L::store(c, L::add(L::load(c), sums[r][v]));
            }
        }
    }
}

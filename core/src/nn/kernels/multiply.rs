//! Matrix products of blocked matrices.
//!
//! A blocked matrix `[frequency][column block][row][lane]` keeps one vector of columns of all rows
//! together, so that a tile of rows reads memory in order, whether rows or columns are summed over;
//! [`Layout`] says how far blocks lie apart.
//! The right-hand side of [`multiply`] comes in panels, `[frequency][panel][k][column]`, of
//! [`PANEL`] vectors of columns; frequencies lie [`Product::panels`] apart.

use super::lanes::{Lanes, per_isa};

/// Vectors of columns that a tile computes at once.
pub(super) const PANEL: usize = 2;

/// Rows of a tile of [`multiply_transposed`].
const TRANSPOSED_ROWS: usize = 8;

/// Numbers from one column block, and from one frequency, of a blocked matrix to the next.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub block: usize,
    pub frequency: usize,
}

impl Layout {
    /// Both are odd numbers of vectors: at powers of two, all blocks of a row would share a few sets of
    /// the first-level cache and drive each other out.
    pub fn new(rows: usize, blocks: usize, lanes: usize) -> Self {
        let rows = rows | 1;
        Self { block: rows * lanes, frequency: ((blocks * rows) | 1) * lanes }
    }
}

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

impl Product {
    /// Columns of the left and the right matrix.
    pub fn columns(&self, lanes: usize) -> [usize; 2] {
        [self.k_blocks * lanes, self.n_blocks * lanes]
    }

    /// Numbers from one frequency of the panels to the next.
    pub fn panels(&self, lanes: usize) -> usize {
        ((self.k_blocks * self.n_blocks * lanes) | 1) * lanes
    }

    /// Numbers from one row, and from one frequency, to the next in what [`multiply_transposed`] sums up.
    pub fn sums(&self, lanes: usize) -> [usize; 2] {
        [self.n_blocks * lanes, self.panels(lanes)]
    }

    pub fn left(&self, lanes: usize) -> Layout {
        Layout::new(self.rows, self.k_blocks, lanes)
    }

    /// Of the result, or of the right-hand side of [`multiply_transposed`].
    pub fn right(&self, lanes: usize) -> Layout {
        Layout::new(self.rows, self.n_blocks, lanes)
    }
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
    let (left, right) = (product.left(L::N), product.right(L::N));
    let (k, of_panels) = (k_blocks * L::N, product.panels(L::N));
    for f in 0..frequencies {
        // SAFETY: offsets stay within the matrices that `product` describes.
        unsafe {
            let a = a.add(f * left.frequency);
            let mut n = 0;
            while n < n_blocks {
                let b = b.add(f * of_panels + n * L::N * k);
                let c = c.add(f * right.frequency + n * right.block);
                let strides = [left.block, right.block];
                if n + PANEL <= n_blocks {
                    panel::<L, PANEL>(rows, k_blocks, strides, a, b, c);
                } else {
                    panel::<L, 1>(rows, k_blocks, strides, a, b, c);
                }
                n += PANEL;
            }
        }
    }
}

/// All rows of `V` vectors of columns.
#[inline(always)]
unsafe fn panel<L: Lanes, const V: usize>(
    rows: usize,
    k_blocks: usize,
    strides: [usize; 2],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    let mut row = 0;
    // SAFETY: rows and blocks stay within the matrices.
    unsafe {
        while row < rows {
            let (a, c) = (a.add(row * L::N), c.add(row * L::N));
            let left = (rows - row).min(L::ROWS);
            macro_rules! tiles {
                ($($r:literal)*) => {
                    match left {
                        $($r if $r <= L::ROWS => tile::<L, $r, V>(k_blocks, strides, a, b, c),)*
                        _ => {}
                    }
                };
            }
            tiles!(1 2 3 4 5 6 7 8 9 10 11 12);
            row += left;
        }
    }
}

/// `R` rows of `V` vectors of columns; numbers between the blocks of `a` and of `c`.
#[inline(always)]
unsafe fn tile<L: Lanes, const R: usize, const V: usize>(
    k_blocks: usize,
    [a_block, c_block]: [usize; 2],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: `R` rows and `V` vectors from the pointers on belong to the matrices.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        let mut b = b;
        for k_block in 0..k_blocks {
            let a = a.add(k_block * a_block);
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
                L::store(c.add(v * c_block + r * L::N), sums[r][v]);
            }
        }
    }
}

/// What one call of [`multiply_transposed`] computes.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub frequency: usize,
    /// Of the columns of the left matrix.
    pub k_block: usize,
    /// Whether it is added to what is there.
    pub added: bool,
}

per_isa! {
    /// `c = transpose(a) · b`, or `c +=` that, for columns `k_block` of `a`; [`Product::sums`] says where
    /// rows of `c` are.
    ///
    /// # Safety
    /// As [`multiply`].
    pub(super) unsafe fn multiply_transposed = multiply_transposed_lanes(
        product: &Product, part: Part, a: *const f32, b: *const f32, c: *mut f32,
    )
}

#[inline(always)]
unsafe fn multiply_transposed_lanes<L: Lanes>(
    product: &Product,
    part: Part,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    let &Product { rows, n_blocks, .. } = product;
    let Part { frequency, k_block, added } = part;
    let (left, right) = (product.left(L::N), product.right(L::N));
    // SAFETY: offsets stay within the matrices that `product` describes.
    unsafe {
        let a = a.add(frequency * left.frequency + k_block * left.block);
        let b = b.add(frequency * right.frequency);
        let [stride, of_sums] = product.sums(L::N);
        let c = c.add(frequency * of_sums + k_block * L::N * stride);
        for lane in (0..L::N).step_by(TRANSPOSED_ROWS) {
            let (a, c) = (a.add(lane), c.add(lane * stride));
            let mut n = 0;
            while n < n_blocks {
                let (b, c) = (b.add(n * right.block), c.add(n * L::N));
                let strides = [right.block, stride];
                if n + PANEL <= n_blocks {
                    transposed_tile::<L, PANEL>(rows, added, strides, a, b, c);
                } else {
                    transposed_tile::<L, 1>(rows, added, strides, a, b, c);
                }
                n += PANEL;
            }
        }
    }
}

#[inline(always)]
unsafe fn transposed_tile<L: Lanes, const V: usize>(
    rows: usize,
    added: bool,
    [b_block, c_row]: [usize; 2],
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: `TRANSPOSED_ROWS` numbers and `V` vectors of each row belong to the matrices.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; TRANSPOSED_ROWS];
        for row in 0..rows {
            let (a, b) = (a.add(row * L::N), b.add(row * L::N));
            let columns: [L::V; V] = std::array::from_fn(|v| L::load(b.add(v * b_block)));
            for r in 0..TRANSPOSED_ROWS {
                let x = L::splat(*a.add(r));
                for v in 0..V {
                    sums[r][v] = L::mul_add(x, columns[v], sums[r][v]);
                }
            }
        }
        for r in 0..TRANSPOSED_ROWS {
            for v in 0..V {
                let c = c.add(r * c_row + v * L::N);
                L::store(c, if added { L::add(L::load(c), sums[r][v]) } else { sums[r][v] });
            }
        }
    }
}

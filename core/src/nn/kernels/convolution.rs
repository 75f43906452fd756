//! Convolutions and their gradients: pixels become rows of a matrix, rows are multiplied, results
//! become pixels again, a few rows at a time so that all of it stays in the cache.

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    direct::{POINT, QUAD, SQUARE, Taps, gather, scatter},
    filter::Filter,
    lanes::Isa,
    multiply::{Part, Product, multiply, multiply_transposed},
    planes::{Extent, RawSink, RawSource, Sink, Source},
    winograd::{Rows, Tile, Tiles, transform_gradient, transform_input, transform_output},
};

/// Numbers of both matrices of a task: they stay in a core's second-level cache.
const TASK_NUMBERS: usize = 192 * 1024;
/// Fewest rows of a task, if there are as many: the weights are read once a task.
const TASK_ROWS: usize = 36;
/// Numbers of both matrices of a step of a weight gradient: they stay in the last-level cache.
const STEP_NUMBERS: usize = 2 * 1024 * 1024;
/// Rows that one thread gathers at a time in such a step.
const GATHERED_ROWS: usize = 32;
/// Fewest tiles of a plane for which transforming the weights pays. What comes out for one image
/// must not depend on its batch, so the batch does not count.
const WINOGRAD_TILES: usize = 9;

/// How pixels become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// 3x3 with a border of zeros, transformed.
    Winograd(Tile),
    /// Pixels of the input and of the output a row.
    Direct { input: Taps, output: Taps },
}

impl Form {
    /// 3x3 with a border of zeros, in the form that is fastest for planes of `extent`: exact in
    /// the forward pass, with the larger tile for gradients.
    pub fn square(extent: Extent, tile: Tile) -> Self {
        let tiles = Tiles::of(Tile::Four, Extent { batch: 1, ..extent }).count();
        if tiles >= WINOGRAD_TILES { Self::Winograd(tile) } else { Self::DIRECT_SQUARE }
    }

    /// 3x3 with a border of zeros.
    pub const DIRECT_SQUARE: Self = Self::Direct { input: SQUARE, output: POINT };
    /// 1x1.
    pub const POINT: Self = Self::Direct { input: POINT, output: POINT };
    /// Transposed 2x2 with stride 2; rows are pixels of the small planes.
    pub const UP: Self = Self::Direct { input: POINT, output: QUAD };
    /// The gradient to the input of [`Form::UP`].
    pub const DOWN: Self = Self::Direct { input: QUAD, output: POINT };

    pub fn frequencies(self) -> usize {
        match self {
            Self::Winograd(tile) => tile.frequencies(),
            Self::Direct { .. } => 1,
        }
    }

    fn rows(self, extent: Extent) -> usize {
        match self {
            Self::Winograd(tile) => Tiles::of(tile, extent).count(),
            Self::Direct { .. } => extent.pixels(),
        }
    }

    /// Columns of the left and the right matrix for `inputs` and `outputs` channels.
    fn columns(self, inputs: usize, outputs: usize) -> [usize; 2] {
        match self {
            Self::Winograd(_) => [inputs, outputs],
            Self::Direct { input, output } => [inputs * input.offsets.len(), outputs * output.offsets.len()],
        }
    }

    /// # Safety
    /// As [`gather`].
    unsafe fn read(self, isa: Isa, extent: Extent, sources: &[RawSource], rows: Rows, matrix: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe {
            match self {
                Self::Winograd(tile) => transform_input(isa, &Tiles::of(tile, extent), sources, rows, matrix),
                Self::Direct { input, .. } => gather(isa, extent, input, sources, rows, matrix),
            }
        }
    }

    /// # Safety
    /// As [`gather`].
    unsafe fn read_gradient(self, isa: Isa, extent: Extent, source: &RawSource, rows: Rows, matrix: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe {
            match self {
                Self::Winograd(tile) => transform_gradient(isa, &Tiles::of(tile, extent), source, rows, matrix),
                Self::Direct { output, .. } => {
                    gather(isa, extent, output, std::slice::from_ref(source), rows, matrix);
                }
            }
        }
    }

    /// # Safety
    /// As [`scatter`].
    unsafe fn write(
        self,
        isa: Isa,
        extent: Extent,
        (sinks, bias): (&[RawSink], *const f32),
        rows: Rows,
        matrix: *const f32,
    ) {
        // SAFETY: the caller's contract.
        unsafe {
            match self {
                Self::Winograd(tile) => transform_output(isa, &Tiles::of(tile, extent), sinks, rows, matrix),
                Self::Direct { output, .. } => scatter(isa, extent, output, sinks, bias, rows, matrix),
            }
        }
    }
}

/// Channels, with padding, of planes that are read or written together.
pub(super) fn channels_of(sources: &[Source<'_>]) -> usize {
    sources.iter().map(|source| source.planes.channels).sum()
}

/// The vectors that divide the channels of all sources and sinks.
fn isa_for(isa: Isa, sources: &[RawSource], sinks: &[RawSink]) -> Isa {
    let channels = sources.iter().map(|source| source.channels).chain(sinks.iter().map(|sink| sink.channels));
    isa.for_channels(&channels.collect::<Vec<_>>())
}

/// A convolution without its data; rows are pixels or tiles of `extent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution {
    pub isa: Isa,
    pub form: Form,
    pub extent: Extent,
}

impl Convolution {
    /// Convolves the channels of all sources into those of all sinks. The bias has a number for each
    /// channel of the one sink, with padding.
    pub fn run(self, sources: &[Source<'_>], filter: &Filter<'_>, bias: Option<&[f32]>, sinks: &mut [Sink<'_>]) {
        let Self { isa, form, extent } = self;
        let sources: Vec<RawSource> = sources.iter().map(RawSource::of).collect();
        let sinks: Vec<RawSink> = sinks.iter_mut().map(RawSink::of).collect();
        let isa = isa_for(isa, &sources, &sinks);
        let inputs = sources.iter().map(|source| source.channels).sum();
        let outputs = sinks.iter().map(|sink| sink.channels).sum();
        let [k, n] = form.columns(inputs, outputs);
        let frequencies = form.frequencies();
        let lanes = isa.lanes();
        let product = |rows| Product { frequencies, rows, k_blocks: k / lanes, n_blocks: n / lanes };
        let panels = filter.panels(isa, form, &product(0));
        let total = form.rows(extent);
        let step = rows_of_a_task(total, frequencies * (k + n));
        (0..total.div_ceil(step)).into_par_iter().for_each(|task| {
            let first = task * step;
            let count = step.min(total - first);
            let product = product(count);
            let [of_left, of_result] = [product.left(lanes), product.right(lanes)];
            let mut left = Buffer::any(frequencies * of_left.frequency);
            let mut result = Buffer::any(frequencies * of_result.frequency);
            let rows = |layout| Rows { first, count, layout, at: 0 };
            let bias = bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
            // SAFETY: the buffers have the sizes of the product; each task writes its own rows' pixels.
            unsafe {
                form.read(isa, extent, &sources, rows(of_left), left.as_mut_ptr());
                multiply(isa, &product, left.as_ptr(), panels.as_ptr(), result.as_mut_ptr());
                form.write(isa, extent, (&sinks, bias), rows(of_result), result.as_ptr());
            }
        });
    }

    /// The gradient to a filter's weights, in the layout of the weights: of the convolution of all
    /// sources that had `gradient` at its output. Sums run over rows in order, whatever the number of
    /// threads.
    pub fn weight_gradient(self, sources: &[Source<'_>], gradient: &Source<'_>, filter: &Filter<'_>) -> Vec<f32> {
        let Self { isa, form, extent } = self;
        let sources: Vec<RawSource> = sources.iter().map(RawSource::of).collect();
        let gradient = RawSource::of(gradient);
        let isa = isa_for(isa.for_channels(&[gradient.channels]), &sources, &[]);
        let [k, n] = form.columns(sources.iter().map(|source| source.channels).sum(), gradient.channels);
        let (frequencies, lanes) = (form.frequencies(), isa.lanes());
        let total = form.rows(extent);
        let step = (STEP_NUMBERS / (frequencies * (k + n))).clamp(GATHERED_ROWS, total.max(GATHERED_ROWS));
        let product = |rows| Product { frequencies, rows, k_blocks: k / lanes, n_blocks: n / lanes };
        let largest = product(step.min(total));
        let mut left = Buffer::any(frequencies * largest.left(lanes).frequency);
        let mut right = Buffer::any(frequencies * largest.right(lanes).frequency);
        let mut sums = Buffer::any(frequencies * largest.panels(lanes));
        for first in (0..total).step_by(step) {
            let count = step.min(total - first);
            let product = product(count);
            let matrices = [Shared(left.as_mut_ptr()), Shared(right.as_mut_ptr())];
            (0..count.div_ceil(GATHERED_ROWS)).into_par_iter().for_each(|part| {
                let at = part * GATHERED_ROWS;
                let rows = |layout| Rows { first: first + at, count: GATHERED_ROWS.min(count - at), layout, at };
                // SAFETY: each part writes its own rows of the matrices, which have room for `count`.
                unsafe {
                    form.read(isa, extent, &sources, rows(product.left(lanes)), matrices[0].pointer());
                    form.read_gradient(isa, extent, &gradient, rows(product.right(lanes)), matrices[1].pointer());
                }
            });
            let result = Shared(sums.as_mut_ptr());
            (0..frequencies * product.k_blocks).into_par_iter().for_each(|part| {
                let (frequency, k_block) = (part / product.k_blocks, part % product.k_blocks);
                let part = Part { frequency, k_block, added: first > 0 };
                let [left, right] = [matrices[0].pointer(), matrices[1].pointer()];
                // SAFETY: each part has rows of the sums to itself.
                unsafe { multiply_transposed(isa, &product, part, left, right, result.pointer()) }
            });
        }
        filter.restore(isa, form, &largest, &sums)
    }
}

/// How many rows are worked on at once: as many as the cache takes, in an even number of tasks.
fn rows_of_a_task(total: usize, numbers_a_row: usize) -> usize {
    let fitting = (TASK_NUMBERS / numbers_a_row).max(TASK_ROWS);
    let tasks = total.div_ceil(fitting).next_multiple_of(2);
    total.div_ceil(tasks).max(1)
}

/// Memory that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut f32);

impl Shared {
    pub fn pointer(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: who shares the pointer divides the memory among the threads.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

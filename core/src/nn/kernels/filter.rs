//! A convolution's weights, as products need them.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    convolution::{Form, Shared},
    lanes::{Isa, LEAST_LANES, MOST_LANES},
    multiply::{PANEL, Product},
    winograd::Tile,
    winograd_weights::{TAPS, restore_weights, transform_weights},
};

/// Stands for a channel that is padding.
pub(super) const PADDING: usize = usize::MAX;

/// Weights and where in them the one for input channel `k`, output channel `n` and tap `t` is:
/// at `k · k_stride + n · n_stride + t`.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    pub values: &'a [f32],
    pub taps: usize,
    pub k_stride: usize,
    pub n_stride: usize,
    /// Taps in reversed order, as the gradient to a 3x3 convolution's input needs them.
    pub reversed: bool,
    /// Channel of the weights for each channel of the planes; [`PADDING`] where there is none.
    pub k_channels: &'a [usize],
    pub n_channels: &'a [usize],
}

impl Filter<'_> {
    /// The same weights for the gradient to the input: inputs and outputs change places.
    pub fn backward(self) -> Self {
        Self {
            k_stride: self.n_stride,
            n_stride: self.k_stride,
            k_channels: self.n_channels,
            n_channels: self.k_channels,
            reversed: !self.reversed && self.taps == 9,
            ..self
        }
    }

    /// The right-hand side of [`multiply`](super::multiply::multiply) for a [`Product`].
    pub fn panels(&self, isa: Isa, form: Form, product: &Product) -> Buffer {
        let lanes = isa.lanes();
        let ([k, n], frequency) = (product.columns(lanes), product.panels(lanes));
        let mut panels = Buffer::any(product.frequencies * frequency);
        let shared = Shared(panels.as_mut_ptr());
        let width = PANEL * lanes;
        let places = self.places([k, n]);
        (0..n.div_ceil(width)).into_par_iter().for_each(|panel| {
            let columns = panel * width..n.min((panel + 1) * width);
            // SAFETY: each panel is written by one thread.
            let to = unsafe { shared.pointer().add(columns.start * k) };
            match form {
                Form::Winograd(tile) => self.transformed(isa, tile, columns, to, frequency),
                Form::Direct { .. } => {
                    // SAFETY: as above.
                    let to = unsafe { std::slice::from_raw_parts_mut(to, columns.len() * k) };
                    match lanes {
                        MOST_LANES => places.copy::<MOST_LANES>(self.values, columns, to),
                        _ => places.copy::<LEAST_LANES>(self.values, columns, to),
                    }
                }
            }
        });
        panels
    }

    /// The weights of `N` columns for some rows, `[row][tap][lane]`.
    fn taps_of(&self, rows: Range<usize>, columns: Range<usize>, taps: &mut [f32]) {
        let lanes = columns.len();
        for (vector, row) in taps.chunks_exact_mut(TAPS * lanes).zip(rows) {
            for (lane, column) in columns.clone().enumerate() {
                let (from, to) = (self.k_channels[row], self.n_channels[column]);
                let real = from != PADDING && to != PADDING;
                let at = if real { from * self.k_stride + to * self.n_stride } else { 0 };
                let weights = &self.values[at..at + TAPS];
                for tap in 0..TAPS {
                    let weight = weights[if self.reversed { TAPS - 1 - tap } else { tap }];
                    vector[tap * lanes + lane] = if real { weight } else { 0.0 };
                }
            }
        }
    }

    /// Transforms columns of the matrix into their panel of each frequency.
    fn transformed(&self, isa: Isa, tile: Tile, columns: Range<usize>, to: *mut f32, frequency: usize) {
        let (lanes, width) = (isa.lanes(), columns.len());
        let mut taps = [0.0; ROW_GROUP * TAPS * MOST_LANES];
        for start in columns.clone().step_by(lanes) {
            for rows in groups(self.k_channels.len()) {
                self.taps_of(rows.clone(), start..start + lanes, &mut taps[..rows.len() * TAPS * lanes]);
                let at = rows.start * width + (start - columns.start);
                // SAFETY: these rows and columns belong to the panel.
                unsafe { transform_weights(isa, tile, rows.len(), taps.as_ptr(), to.add(at), [width, frequency]) };
            }
        }
    }

    /// Of the whole matrix. Taps are along the side that is longer than its channels.
    fn places(&self, [k, n]: [usize; 2]) -> Places {
        let along = |len: usize, channels: &[usize], stride: usize| -> Vec<usize> {
            let place = |tap: usize, channel: usize| if channel == PADDING { PADDING } else { channel * stride + tap };
            let taps = 0..len / channels.len();
            taps.flat_map(|tap| channels.iter().map(move |channel| place(tap, *channel))).collect()
        };
        Places {
            channels: along(self.k_channels.len(), self.k_channels, self.k_stride),
            taps: k / self.k_channels.len(),
            reversed: self.reversed,
            columns: along(n, self.n_channels, self.n_stride),
        }
    }

    /// Weights in their own layout from sums `[frequency][k][n]`, as
    /// [`multiply_transposed`](super::multiply::multiply_transposed) leaves them.
    pub fn restore(&self, isa: Isa, form: Form, product: &Product, sums: &[f32]) -> Vec<f32> {
        let mut gradient = vec![0.0; self.values.len()];
        let shared = Shared(gradient.as_mut_ptr());
        let lanes = isa.lanes();
        let [k, n] = product.columns(lanes);
        let places = self.places([k, n]);
        (0..n / lanes).into_par_iter().for_each(|block| {
            let columns = block * lanes..(block + 1) * lanes;
            // SAFETY: each column has weights of its own.
            let set = |at: usize, value: f32| unsafe { *shared.pointer().add(at) = value };
            match form {
                Form::Winograd(_) => self.restore_transformed(isa, columns, product, sums, set),
                Form::Direct { .. } if lanes == MOST_LANES => places.restore::<MOST_LANES>(columns.start, sums, set),
                Form::Direct { .. } => places.restore::<LEAST_LANES>(columns.start, sums, set),
            }
        });
        gradient
    }

    fn restore_transformed(
        &self,
        isa: Isa,
        columns: Range<usize>,
        product: &Product,
        sums: &[f32],
        set: impl Fn(usize, f32),
    ) {
        let (lanes, strides) = (isa.lanes(), product.sums(isa.lanes()));
        let mut taps = [0.0; ROW_GROUP * TAPS * MOST_LANES];
        for rows in groups(self.k_channels.len()) {
            let from = sums[rows.start * strides[0] + columns.start..].as_ptr();
            // SAFETY: these rows and columns belong to the sums, and `taps` has room for the rows.
            unsafe { restore_weights(isa, rows.len(), from, strides, taps.as_mut_ptr()) };
            for (lane, column) in columns.clone().enumerate() {
                for (vector, row) in rows.clone().enumerate() {
                    let (from, to) = (self.k_channels[row], self.n_channels[column]);
                    if from == PADDING || to == PADDING {
                        continue;
                    }
                    let at = from * self.k_stride + to * self.n_stride;
                    for tap in 0..TAPS {
                        set(at + tap, taps[(vector * TAPS + tap) * lanes + lane]);
                    }
                }
            }
        }
    }
}

/// Rows of a matrix that are copied before the next column: what they touch fits the first-level cache.
const ROW_GROUP: usize = 8;

fn groups(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(ROW_GROUP).map(move |first| first..rows.min(first + ROW_GROUP))
}

/// Where the weights of a matrix `[tap][channel][column]` are: at the sum of the channel's place, the
/// tap and the column's place, each [`PADDING`] where there is none.
struct Places {
    channels: Vec<usize>,
    taps: usize,
    reversed: bool,
    columns: Vec<usize>,
}

impl Places {
    /// Calls `each(row, column, place)` for a group of channels, taps of a weight at a time, as they lie in memory.
    #[inline(always)]
    fn visit(&self, group: Range<usize>, columns: Range<usize>, mut each: impl FnMut(usize, usize, Option<usize>)) {
        for column in columns {
            for channel in group.clone() {
                let (from, to) = (self.channels[channel], self.columns[column]);
                let real = from != PADDING && to != PADDING;
                let start = if real { from + to } else { 0 };
                for tap in 0..self.taps {
                    let place = start + if self.reversed { self.taps - 1 - tap } else { tap };
                    each(tap * self.channels.len() + channel, column, real.then_some(place));
                }
            }
        }
    }

    /// The first of a run of weights that a group of channels has for each column, if they lie one after
    /// the other.
    fn run_of(&self, group: &Range<usize>) -> Option<usize> {
        let first = self.channels[group.start];
        let follows = |(number, place): (usize, &usize)| *place == first.wrapping_add(number * self.taps);
        let runs =
            self.taps <= TAPS && first != PADDING && self.channels[group.clone()].iter().enumerate().all(follows);
        runs.then_some(first)
    }

    /// Calls `each(row of the matrix, place in the run)` for each weight of a group's run.
    #[inline(always)]
    fn each_of_run(&self, group: &Range<usize>, mut each: impl FnMut(usize, usize)) {
        for (number, channel) in group.clone().enumerate() {
            for tap in 0..self.taps {
                let matrix_tap = if self.reversed { self.taps - 1 - tap } else { tap };
                each(matrix_tap * self.channels.len() + channel, number * self.taps + tap);
            }
        }
    }

    /// Columns of the matrix, one row after the other; `LANES` divides their number.
    fn copy<const LANES: usize>(&self, values: &[f32], columns: Range<usize>, panel: &mut [f32]) {
        let width = columns.len();
        let mut block = [[0.0; LANES]; ROW_GROUP * TAPS];
        for group in groups(self.channels.len()) {
            let Some(start) = self.run_of(&group) else {
                self.visit(group, columns.clone(), |row, column, place| {
                    panel[row * width + column - columns.start] = place.map_or(0.0, |place| values[place]);
                });
                continue;
            };
            let run = group.len() * self.taps;
            for first in columns.clone().step_by(LANES) {
                for lane in 0..LANES {
                    let to = self.columns[first + lane];
                    let weights: &[f32] = if to == PADDING { &[0.0; ROW_GROUP * TAPS] } else { &values[start + to..] };
                    for (vector, weight) in block[..run].iter_mut().zip(weights) {
                        vector[lane] = *weight;
                    }
                }
                self.each_of_run(&group, |row, at| {
                    panel[row * width + first - columns.start..][..LANES].copy_from_slice(&block[at]);
                });
            }
        }
    }

    /// Weights from `LANES` columns of the whole matrix, the first of them at `first`.
    fn restore<const LANES: usize>(&self, first: usize, sums: &[f32], set: impl Fn(usize, f32)) {
        let stride = self.columns.len();
        let mut block = [[0.0; LANES]; ROW_GROUP * TAPS];
        for group in groups(self.channels.len()) {
            let Some(start) = self.run_of(&group) else {
                self.visit(group, first..first + LANES, |row, column, place| {
                    if let Some(place) = place {
                        set(place, sums[row * stride + column]);
                    }
                });
                continue;
            };
            self.each_of_run(&group, |row, at| block[at].copy_from_slice(&sums[row * stride + first..][..LANES]));
            for lane in 0..LANES {
                let to = self.columns[first + lane];
                if to != PADDING {
                    let vectors = block[..group.len() * self.taps].iter().enumerate();
                    vectors.for_each(|(at, vector)| set(start + to + at, vector[lane]));
                }
            }
        }
    }
}

/// The channels of planes that hold `parts` one after the other, each padded.
pub(super) fn channel_map(parts: &[usize]) -> Vec<usize> {
    let mut first = 0;
    let mut map = Vec::new();
    for &channels in parts {
        let padding = super::planes::padded(channels) - channels;
        map.extend(first..first + channels);
        map.extend(std::iter::repeat_n(PADDING, padding));
        first += channels;
    }
    map
}

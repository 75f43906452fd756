//! A convolution's weights, as products need them.

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    convolution::{Form, Shared},
    lanes::Isa,
    multiply::PANEL,
    winograd::{Tile, restore_weights, transform_weights},
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

    /// The right-hand side of [`multiply`](super::multiply::multiply) with `k` rows and `n` columns.
    pub fn panels(&self, isa: Isa, form: Form, [k, n]: [usize; 2]) -> Buffer {
        let frequencies = form.frequencies();
        let mut panels = Buffer::any(frequencies * k * n);
        let shared = Shared(panels.as_mut_ptr());
        let lanes = isa.lanes();
        let width = PANEL * lanes;
        let offsets = self.offsets([k, n]);
        (0..n.div_ceil(width)).into_par_iter().for_each(|panel| {
            let columns = panel * width..n.min((panel + 1) * width);
            // SAFETY: each panel is written by one thread.
            let part = |frequency: usize| unsafe {
                let start = shared.pointer().add((frequency * n + columns.start) * k);
                std::slice::from_raw_parts_mut(start, columns.len() * k)
            };
            match (form, lanes) {
                (Form::Winograd(tile), 16) => self.transformed::<16>(tile, columns.clone(), k, part),
                (Form::Winograd(tile), _) => self.transformed::<8>(tile, columns.clone(), k, part),
                _ => self.copied(columns.clone(), &offsets, part(0)),
            }
        });
        panels
    }

    fn copied(
        &self,
        columns: std::ops::Range<usize>,
        (rows, all_columns): &(Vec<usize>, Vec<usize>),
        panel: &mut [f32],
    ) {
        for (row, values) in rows.iter().zip(panel.chunks_exact_mut(columns.len())) {
            for (column, value) in all_columns[columns.clone()].iter().zip(values) {
                let real = *row != PADDING && *column != PADDING;
                *value = if real { self.values[row + column] } else { 0.0 };
            }
        }
    }

    fn transformed<'p, const N: usize>(
        &self,
        tile: Tile,
        columns: std::ops::Range<usize>,
        k: usize,
        part: impl Fn(usize) -> &'p mut [f32],
    ) {
        let mut panels: Vec<&mut [f32]> = (0..tile.frequencies()).map(part).collect();
        for row in 0..k {
            for start in columns.clone().step_by(N) {
                let mut taps = [[0.0; N]; 9];
                for lane in 0..N {
                    let (from, to) = (self.k_channels[row], self.n_channels[start + lane]);
                    if from == PADDING || to == PADDING {
                        continue;
                    }
                    let at = from * self.k_stride + to * self.n_stride;
                    let weights = &self.values[at..at + 9];
                    for tap in 0..9 {
                        taps[tap][lane] = weights[if self.reversed { 8 - tap } else { tap }];
                    }
                }
                let at = row * columns.len() + (start - columns.start);
                for (panel, values) in panels.iter_mut().zip(transform_weights(tile, &taps)) {
                    panel[at..at + N].copy_from_slice(&values);
                }
            }
        }
    }

    /// Numbers whose sum is where the weight of a row and a column of the whole matrix is, or
    /// [`PADDING`]. Taps are along the side that is longer than its channels.
    fn offsets(&self, [k, n]: [usize; 2]) -> (Vec<usize>, Vec<usize>) {
        let along = |len: usize, channels: &[usize], stride: usize, reversed: bool| -> Vec<usize> {
            let taps = len / channels.len();
            let tap = |at: usize| if reversed && taps > 1 { taps - 1 - at } else { at };
            let places = (0..taps).flat_map(|at| channels.iter().map(move |channel| (*channel, tap(at))));
            places.map(|(channel, tap)| if channel == PADDING { PADDING } else { channel * stride + tap }).collect()
        };
        let rows = along(k, self.k_channels, self.k_stride, self.reversed);
        (rows, along(n, self.n_channels, self.n_stride, self.reversed))
    }

    /// Weights in their own layout from sums `[frequency][k][n]`.
    pub fn restore(&self, form: Form, [k, n]: [usize; 2], sums: &[f32]) -> Vec<f32> {
        let mut gradient = vec![0.0; self.values.len()];
        let shared = Shared(gradient.as_mut_ptr());
        // SAFETY: each column has weights of its own.
        let set = |at: usize, value: f32| unsafe { *shared.pointer().add(at) = value };
        if let Form::Winograd(_) = form {
            (0..n).into_par_iter().for_each(|column| self.restore_column(column, [k, n], sums, set));
            return gradient;
        }
        let (rows, columns) = self.offsets([k, n]);
        columns.par_iter().enumerate().filter(|(_, column)| **column != PADDING).for_each(|(at, column)| {
            for (row, from) in rows.iter().enumerate().filter(|(_, row)| **row != PADDING) {
                set(from + column, sums[row * n + at]);
            }
        });
        gradient
    }

    fn restore_column(&self, column: usize, [k, n]: [usize; 2], sums: &[f32], set: impl Fn(usize, f32)) {
        let to = self.n_channels[column];
        for (row, &from) in self.k_channels.iter().enumerate() {
            if from == PADDING || to == PADDING {
                continue;
            }
            let numbers = std::array::from_fn(|frequency| sums[(frequency * k + row) * n + column]);
            let at = from * self.k_stride + to * self.n_stride;
            for (tap, value) in restore_weights(&numbers).into_iter().enumerate() {
                set(at + tap, value);
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

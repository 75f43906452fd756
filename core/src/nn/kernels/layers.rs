//! How fast the network's convolutions are, one by one, and how fast the processor could be.

use std::time::Instant;

use rayon::prelude::*;

use super::{
    convolution::{Convolution, Form, Shared},
    filter::{Filter, channel_map},
    lanes::Isa,
    multiply::{Product, multiply},
    planes::{Extent, Planes, Sink, Source},
    winograd::Tile,
};

/// One 3x3 convolution of the network: how long it takes for one batch, seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTime {
    /// Channels in and out, and the side of its planes.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Rows and columns.
    pub side: usize,
    /// Multiplications and additions of the plain sum, for one of the three.
    pub flop: f64,
    /// The convolution.
    pub forward_s: f64,
    /// The gradient to its input.
    pub input_gradient_s: f64,
    /// The gradient to its weights.
    pub weight_gradient_s: f64,
}

/// The fastest of several runs, after one that does not count.
fn fastest(repetitions: usize, mut work: impl FnMut()) -> f64 {
    work();
    let run = |_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    (0..repetitions).map(run).fold(f64::INFINITY, f64::min)
}

/// Times every kind of 3x3 convolution of a network of `width` on `batch` square images.
#[must_use]
pub fn layer_times(width: usize, batch: usize, side: usize, repetitions: usize) -> Vec<LayerTime> {
    let mut found = Vec::new();
    for level in 0..6 {
        let (channels, side) = ((width << level) / 2, side >> level);
        let mut inputs = vec![channels];
        if level < 5 {
            inputs.push(2 * channels);
        }
        for inputs in inputs {
            found.push(layer_time([inputs, channels], Extent { batch, height: side, width: side }, repetitions));
        }
    }
    found
}

fn layer_time([inputs, outputs]: [usize; 2], extent: Extent, repetitions: usize) -> LayerTime {
    let isa = Isa::detect();
    let values = |len: usize| (0..len).map(|i| ((i % 13) as f32 - 6.0) / 8.0).collect::<Vec<_>>();
    let input = Planes::of_channels_first(&values(extent.pixels() * inputs), extent, inputs);
    let gradient = Planes::of_channels_first(&values(extent.pixels() * outputs), extent, outputs);
    let weights = values(inputs * outputs * 9);
    let (k, n) = (channel_map(&[inputs]), channel_map(&[outputs]));
    let (k_channels, n_channels) = (&k[..], &n[..]);
    let filter = Filter {
        values: &weights,
        taps: 9,
        k_stride: 9,
        n_stride: 9 * inputs,
        reversed: false,
        k_channels,
        n_channels,
    };
    let (source, output) = (Source::plain(&input), Source::plain(&gradient));
    let [exact, coarse] = [Tile::Two, Tile::Four].map(|tile| Form::square(extent, tile));
    let mut result = Planes::any(extent, outputs);
    let mut to_input = Planes::any(extent, inputs);
    LayerTime {
        inputs,
        outputs,
        side: extent.height,
        flop: 18.0 * (extent.pixels() * inputs * outputs) as f64,
        forward_s: fastest(repetitions, || {
            Convolution { isa, form: exact, extent }.run(&[source], &filter, None, &mut [Sink::whole(&mut result)]);
        }),
        input_gradient_s: fastest(repetitions, || {
            let sinks = &mut [Sink::whole(&mut to_input)];
            Convolution { isa, form: coarse, extent }.run(&[output], &filter.backward(), None, sinks);
        }),
        weight_gradient_s: fastest(repetitions, || {
            drop(Convolution { isa, form: coarse, extent }.weight_gradient(&[source], &output, &filter));
        }),
    }
}

/// Multiplications and additions a second of a large product of float32 matrices on all threads.
#[must_use]
pub fn peak_flop_per_second() -> f64 {
    const ROWS: usize = 96;
    const COLUMNS: usize = 256;
    const REPEATED: usize = 64;
    let isa = Isa::detect();
    let blocks = COLUMNS / isa.lanes();
    let product = Product { frequencies: 1, rows: ROWS, k_blocks: blocks, n_blocks: blocks };
    let threads = rayon::current_num_threads();
    let numbers = product.left(isa.lanes()).frequency;
    let (left, right) = (vec![0.5_f32; numbers], vec![0.5_f32; COLUMNS * COLUMNS]);
    let mut results = vec![vec![0.0_f32; numbers]; threads];
    let outputs: Vec<Shared> = results.iter_mut().map(|result| Shared(result.as_mut_ptr())).collect();
    let seconds = fastest(5, || {
        outputs.par_iter().for_each(|output| {
            for _ in 0..REPEATED {
                // SAFETY: the matrices have the sizes of the product; each thread has a result of its own.
                unsafe { multiply(isa, &product, left.as_ptr(), right.as_ptr(), output.pointer()) };
            }
        });
    });
    (2 * threads * REPEATED * ROWS * COLUMNS * COLUMNS) as f64 / seconds
}

//! The whole [`Unet`](crate::nn::Unet), forward and backward, in one piece: planes stay in
//! the kernels' layout from the first convolution to the last, normalisation and ReLU are applied
//! where planes are read, and nothing is kept that the gradient does not need.

mod backward;

pub use backward::backward;

use rayon::prelude::*;

use super::{
    convolution::{Convolution, Form},
    filter::{Filter, channel_map},
    lanes::Isa,
    normalization::{self, Scaling, Statistics},
    planes::{Activation, Extent, Planes, Sink, Source, padded},
    pooling::pool,
    winograd::Tile,
};
use crate::nn::batch_norm::EPSILON;

/// Times that the size is halved.
const HALVINGS: usize = 5;
/// Tensors of a convolution with its normalisation.
const UNIT_TENSORS: usize = 4;
/// Taps of a 3x3 convolution.
const SQUARE_TAPS: usize = 9;
/// Taps of a transposed 2x2 convolution.
const QUAD_TAPS: usize = 4;

/// Number of convolutions with normalisation: two at each level down and up.
pub const UNITS: usize = 2 * (2 * HALVINGS + 1);
/// Number of tensors in [`Architecture`]'s order.
pub const PARAMETERS: usize = UNITS * UNIT_TENSORS + 2 * HALVINGS + 2;

/// Channels of the network.
///
/// Its parameters come as one list of tensors in torch's layouts: for each 3x3 convolution, in the
/// order of the forward pass, weight `[out, in, 3, 3]`, bias, and the normalisation's weight and
/// bias; then weight `[in, out, 2, 2]` and bias of each transposed convolution; then weight
/// `[class, in, 1, 1]` and bias of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// Channels at the second level; the first has half of it, each further one twice the last.
    pub width: usize,
    /// Channels of the images.
    pub input: usize,
    /// Channels of the result.
    pub output: usize,
}

impl Architecture {
    fn level(&self, level: usize) -> usize {
        (self.width << level) / 2
    }

    /// Bytes of the patches of images `[batch, y, x]`.
    pub fn patch_bytes(&self, [batch, height, width]: [usize; 3]) -> u64 {
        let extent = Extent { batch, height, width };
        (extent.pixels() * padded(self.input * SQUARE_TAPS) * size_of::<f32>()) as u64
    }

    /// Bytes that a pass which keeps nothing takes for `[batch, y, x]` beside patches and weights: images, at each level the
    /// halved planes and the results of two convolutions, which the way up uses again, and the logits in both layouts.
    pub fn plane_bytes(&self, [batch, height, width]: [usize; 3]) -> u64 {
        let mut extent = Extent { batch, height, width };
        let mut numbers = extent.pixels() * (self.input + 2 * self.output);
        let mut above = 0;
        for level in 0..=HALVINGS {
            let channels = padded(self.level(level));
            numbers += extent.pixels() * (above + 2 * channels);
            (extent, above) = (extent.halved(), channels);
        }
        (numbers * size_of::<f32>()) as u64
    }

    /// Bytes that a pass with its gradient takes for `[batch, y, x]` beside weights: images and patches, at each level what the
    /// gradient needs and the gradients of skip connections, and those of the first level, where they are largest.
    pub fn training_bytes(&self, [batch, height, width]: [usize; 3]) -> u64 {
        /// Planes of the first level that hold gradients at once: to a result, between two convolutions, to both inputs, and in
        /// what is summed over threads.
        const GRADIENTS: usize = 6;
        let mut extent = Extent { batch, height, width };
        let mut numbers = extent.pixels() * (self.input + padded(self.input * SQUARE_TAPS) + 2 * self.output);
        numbers += extent.pixels() * (padded(self.output) + GRADIENTS * padded(self.level(0)));
        let mut above = 0;
        for level in 0..=HALVINGS {
            let channels = padded(self.level(level));
            // Two results down; but at the lowest level two up, what came from below, and the skip connection's gradient.
            let kept = if level == HALVINGS { 2 } else { 6 };
            numbers += extent.pixels() * (above + kept * channels);
            (extent, above) = (extent.halved(), channels);
        }
        (numbers * size_of::<f32>()) as u64
    }
}

/// Statistics that a forward pass normalises with.
#[derive(Debug, Clone, Copy)]
pub enum Normalizing<'a> {
    /// The batch's own.
    Batch,
    /// Running mean and variance of each of the [`UNITS`] layers.
    Running(&'a [[&'a [f32]; 2]]),
}

/// What a normalisation saw of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Variance of each channel: squares divided by the number of values.
    pub variance: Vec<f32>,
    /// Values of a channel.
    pub values: usize,
}

/// What becomes of planes that a forward pass does not need any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They stay for [`backward`].
    ForGradient,
    /// Their memory serves the next layers.
    Nothing,
}

/// What a forward pass leaves behind.
pub struct Pass {
    /// `[batch, class, y, x]`
    pub logits: Vec<f32>,
    /// One for each of the [`UNITS`]; empty where running statistics were used.
    pub moments: Vec<Seen>,
    /// What [`backward`] needs, if it was to be kept.
    pub trace: Trace,
}

/// Planes of a forward pass that its gradient needs.
#[derive(Debug)]
pub struct Trace {
    extent: Extent,
    patches: Planes,
    down: Vec<[Unit; 2]>,
    pooled: Vec<Planes>,
    up: Vec<[Unit; 2]>,
    upsampled: Vec<Planes>,
}

/// A convolution's result and how it is normalised.
#[derive(Debug)]
struct Unit {
    planes: Planes,
    statistics: Statistics,
    activation: Activation,
}

impl Unit {
    fn source(&self) -> Source<'_> {
        Source::activated(&self.planes, &self.activation)
    }
}

/// The network's parameters, by their place in the list.
#[derive(Clone, Copy)]
struct Parameters<'a>(&'a [&'a [f32]]);

impl<'a> Parameters<'a> {
    fn unit(self, unit: usize) -> UnitParameters<'a> {
        let [weight, bias, scale, shift] = std::array::from_fn(|i| self.0[UNIT_TENSORS * unit + i]);
        UnitParameters { weight, bias, scaling: Scaling { weight: scale, bias: shift, epsilon: EPSILON as f32 } }
    }

    fn up(self, step: usize) -> [&'a [f32]; 2] {
        std::array::from_fn(|i| self.0[up_at(step) + i])
    }

    fn last(self) -> [&'a [f32]; 2] {
        std::array::from_fn(|i| self.0[LAST_AT + i])
    }
}

#[derive(Clone, Copy)]
struct UnitParameters<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    scaling: Scaling<'a>,
}

/// Where the tensors of a transposed convolution are.
fn up_at(step: usize) -> usize {
    UNITS * UNIT_TENSORS + 2 * step
}

const LAST_AT: usize = UNITS * UNIT_TENSORS + 2 * HALVINGS;

/// The first of the two units of a step up; those of level `l` down are `2 l` and `2 l + 1`.
fn unit_up(step: usize) -> usize {
    2 * (HALVINGS + 1 + step)
}

/// Inputs and outputs of a convolution, as its filter needs them.
struct Channels {
    k: Vec<usize>,
    n: Vec<usize>,
}

impl Channels {
    fn new(inputs: &[usize], outputs: &[usize]) -> Self {
        Self { k: channel_map(inputs), n: channel_map(outputs) }
    }

    /// Number of inputs and outputs without padding.
    fn real(map: &[usize]) -> usize {
        map.iter().filter(|channel| **channel != super::filter::PADDING).count()
    }

    /// Weights `[out, in, taps]`.
    fn filter<'a>(&'a self, values: &'a [f32], taps: usize) -> Filter<'a> {
        let n_stride = Self::real(&self.k) * taps;
        let (k_channels, n_channels) = (&self.k, &self.n);
        Filter { values, taps, k_stride: taps, n_stride, reversed: false, k_channels, n_channels }
    }

    /// Weights `[in, out, taps]` of a transposed convolution.
    fn transposed<'a>(&'a self, values: &'a [f32]) -> Filter<'a> {
        let k_stride = Self::real(&self.n) * QUAD_TAPS;
        let (k_channels, n_channels) = (&self.k, &self.n);
        Filter { values, taps: QUAD_TAPS, k_stride, n_stride: QUAD_TAPS, reversed: false, k_channels, n_channels }
    }
}

/// One pass over `images`, `[batch, channel, y, x]`, through the network of `parameters`.
///
/// # Panics
/// If there are not as many parameters or image values as the architecture and the extent say.
#[must_use]
pub fn forward(
    isa: Isa,
    architecture: &Architecture,
    parameters: &[&[f32]],
    images: &[f32],
    [batch, height, width]: [usize; 3],
    (normalizing, keep): (Normalizing<'_>, Keep),
) -> Pass {
    assert_eq!(parameters.len(), PARAMETERS);
    let extent = Extent { batch, height, width };
    assert_eq!(images.len(), extent.pixels() * architecture.input);
    let run = Run { isa, architecture, parameters: Parameters(parameters), normalizing, keep };
    in_pool(|| run.forward(images, extent))
}

/// Does `work` on a thread of the pool: from outside, each of its many parallel loops would wake the
/// pool and wait for it.
fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// A forward or backward pass.
struct Run<'a> {
    isa: Isa,
    architecture: &'a Architecture,
    parameters: Parameters<'a>,
    normalizing: Normalizing<'a>,
    keep: Keep,
}

impl Run<'_> {
    /// Whoever had to read the planes has.
    fn is_read(&self, planes: &mut Planes) {
        if self.keep == Keep::Nothing {
            planes.release();
        }
    }

    fn forward(&self, images: &[f32], extent: Extent) -> Pass {
        let patches = patches(images, extent, self.architecture.input);
        let mut trace =
            Trace { extent, patches, down: Vec::new(), pooled: Vec::new(), up: Vec::new(), upsampled: Vec::new() };
        self.down(&mut trace);
        self.up(&mut trace);
        let logits = self.last(&trace);
        let units = trace.down.iter().chain(&trace.up).flatten();
        let moments = match self.normalizing {
            Normalizing::Running(_) => Vec::new(),
            Normalizing::Batch => units.enumerate().map(|(index, unit)| self.seen(index, unit)).collect(),
        };
        Pass { logits, moments, trace }
    }

    fn down(&self, trace: &mut Trace) {
        let channels = Channels::new(&[self.architecture.input * SQUARE_TAPS], &[self.architecture.level(0)]);
        let filter = channels.filter(self.parameters.unit(0).weight, 1);
        let first = self.unit(0, Form::POINT, trace.extent, &[Source::plain(&trace.patches)], &filter);
        let units = self.second(1, 0, first);
        self.is_read(&mut trace.patches);
        trace.down.push(units);
        for level in 1..=HALVINGS {
            let above = &trace.down[level - 1][1];
            let mut pooled = pool(self.isa, &above.planes, &above.activation);
            let channels = self.square_channels(&[level - 1], level);
            let filter = channels.filter(self.parameters.unit(2 * level).weight, SQUARE_TAPS);
            let form = Form::square(pooled.extent, Tile::Two);
            let first = self.unit(2 * level, form, pooled.extent, &[Source::plain(&pooled)], &filter);
            self.is_read(&mut pooled);
            trace.down.push(self.second(2 * level + 1, level, first));
            trace.pooled.push(pooled);
        }
    }

    fn up(&self, trace: &mut Trace) {
        for step in 0..HALVINGS {
            let level = HALVINGS - 1 - step;
            let below = trace.up.last_mut().unwrap_or(&mut trace.down[HALVINGS]);
            let mut upsampled = self.upsample(step, &below[1]);
            self.is_read(&mut below[1].planes);
            let skip = &trace.down[level][1];
            let channels = self.square_channels(&[level, level], level);
            let unit = unit_up(step);
            let filter = channels.filter(self.parameters.unit(unit).weight, SQUARE_TAPS);
            let extent = skip.planes.extent;
            let sources = [skip.source(), Source::plain(&upsampled).at(origin(extent, upsampled.extent))];
            let first = self.unit(unit, Form::square(extent, Tile::Two), extent, &sources, &filter);
            self.is_read(&mut trace.down[level][1].planes);
            self.is_read(&mut upsampled);
            trace.up.push(self.second(unit + 1, level, first));
            trace.upsampled.push(upsampled);
        }
    }

    fn upsample(&self, step: usize, below: &Unit) -> Planes {
        let level = HALVINGS - 1 - step;
        let channels = self.square_channels(&[level + 1], level);
        let [weight, bias] = self.parameters.up(step);
        let extent = below.planes.extent;
        let mut planes = Planes::any(extent.doubled(), self.architecture.level(level));
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(planes.channels, 0.0);
        let sinks = &mut [Sink::whole(&mut planes)];
        let filter = channels.transposed(weight);
        Convolution { isa: self.isa, form: Form::UP, extent }.run(
            &[below.source()],
            &filter,
            Some(&padded_bias),
            sinks,
        );
        planes
    }

    fn last(&self, trace: &Trace) -> Vec<f32> {
        let classes = self.architecture.output;
        let channels = Channels::new(&[self.architecture.level(0)], &[classes]);
        let [weight, bias] = self.parameters.last();
        let mut planes = Planes::any(trace.extent, classes);
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(planes.channels, 0.0);
        let filter = channels.filter(weight, 1);
        let sources = [trace.up[HALVINGS - 1][1].source()];
        let sinks = &mut [Sink::whole(&mut planes)];
        Convolution { isa: self.isa, form: Form::POINT, extent: trace.extent }.run(
            &sources,
            &filter,
            Some(&padded_bias),
            sinks,
        );
        planes.channels_first(classes)
    }

    /// Both convolutions of a level, from the first.
    fn second(&self, unit: usize, level: usize, mut first: Unit) -> [Unit; 2] {
        let channels = self.square_channels(&[level], level);
        let filter = channels.filter(self.parameters.unit(unit).weight, SQUARE_TAPS);
        let extent = first.planes.extent;
        let second = self.unit(unit, Form::square(extent, Tile::Two), extent, &[first.source()], &filter);
        self.is_read(&mut first.planes);
        [first, second]
    }

    fn unit(&self, unit: usize, form: Form, extent: Extent, sources: &[Source<'_>], filter: &Filter<'_>) -> Unit {
        let parameters = self.parameters.unit(unit);
        let mut planes = Planes::any(extent, parameters.bias.len());
        Convolution { isa: self.isa, form, extent }.run(sources, filter, None, &mut [Sink::whole(&mut planes)]);
        let statistics = match self.normalizing {
            Normalizing::Batch => normalization::statistics(self.isa, &planes),
            Normalizing::Running(running) => without_bias(running[unit], parameters.bias, planes.channels),
        };
        let activation = parameters.scaling.activation(&statistics);
        Unit { planes, statistics, activation }
    }

    /// The statistics of what a layer's normalisation saw: the convolution's result with its bias.
    fn seen(&self, index: usize, unit: &Unit) -> Seen {
        let bias = self.parameters.unit(index).bias;
        let mean = unit.statistics.mean.iter().zip(bias).map(|(mean, bias)| mean + bias).collect();
        let variance = unit.statistics.variance[..bias.len()].to_vec();
        Seen { mean, variance, values: unit.planes.extent.pixels() }
    }

    fn square_channels(&self, inputs: &[usize], output: usize) -> Channels {
        let inputs: Vec<usize> = inputs.iter().map(|level| self.architecture.level(*level)).collect();
        Channels::new(&inputs, &[self.architecture.level(output)])
    }
}

/// Running statistics in the frame of a convolution that did not add its bias.
fn without_bias([mean, variance]: [&[f32]; 2], bias: &[f32], channels: usize) -> Statistics {
    let mut mean: Vec<f32> = mean.iter().zip(bias).map(|(mean, bias)| mean - bias).collect();
    let mut variance = variance.to_vec();
    mean.resize(channels, 0.0);
    variance.resize(channels, 0.0);
    Statistics { mean, variance }
}

/// Where planes lie in a frame that is a row or column larger: of an odd number the smaller half
/// goes first.
fn origin(frame: Extent, planes: Extent) -> [usize; 2] {
    [(frame.height - planes.height) / 2, (frame.width - planes.width) / 2]
}

/// Images `[batch, channel, y, x]` as planes of their 3 x 3 neighbourhoods, nine channels a channel:
/// the first convolution has too few channels for anything else to pay.
fn patches(images: &[f32], extent: Extent, channels: usize) -> Planes {
    let mut planes = Planes::zeros(extent, channels * SQUARE_TAPS);
    let Extent { height, width, .. } = extent;
    let row = width * planes.channels;
    planes.values.par_chunks_mut(row).enumerate().for_each(|(index, to)| {
        let (plane, y) = (index / height, index % height);
        for channel in 0..channels {
            let image = &images[(plane * channels + channel) * height * width..][..height * width];
            for tap in 0..SQUARE_TAPS {
                let (from_y, shift) = ((y + tap / 3).wrapping_sub(1), tap % 3);
                if from_y >= height {
                    continue;
                }
                let line = &image[from_y * width..][..width];
                let pixels = to.chunks_exact_mut(padded(channels * SQUARE_TAPS));
                for (x, pixel) in pixels.enumerate() {
                    if let Some(value) = (x + shift).checked_sub(1).and_then(|x| line.get(x)) {
                        pixel[channel * SQUARE_TAPS + tap] = *value;
                    }
                }
            }
        }
    });
    planes
}

//! Each kernel against burn's own operation, for all vectors that this processor has.

use burn::{
    nn::pool::MaxPool2dConfig,
    tensor::{
        Device, Tensor, TensorData,
        activation::relu,
        module::{conv_transpose2d, conv2d},
        ops::{ConvOptions, ConvTransposeOptions},
    },
};
use rand::RngExt;

use super::{
    convolution::{Convolution, Form},
    filter::{Filter, channel_map},
    lanes::Isa,
    normalization::{self, Scaling, Statistics, channel_sums},
    planes::{Activation, Extent, Planes, Sink, Source},
    pooling::{pool, pool_backward},
    winograd::Tile,
};
use crate::{domain::Seed, random};

/// Sizes that are odd, small, or do not fill a tile, a vector or a task.
const EXTENTS: [[usize; 3]; 7] = [[1, 1, 1], [2, 1, 7], [3, 5, 3], [1, 13, 18], [2, 4, 4], [1, 40, 37], [3, 16, 16]];
/// Inputs and outputs.
const CHANNELS: [[usize; 2]; 5] = [[1, 1], [3, 5], [16, 16], [24, 40], [32, 16]];

/// Numbers from -1 to 1, the same in every run.
fn numbers(name: &str, len: usize) -> Vec<f32> {
    let mut generator = random::generator(Seed(7).named(name));
    (0..len).map(|_| generator.random_range(-1.0..1.0)).collect()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex().autodiff()).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32], share: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3_f32, |largest, value| largest.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= share * largest, "{what} at {place}: {found}, expected {expected} (largest {largest})");
    }
}

/// Calls `check` with the vectors, batch and size, inputs and outputs of each combination.
fn for_each_size(check: impl Fn(Isa, Extent, [usize; 2])) {
    for isa in Isa::available() {
        for [batch, height, width] in EXTENTS {
            for channels in CHANNELS {
                check(isa, Extent { batch, height, width }, channels);
            }
        }
    }
}

/// A convolution's data, and its filter for the kernels.
struct Sample {
    extent: Extent,
    channels: [usize; 2],
    input: Vec<f32>,
    weight: Vec<f32>,
    gradient: Vec<f32>,
    maps: [Vec<usize>; 2],
}

impl Sample {
    /// `growth` is how many pixels of the output there are for one of the input, along a side.
    fn new(extent: Extent, channels: [usize; 2], taps: usize, growth: usize) -> Self {
        let [inputs, outputs] = channels;
        Self {
            extent,
            channels,
            input: numbers("input", extent.pixels() * inputs),
            weight: numbers("weight", inputs * outputs * taps),
            gradient: numbers("gradient", extent.pixels() * growth * growth * outputs),
            maps: [channel_map(&[inputs]), channel_map(&[outputs])],
        }
    }

    fn filter(&self, taps: usize, k_stride: usize, n_stride: usize) -> Filter<'_> {
        let [k_channels, n_channels] = &self.maps;
        Filter { values: &self.weight, taps, k_stride, n_stride, reversed: false, k_channels, n_channels }
    }

    fn input_tensor(&self) -> Tensor<4> {
        let Extent { batch, height, width } = self.extent;
        tensor(&self.input, [batch, self.channels[0], height, width])
    }
}

fn check_convolution(isa: Isa, sample: &Sample, form: Form, backward: Form, filter: Filter<'_>, share: f32) {
    let [inputs, outputs] = sample.channels;
    let extent = sample.extent;
    let Extent { batch, height, width } = extent;
    let side = if filter.taps == 9 { 3 } else { 1 };
    let input = sample.input_tensor();
    let weight = tensor(&sample.weight, [outputs, inputs, side, side]);
    let padding = [side / 2, side / 2];
    let expected = conv2d(input.clone(), weight.clone(), None, ConvOptions::new([1, 1], padding, [1, 1], 1));
    let gradient = tensor(&sample.gradient, [batch, outputs, height, width]);
    let gradients = (expected.clone() * gradient).sum().backward();

    let planes = Planes::of_channels_first(&sample.input, extent, inputs);
    let mut result = Planes::any(extent, outputs);
    Convolution { isa, form, extent }.run(&[Source::plain(&planes)], &filter, None, &mut [Sink::whole(&mut result)]);
    let what = format!("{isa:?} {form:?} {extent:?} {:?}", sample.channels);
    assert_close(&what, &result.channels_first(outputs), &values(expected), share);

    let gradient = Planes::of_channels_first(&sample.gradient, extent, outputs);
    let output = Source::plain(&gradient);
    let mut to_input = Planes::any(extent, inputs);
    let sinks = &mut [Sink::whole(&mut to_input)];
    Convolution { isa, form: backward, extent }.run(&[output], &filter.backward(), None, sinks);
    let expected = input.grad(&gradients).unwrap();
    assert_close(&format!("{what} to input"), &to_input.channels_first(inputs), &values(expected), share);

    let to_weight =
        Convolution { isa, form: backward, extent }.weight_gradient(&[Source::plain(&planes)], &output, &filter);
    assert_close(&format!("{what} to weight"), &to_weight, &values(weight.grad(&gradients).unwrap()), share);
}

#[test]
fn square_convolutions_are_those_of_burn() {
    for_each_size(|isa, extent, channels| {
        let sample = Sample::new(extent, channels, 9, 1);
        let filter = sample.filter(9, 9, 9 * channels[0]);
        check_convolution(isa, &sample, Form::DIRECT_SQUARE, Form::DIRECT_SQUARE, filter, 1e-5);
        check_convolution(isa, &sample, Form::Winograd(Tile::Two), Form::Winograd(Tile::Four), filter, 5e-5);
    });
}

#[test]
fn point_convolutions_are_those_of_burn() {
    for_each_size(|isa, extent, channels| {
        let sample = Sample::new(extent, channels, 1, 1);
        check_convolution(isa, &sample, Form::POINT, Form::POINT, sample.filter(1, 1, channels[0]), 1e-5);
    });
}

#[test]
fn transposed_convolutions_are_those_of_burn() {
    for_each_size(|isa, extent, [inputs, outputs]| {
        let sample = Sample::new(extent, [inputs, outputs], 4, 2);
        let filter = sample.filter(4, 4 * outputs, 4);
        let Extent { batch, height, width } = extent.doubled();
        let input = sample.input_tensor();
        let weight = tensor(&sample.weight, [inputs, outputs, 2, 2]);
        let bias = numbers("bias", outputs);
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
        let expected = conv_transpose2d(input.clone(), weight.clone(), Some(tensor(&bias, [outputs])), options);
        let gradient = tensor(&sample.gradient, [batch, outputs, height, width]);
        let gradients = (expected.clone() * gradient).sum().backward();

        let planes = Planes::of_channels_first(&sample.input, extent, inputs);
        let source = Source::plain(&planes);
        let mut result = Planes::any(extent.doubled(), outputs);
        let mut padded_bias = bias;
        padded_bias.resize(result.channels, 0.0);
        let sinks = &mut [Sink::whole(&mut result)];
        Convolution { isa, form: Form::UP, extent }.run(&[source], &filter, Some(&padded_bias), sinks);
        let what = format!("{isa:?} {extent:?} {inputs} to {outputs}");
        assert_close(&what, &result.channels_first(outputs), &values(expected), 1e-5);

        let gradient = Planes::of_channels_first(&sample.gradient, extent.doubled(), outputs);
        let output = Source::plain(&gradient);
        let mut to_input = Planes::any(extent, inputs);
        let sinks = &mut [Sink::whole(&mut to_input)];
        Convolution { isa, form: Form::DOWN, extent }.run(&[output], &filter.backward(), None, sinks);
        let expected = values(input.grad(&gradients).unwrap());
        assert_close(&format!("{what} to input"), &to_input.channels_first(inputs), &expected, 1e-5);
        let to_weight = Convolution { isa, form: Form::UP, extent }.weight_gradient(&[source], &output, &filter);
        let expected = values(weight.grad(&gradients).unwrap());
        assert_close(&format!("{what} to weight"), &to_weight, &expected, 1e-5);
    });
}

fn activation(channels: usize) -> Activation {
    let mut scale = numbers("scale", channels);
    let mut shift = numbers("shift", channels);
    scale.resize(channels.next_multiple_of(8), 0.0);
    shift.resize(channels.next_multiple_of(8), 0.0);
    Activation { scale, shift }
}

fn activated(values: Tensor<4>, activation: &Activation) -> Tensor<4> {
    let channels = values.dims()[1];
    let of = |constants: &[f32]| tensor(&constants[..channels], [1, channels, 1, 1]);
    relu(values * of(&activation.scale) + of(&activation.shift))
}

/// Planes of a skip connection, normalised when read, beside smaller ones with a border of zeros.
#[test]
fn several_sources_are_read_as_if_they_were_one() {
    let extent = Extent { batch: 2, height: 21, width: 14 };
    let inner = Extent { height: 20, width: 12, ..extent };
    for isa in Isa::available() {
        for [left, right] in [[3, 5], [16, 16], [16, 8]] {
            let act = activation(left);
            let skip = numbers("skip", extent.pixels() * left);
            let low = numbers("low", inner.pixels() * right);
            let sides = |e: Extent, channels: usize| [e.batch, channels, e.height, e.width];
            let padded = tensor(&low, sides(inner, right)).pad([(0, 1), (1, 1)], 0.0);
            let whole = Tensor::cat(vec![activated(tensor(&skip, sides(extent, left)), &act), padded], 1);
            let weight = numbers("weight", 6 * (left + right) * 9);
            let expected = conv2d(
                whole,
                tensor(&weight, [6, left + right, 3, 3]),
                None,
                ConvOptions::new([1, 1], [1, 1], [1, 1], 1),
            );
            let (skip, low) =
                (Planes::of_channels_first(&skip, extent, left), Planes::of_channels_first(&low, inner, right));
            let sources = [Source::activated(&skip, &act), Source::plain(&low).at([0, 1])];
            let (k_channels, n_channels) = (&channel_map(&[left, right])[..], &channel_map(&[6])[..]);
            let n_stride = 9 * (left + right);
            let filter =
                Filter { values: &weight, taps: 9, k_stride: 9, n_stride, reversed: false, k_channels, n_channels };
            for form in [Form::DIRECT_SQUARE, Form::Winograd(Tile::Two), Form::Winograd(Tile::Four)] {
                let mut result = Planes::any(extent, 6);
                Convolution { isa, form, extent }.run(&sources, &filter, None, &mut [Sink::whole(&mut result)]);
                let expected = values(expected.clone());
                assert_close(&format!("{isa:?} {form:?}"), &result.channels_first(6), &expected, 5e-5);
            }
        }
    }
}

#[test]
fn normalisation_with_its_gradient_is_that_of_the_formula() {
    for_each_size(|isa, extent, [channels, _]| {
        if extent.pixels() < 2 {
            return;
        }
        let Extent { batch, height, width } = extent;
        let shape = [batch, channels, height, width];
        let [input, output] = ["input", "gradient"].map(|name| numbers(name, extent.pixels() * channels));
        let (weight, bias) = (numbers("scale", channels), numbers("shift", channels));
        let x = tensor(&input, shape);
        let [scale, shift] = [&weight, &bias].map(|values| tensor(values, [channels]));
        let over = |t: Tensor<4>| t.mean_dim(0).mean_dim(2).mean_dim(3);
        let mean = over(x.clone());
        let variance = over((x.clone() - mean.clone()).square());
        let normalized = (x.clone() - mean.clone()) / (variance.clone() + 1e-5).sqrt();
        let wide = |t: &Tensor<1>| t.clone().reshape([1, channels, 1, 1]);
        let result = relu(normalized * wide(&scale) + wide(&shift));
        let gradients = (result * tensor(&output, shape)).sum().backward();

        let what = format!("{isa:?} {extent:?} {channels}");
        let planes = Planes::of_channels_first(&input, extent, channels);
        let found = normalization::statistics(isa, &planes);
        assert_close(&format!("{what} mean"), &found.mean[..channels], &values(mean), 1e-5);
        assert_close(&format!("{what} variance"), &found.variance[..channels], &values(variance), 1e-5);
        let mut gradient = Planes::of_channels_first(&output, extent, channels);
        let scaling = Scaling { weight: &weight, bias: &bias, epsilon: 1e-5 };
        let to_scaling = normalization::backward(isa, &planes, &mut gradient, &found, &scaling);
        let expected = |tensor: Option<Tensor<1>>| values(tensor.unwrap());
        assert_close(&format!("{what} to weight"), &to_scaling.weight, &expected(scale.grad(&gradients)), 1e-4);
        assert_close(&format!("{what} to bias"), &to_scaling.bias, &expected(shift.grad(&gradients)), 1e-4);
        let expected = values(x.grad(&gradients).unwrap());
        assert_close(&format!("{what} to input"), &gradient.channels_first(channels), &expected, 1e-4);
    });
}

#[test]
fn pooling_with_its_gradient_is_that_of_burn() {
    for_each_size(|isa, extent, [channels, _]| {
        if extent.height < 2 || extent.width < 2 {
            return;
        }
        let Extent { batch, height, width } = extent;
        let half = extent.halved();
        let act = activation(channels);
        let input = numbers("input", extent.pixels() * channels);
        let gradient = numbers("gradient", half.pixels() * channels);
        let seen = activated(tensor(&input, [batch, channels, height, width]), &act);
        let seen = tensor(&values(seen), [batch, channels, height, width]);
        let pooled = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(seen.clone());
        let shape = [batch, channels, half.height, half.width];
        let gradients = (pooled.clone() * tensor(&gradient, shape)).sum().backward();

        let what = format!("{isa:?} {extent:?} {channels}");
        let planes = Planes::of_channels_first(&input, extent, channels);
        let found = pool(isa, &planes, &act);
        assert_close(&what, &found.channels_first(channels), &values(pooled), 1e-6);
        let mut to_input = Planes::zeros(extent, channels);
        let from = Planes::of_channels_first(&gradient, half, channels);
        pool_backward(isa, &planes, &act, &from, &mut to_input);
        // Where all four are below zero the ReLU stops the gradient, wherever pooling puts it.
        let passes = values(seen.clone());
        let masked = |gradient: Vec<f32>| -> Vec<f32> {
            gradient.into_iter().zip(&passes).map(|(gradient, seen)| if *seen > 0.0 { gradient } else { 0.0 }).collect()
        };
        let expected = masked(values(seen.grad(&gradients).unwrap()));
        assert_close(&format!("{what} to input"), &masked(to_input.channels_first(channels)), &expected, 1e-6);
    });
}

#[test]
fn sums_of_channels_are_exact_over_millions_of_pixels() {
    let extent = Extent { batch: 1, height: 4096, width: 1024 };
    let planes = Planes::of_channels_first(&vec![1.0; extent.pixels()], extent, 1);
    assert_eq!(channel_sums(&planes, 1), [extent.pixels() as f32]);
    let Statistics { mean, variance } = normalization::statistics(Isa::detect(), &planes);
    assert_eq!((mean[0], variance[0]), (1.0, 0.0));
}

//! Batch normalisation with ReLU: its statistics, and its gradient.

use rayon::prelude::*;

use super::{
    lanes::{Isa, Lanes, per_isa},
    planes::{Activation, Planes},
};

/// Numbers of a block that is summed in float32; blocks are added in float64.
const BLOCK_NUMBERS: usize = 8192;

/// Mean and variance of each channel, with padding.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    pub mean: Vec<f32>,
    /// Divided by the number of values, not by one less.
    pub variance: Vec<f32>,
}

/// Learnt scale and shift of each channel, without padding, and what is added to the variance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub epsilon: f32,
}

impl Scaling<'_> {
    /// Normalisation by `statistics`, scaling and ReLU as one [`Activation`]; padding stays zero.
    pub fn activation(&self, statistics: &Statistics) -> Activation {
        let mut scale = vec![0.0; statistics.mean.len()];
        let mut shift = scale.clone();
        for (channel, (weight, bias)) in self.weight.iter().zip(self.bias).enumerate() {
            scale[channel] = weight * self.inverse_deviation(statistics, channel);
            shift[channel] = bias - statistics.mean[channel] * scale[channel];
        }
        Activation { scale, shift }
    }

    fn inverse_deviation(&self, statistics: &Statistics, channel: usize) -> f32 {
        (statistics.variance[channel] + self.epsilon).sqrt().recip()
    }
}

/// Pixels of a block of planes with `channels` channels.
fn block_pixels(channels: usize) -> usize {
    (BLOCK_NUMBERS / channels).max(1)
}

/// Mean and variance over all pixels (blocks combined as by Chan, Golub and LeVeque 1983).
pub(super) fn statistics(isa: Isa, planes: &Planes) -> Statistics {
    let channels = planes.channels;
    let isa = isa.for_channels(&[channels]);
    let blocks: Vec<Vec<f32>> = planes
        .values
        .par_chunks(block_pixels(channels) * channels)
        .map(|block| {
            let mut sums = vec![0.0; 2 * channels];
            // SAFETY: the block holds whole pixels, the sums two numbers a channel.
            unsafe { moments(isa, block.as_ptr(), block.len() / channels, channels, sums.as_mut_ptr()) };
            sums
        })
        .collect();
    let counts = planes.values.chunks(block_pixels(channels) * channels).map(|block| (block.len() / channels) as f64);
    let mut seen = 0.0;
    let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
    for (block, count) in blocks.iter().zip(counts) {
        let total = seen + count;
        for channel in 0..channels {
            let delta = f64::from(block[channel]) - mean[channel];
            mean[channel] += delta * count / total;
            squares[channel] += f64::from(block[channels + channel]) + delta * delta * seen * count / total;
        }
        seen = total;
    }
    let narrow = |values: Vec<f64>, by: f64| values.into_iter().map(|value| (value / by) as f32).collect();
    Statistics { mean: narrow(mean, 1.0), variance: narrow(squares, seen) }
}

per_isa! {
    /// Each channel's mean, and after all means each channel's squared distances from it.
    ///
    /// # Safety
    /// `values` has `pixels · channels` numbers, `sums` two for each channel.
    unsafe fn moments = moments_lanes(values: *const f32, pixels: usize, channels: usize, sums: *mut f32)
}

#[inline(always)]
unsafe fn moments_lanes<L: Lanes>(values: *const f32, pixels: usize, channels: usize, sums: *mut f32) {
    for channel in (0..channels).step_by(L::N) {
        // SAFETY: the caller's contract.
        unsafe {
            let at = |pixel: usize| L::load(values.add(pixel * channels + channel));
            let mut sum = L::splat(0.0);
            for pixel in 0..pixels {
                sum = L::add(sum, at(pixel));
            }
            let mean = L::mul(sum, L::splat(1.0 / pixels as f32));
            let mut squares = L::splat(0.0);
            for pixel in 0..pixels {
                let distance = L::sub(at(pixel), mean);
                squares = L::mul_add(distance, distance, squares);
            }
            L::store(sums.add(channel), mean);
            L::store(sums.add(channels + channel), squares);
        }
    }
}

/// Gradients to scale and shift of a normalisation, without padding.
#[derive(Debug, Clone)]
pub(super) struct ScalingGradient {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Turns the gradient to what came out of normalisation and ReLU into that to what went in.
pub(super) fn backward(
    isa: Isa,
    input: &Planes,
    gradient: &mut Planes,
    statistics: &Statistics,
    scaling: &Scaling<'_>,
) -> ScalingGradient {
    let channels = input.channels;
    let isa = isa.for_channels(&[channels]);
    let activation = scaling.activation(statistics);
    let step = block_pixels(channels) * channels;
    let blocks: Vec<Vec<f32>> = (input.values.par_chunks(step), gradient.values.par_chunks(step))
        .into_par_iter()
        .map(|(input, gradient)| {
            let mut sums = vec![0.0; 2 * channels];
            let block = [input.as_ptr(), gradient.as_ptr()];
            let constants = [&activation.scale, &activation.shift, &statistics.mean].map(|values| values.as_ptr());
            // SAFETY: both blocks hold whole pixels of `channels` channels, as do the constants.
            unsafe { reduce(isa, block, input.len() / channels, channels, constants, sums.as_mut_ptr()) };
            sums
        })
        .collect();
    let mut sums = vec![0.0; 2 * channels];
    for block in &blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = input.extent.pixels() as f64;
    let mut found = ScalingGradient { weight: Vec::new(), bias: Vec::new() };
    // The gradient to the input is `slope · masked + offset + tilt · input`.
    let (mut offset, mut tilt) = (vec![0.0; channels], vec![0.0; channels]);
    for channel in 0..scaling.weight.len() {
        let deviation = f64::from(scaling.inverse_deviation(statistics, channel));
        let (bias, weight) = (sums[channel], sums[channels + channel] * deviation);
        let slope = f64::from(activation.scale[channel]);
        let by_input = -slope * weight * deviation / count;
        tilt[channel] = by_input as f32;
        offset[channel] = (-slope * bias / count - by_input * f64::from(statistics.mean[channel])) as f32;
        found.weight.push(weight as f32);
        found.bias.push(bias as f32);
    }
    (input.values.par_chunks(step), gradient.values.par_chunks_mut(step)).into_par_iter().for_each(
        |(input, gradient)| {
            let constants = [&activation.scale, &activation.shift, &offset, &tilt].map(|values| values.as_ptr());
            // SAFETY: as above.
            unsafe { apply(isa, input.as_ptr(), gradient.as_mut_ptr(), input.len() / channels, channels, constants) };
        },
    );
    found
}

per_isa! {
    /// Sums of each channel's gradient where the ReLU let it pass, and of the same times the
    /// input's distance from the mean.
    ///
    /// # Safety
    /// The block's pointers reach `pixels · channels` numbers, the constants one a channel, `sums` two.
    unsafe fn reduce = reduce_lanes(
        block: [*const f32; 2], pixels: usize, channels: usize, constants: [*const f32; 3], sums: *mut f32,
    )
}

#[inline(always)]
unsafe fn reduce_lanes<L: Lanes>(
    [input, gradient]: [*const f32; 2],
    pixels: usize,
    channels: usize,
    constants: [*const f32; 3],
    sums: *mut f32,
) {
    for channel in (0..channels).step_by(L::N) {
        // SAFETY: the caller's contract.
        unsafe {
            let [scale, shift, mean] = constants.map(|values| L::load(values.add(channel)));
            let (mut bias, mut weight) = (L::splat(0.0), L::splat(0.0));
            for pixel in 0..pixels {
                let x = L::load(input.add(pixel * channels + channel));
                let masked =
                    L::positive(L::mul_add(x, scale, shift), L::load(gradient.add(pixel * channels + channel)));
                bias = L::add(bias, masked);
                weight = L::mul_add(masked, L::sub(x, mean), weight);
            }
            L::store(sums.add(channel), bias);
            L::store(sums.add(channels + channel), weight);
        }
    }
}

per_isa! {
    /// `scale · masked + offset + tilt · input` in place of the gradient.
    ///
    /// # Safety
    /// As [`reduce`].
    unsafe fn apply = apply_lanes(
        input: *const f32, gradient: *mut f32, pixels: usize, channels: usize, constants: [*const f32; 4],
    )
}

#[inline(always)]
unsafe fn apply_lanes<L: Lanes>(
    input: *const f32,
    gradient: *mut f32,
    pixels: usize,
    channels: usize,
    constants: [*const f32; 4],
) {
    for channel in (0..channels).step_by(L::N) {
        // SAFETY: the caller's contract.
        unsafe {
            let [scale, shift, offset, tilt] = constants.map(|values| L::load(values.add(channel)));
            for pixel in 0..pixels {
                let x = L::load(input.add(pixel * channels + channel));
                let to = gradient.add(pixel * channels + channel);
                let masked = L::positive(L::mul_add(x, scale, shift), L::load(to));
                L::store(to, L::mul_add(masked, scale, L::mul_add(x, tilt, offset)));
            }
        }
    }
}

/// The sum of each channel, without padding: the gradient to a bias.
pub(super) fn channel_sums(planes: &Planes, channels: usize) -> Vec<f32> {
    let step = block_pixels(planes.channels) * planes.channels;
    let blocks: Vec<Vec<f32>> = planes
        .values
        .par_chunks(step)
        .map(|block| {
            let mut sums = vec![0.0; planes.channels];
            for pixel in block.chunks_exact(planes.channels) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
            sums
        })
        .collect();
    let of = |channel: usize| blocks.iter().map(|block| f64::from(block[channel])).sum::<f64>() as f32;
    (0..channels).map(of).collect()
}

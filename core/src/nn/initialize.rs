//! Fresh weights that follow from a seed alone: burn's own initialisers draw from a random state
//! that every thread of the process shares.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::parameters::{NamedTensor, Role, Tensors};
use crate::{domain::Seed, random::generator};

/// Kernels uniform in ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010, eq. 16), biases uniform
/// in ±1/√(fan in) (torch's default), normalisation layers as new.
#[must_use]
pub fn xavier<N: Tensors>(network: N, seed: Seed) -> N {
    let mut fan_in = 1.0_f64;
    network.edited(|tensor| {
        let bound = match tensor.role {
            Role::Kernel => {
                let receptive: usize = tensor.shape[2..].iter().product();
                fan_in = (tensor.shape[1] * receptive) as f64;
                let fan_out = (tensor.shape[0] * receptive) as f64;
                (6.0 / (fan_in + fan_out)).sqrt()
            }
            Role::Bias => fan_in.sqrt().recip(),
            Role::Affine | Role::RunningMean | Role::RunningVariance => return,
        };
        let mut stream = generator(seed.named(&tensor.name));
        tensor.values.fill_with(|| stream.random_range(-bound..bound) as f32);
    })
}

/// N(0, `std`²) added to every weight; running statistics stay.
#[must_use]
pub(super) fn perturbed<N: Tensors>(network: N, std: f64, seed: Seed) -> N {
    network.edited(|tensor| {
        if tensor.role.learns() {
            add_noise(tensor, std, seed);
        }
    })
}

/// Shrink and perturb (Ash and Adams 2020): every kernel w becomes `shrink` · w + N(0, `std`²).
///
/// Normalisation layers keep scale and shift. Their running statistics shrink with the kernel
/// before them, else the network would be of no use in inference mode until it has trained again:
/// the mean's distance from the convolution's bias by `shrink`, the variance by its square.
#[must_use]
pub(super) fn shrunk_and_perturbed<N: Tensors>(network: N, shrink: f64, std: f64, seed: Seed) -> N {
    let scale = |values: &mut [f32], factor: f64| {
        values.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    };
    let mut convolution_bias = Vec::new();
    network.edited(|tensor| match tensor.role {
        Role::Kernel => {
            scale(&mut tensor.values, shrink);
            add_noise(tensor, std, seed);
            convolution_bias.clear();
        }
        Role::Bias => convolution_bias.clone_from(&tensor.values),
        Role::Affine => {}
        Role::RunningMean => {
            // Behind a convolution without bias it is as behind one of zeros.
            let biases = convolution_bias.iter().copied().chain(std::iter::repeat(0.0));
            for (mean, bias) in tensor.values.iter_mut().zip(biases) {
                *mean = (shrink * f64::from(*mean - bias)) as f32 + bias;
            }
        }
        Role::RunningVariance => scale(&mut tensor.values, shrink * shrink),
    })
}

/// Numbers of one stream of noise; the streams of a tensor are drawn side by side.
const NOISE_STREAM: usize = 1 << 15;

fn add_noise(tensor: &mut NamedTensor, std: f64, seed: Seed) {
    let seed = seed.named(&tensor.name);
    tensor.values.par_chunks_mut(NOISE_STREAM).enumerate().for_each(|(index, values)| {
        let mut stream = generator(seed.indexed(index));
        for value in values {
            let draw: f64 = StandardNormal.sample(&mut stream);
            *value = (f64::from(*value) + std * draw) as f32;
        }
    });
}

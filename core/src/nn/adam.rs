//! Adam (Kingma and Ba 2015) in one pass over memory on the CPU.
//!
//! burn's own takes a dozen passes, which at the network's size costs as much as the gradients of a
//! few images, and what it remembers is tied to numbers that a process draws for its tensors. The numbers are the same: torch's defaults, bias-corrected moments.

use burn::{
    backend::Flex,
    module::{Module, ModuleMapper, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor},
};
use rayon::prelude::*;

use super::{
    cpu::{CHUNK, contiguous, numbers, places},
    network::Network,
    parameters::{NamedTensor, Tensors},
    weights::Weights,
};
use crate::component::{ComponentError, ErrorKind, Result};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
/// Numerical floor of the denominator.
const EPSILON: f64 = 1e-8;
/// What the moments of a tensor and its steps are called after it.
const FIRST: &str = ".first";
const SECOND: &str = ".second";
const STEPS: &str = ".steps";

/// Counting steps stops here: the corrections of the moments have been 1 for long, and float32 holds every whole number up to it.
const MOST_STEPS: usize = 1 << 24;

/// Adam, and what it remembers of each of a network's tensors, in the network's order; nothing of those that no gradient has reached.
#[derive(Clone, Default)]
pub(super) struct Adam {
    moments: Vec<Option<Moments>>,
}

/// Running means of a tensor's gradients and of their squares, in C order.
#[derive(Clone)]
struct Moments {
    /// Steps that they are made of.
    time: usize,
    first: Tensor<1>,
    second: Tensor<1>,
}

impl Adam {
    /// `network` after a step against `gradients`.
    pub fn step(&mut self, learning_rate: f64, network: Network, gradients: GradientsParams) -> Network {
        network.map(&mut Stepping { adam: self, learning_rate, gradients, next: 0 })
    }

    /// What is remembered of `network`'s tensors: the moments of each as `NAME.first` and `NAME.second`, the steps as `NAME.steps`.
    pub fn to_weights(&self, network: &Network, source: &str) -> Weights {
        let remembered = network.tensors().into_iter().zip(&self.moments);
        let remembered = remembered.filter_map(|(tensor, moments)| Some((tensor, moments.as_ref()?)));
        let named = remembered.flat_map(|(NamedTensor { name, shape, .. }, moments)| {
            let values = |tensor: &Tensor<1>| tensor.to_data().iter::<f32>().collect::<Vec<f32>>();
            [
                (format!("{name}{FIRST}"), shape.clone(), values(&moments.first)),
                (format!("{name}{SECOND}"), shape, values(&moments.second)),
                (format!("{name}{STEPS}"), vec![1], vec![moments.time as f32]),
            ]
        });
        Weights::collect(named, source)
    }

    /// What [`Adam::to_weights`] gave of a network like this one.
    ///
    /// # Errors
    /// If it was of another network.
    pub fn from_weights(weights: &Weights, network: &Network, device: &Device) -> Result<Self> {
        let tensors = network.tensors();
        let moments: Vec<Option<Moments>> =
            tensors.iter().map(|tensor| Moments::find(weights, tensor, device)).collect::<Result<_>>()?;
        let found = 3 * moments.iter().flatten().count();
        if found != weights.len() {
            let message = format!(
                "{} holds what an optimiser remembers of {} tensors, {} of them of this network; expected the state of this network",
                weights.source(),
                weights.len() / 3,
                found / 3
            );
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
        Ok(Self { moments })
    }
}

impl Moments {
    fn fresh(gradient: &Tensor<1>) -> Self {
        Self { time: 0, first: gradient.zeros_like(), second: gradient.zeros_like() }
    }

    /// Of a tensor; nothing where nothing was remembered.
    fn find(weights: &Weights, tensor: &NamedTensor, device: &Device) -> Result<Option<Self>> {
        let part = |suffix| weights.tensor(&format!("{}{suffix}", tensor.name));
        let (Some(first), Some(second), Some((_, &[steps]))) = (part(FIRST), part(SECOND), part(STEPS)) else {
            return Ok(None);
        };
        for (shape, _) in [first, second] {
            if shape != tensor.shape {
                let message = format!(
                    "{}: the moments of `{}` have shape {shape:?}; expected that of the tensor, {:?}",
                    weights.source(),
                    tensor.name,
                    tensor.shape
                );
                return Err(ComponentError::new(ErrorKind::Inconsistent, message));
            }
        }
        let [first, second] = [first, second].map(|(_, values)| Tensor::from_floats(values, device));
        Ok(Some(Self { time: steps as usize, first, second }))
    }
}

struct Stepping<'a> {
    adam: &'a mut Adam,
    learning_rate: f64,
    gradients: GradientsParams,
    /// The place of the tensor that comes next.
    next: usize,
}

impl ModuleMapper for Stepping<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let place = self.next;
        self.next += 1;
        self.adam.moments.resize(self.next.max(self.adam.moments.len()), None);
        let (id, tensor, mapper) = parameter.consume();
        let Some(gradient) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let shape = tensor.dims();
        let flat: [usize; 1] = [shape.iter().product()];
        let (values, gradient) = (tensor.inner().reshape(flat), gradient.reshape(flat));
        let moments = self.adam.moments[place].take().unwrap_or_else(|| Moments::fresh(&gradient));
        let time = (moments.time + 1).min(MOST_STEPS);
        let factors = Factors::new(self.learning_rate, time);
        let (values, [first, second]) = in_one_pass(factors, values, gradient, [moments.first, moments.second]);
        self.adam.moments[place] = Some(Moments { time, first, second });
        Param::from_mapped_value(id, Tensor::from_inner(values.reshape(shape)).require_grad(), mapper)
    }
}

/// A step's factors: of the moments' quotient, and what is added to its denominator.
#[derive(Clone, Copy)]
struct Factors {
    rate: f32,
    epsilon: f32,
}

impl Factors {
    /// m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε) as a factor times m / (√v + ε').
    fn new(learning_rate: f64, time: usize) -> Self {
        let power = |base: f64| 1.0 - base.powf(time as f64);
        let root = power(BETA_2).sqrt();
        Self { rate: (learning_rate * root / power(BETA_1)) as f32, epsilon: (EPSILON * root) as f32 }
    }
}

/// The step on the CPU; [`by_operations`] on other devices.
fn in_one_pass(
    factors: Factors,
    tensor: Tensor<1>,
    gradient: Tensor<1>,
    moments: [Tensor<1>; 2],
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [first, second] = &moments;
    let found = [&tensor, &gradient, first, second].map(|tensor| contiguous(tensor.clone()));
    let [Some(mut values), Some(slope), Some(mut first), Some(mut second)] = found else {
        return by_operations(factors, tensor, gradient, moments);
    };
    // Writing copies what is shared: whoever else holds a tensor keeps it as it was.
    drop((tensor, moments));
    let [of_values, of_first, of_second] = [&values, &first, &second].map(places);
    let chunks = (
        values.storage_mut::<f32>()[of_values].par_chunks_mut(CHUNK),
        numbers(&slope).par_chunks(CHUNK),
        first.storage_mut::<f32>()[of_first].par_chunks_mut(CHUNK),
        second.storage_mut::<f32>()[of_second].par_chunks_mut(CHUNK),
    );
    chunks
        .into_par_iter()
        .for_each(|(values, slope, first, second)| step_chunk(factors, values, slope, [first, second]));
    let [values, first, second] = [values, first, second].map(Tensor::from_primitive::<Flex>);
    (values, [first, second])
}

fn step_chunk(factors: Factors, values: &mut [f32], slope: &[f32], [first, second]: [&mut [f32]; 2]) {
    let ([kept_1, new_1], [kept_2, new_2]) = (shares(BETA_1), shares(BETA_2));
    for (((value, slope), first), second) in values.iter_mut().zip(slope).zip(first).zip(second) {
        *first = kept_1 * *first + new_1 * slope;
        *second = kept_2 * *second + new_2 * slope * slope;
        *value -= factors.rate * *first / (second.sqrt() + factors.epsilon);
    }
}

/// What stays of a moment, and what comes to it.
fn shares(beta: f64) -> [f32; 2] {
    [beta as f32, (1.0 - beta) as f32]
}

/// The step by operations of tensors.
fn by_operations(
    factors: Factors,
    tensor: Tensor<1>,
    gradient: Tensor<1>,
    [first, second]: [Tensor<1>; 2],
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let ([kept_1, new_1], [kept_2, new_2]) = (shares(BETA_1), shares(BETA_2));
    let first = first.mul_scalar(kept_1) + gradient.clone().mul_scalar(new_1);
    let second = second.mul_scalar(kept_2) + (gradient.clone() * gradient).mul_scalar(new_2);
    let step = first.clone().mul_scalar(factors.rate) / second.clone().sqrt().add_scalar(factors.epsilon);
    (tensor - step, [first, second])
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
    }

    fn values(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.to_data().iter::<f32>().collect()
    }

    fn stepped(factors: Factors, start: &[f32], gradient: &[f32]) -> Vec<f32> {
        let zeros = tensor(&vec![0.0; start.len()]);
        let moments = [zeros.clone(), zeros];
        values(&in_one_pass(factors, tensor(start), tensor(gradient), moments).0)
    }

    #[test]
    fn the_first_step_is_the_learning_rate_whatever_the_gradient() {
        let stepped = stepped(Factors::new(0.1, 1), &[1.0, 1.0, 1.0], &[5.0, -0.01, 0.0]);
        for (found, expected) in stepped.iter().zip([0.9, 1.1, 1.0]) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
    }

    #[test]
    fn one_pass_gives_what_the_operations_give_and_leaves_shared_tensors_alone() {
        let start = tensor(&[0.5, -2.0, 3.0, 0.0]);
        let (mut fused, mut plain) = (start.clone(), start.clone());
        let mut fused_moments = [start.zeros_like(), start.zeros_like()];
        let mut moments = fused_moments.clone();
        for time in 1..=5 {
            let gradient = tensor(&[0.3 * time as f32, -1.0, 0.0, 2.0 - time as f32]);
            let factors = Factors::new(0.01, time);
            (fused, fused_moments) = in_one_pass(factors, fused, gradient.clone(), fused_moments);
            (plain, moments) = by_operations(factors, plain, gradient, moments);
            for (found, expected) in values(&fused).iter().zip(values(&plain)) {
                assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
            }
        }
        assert_eq!(values(&start), [0.5, -2.0, 3.0, 0.0]);
    }
}

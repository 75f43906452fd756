//! Adam (Kingma and Ba 2015) in one pass over memory on the CPU.
//!
//! burn's own takes a dozen passes, which at the network's size costs as much as the gradients of a
//! few images. The numbers are the same: torch's defaults, bias-corrected moments.

use burn::{
    backend::Flex,
    optim::{AdamState, AdaptiveMomentumState, ModuleOptimizer, Optimizer},
    tensor::{Device, Tensor},
};
use rayon::prelude::*;

use super::cpu::{CHUNK, contiguous, numbers, places};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
/// Numerical floor of the denominator.
const EPSILON: f64 = 1e-8;

/// Adam with torch's defaults and no memory yet.
pub(super) fn adam() -> ModuleOptimizer {
    ModuleOptimizer::from(Adam)
}

#[derive(Clone)]
struct Adam;

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

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let momentum = state.map(|state| state.momentum);
        let momentum =
            momentum.unwrap_or_else(|| AdaptiveMomentumState::new(0, gradient.zeros_like(), gradient.zeros_like()));
        let time = momentum.time + 1;
        let factors = Factors::new(learning_rate, time);
        let moments = [momentum.moment_1, momentum.moment_2];
        let (tensor, [first, second]) = in_one_pass(factors, tensor, gradient, moments);
        (tensor, Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// The step on the CPU; [`by_operations`] on other devices.
fn in_one_pass<const D: usize>(
    factors: Factors,
    tensor: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 2],
) -> (Tensor<D>, [Tensor<D>; 2]) {
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
fn by_operations<const D: usize>(
    factors: Factors,
    tensor: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
) -> (Tensor<D>, [Tensor<D>; 2]) {
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

    #[test]
    fn the_first_step_is_the_learning_rate_whatever_the_gradient() {
        let (stepped, _) = Adam.step(0.1, tensor(&[1.0, 1.0, 1.0]), tensor(&[5.0, -0.01, 0.0]), None);
        for (found, expected) in values(&stepped).iter().zip([0.9, 1.1, 1.0]) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
    }

    #[test]
    fn one_pass_gives_what_the_operations_give_and_leaves_shared_tensors_alone() {
        let start = tensor(&[0.5, -2.0, 3.0, 0.0]);
        let (mut fused, mut plain) = (start.clone(), start.clone());
        let mut fused_state: Option<AdamState<1>> = None;
        let mut moments = [start.zeros_like(), start.zeros_like()];
        for time in 1..=5 {
            let gradient = tensor(&[0.3 * time as f32, -1.0, 0.0, 2.0 - time as f32]);
            (fused, fused_state) = Adam.step(0.01, fused, gradient.clone(), fused_state);
            (plain, moments) = by_operations(Factors::new(0.01, time), plain, gradient, moments);
            for (found, expected) in values(&fused).iter().zip(values(&plain)) {
                assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
            }
        }
        assert_eq!(values(&start), [0.5, -2.0, 3.0, 0.0]);
    }
}

//! Supervised losses on logits.

use burn::tensor::{
    Int, Tensor, TensorData,
    activation::{log_sigmoid, log_softmax},
};

use super::{
    batch::{BatchShape, finite_scalar, labels_tensor, map_tensor, require_finite},
    cpu::{contiguous_values, numbers},
};
use crate::{
    component::Result,
    domain::LabelBatch,
    rl::{
        mean,
        sloped::{Sloped, over_planes},
    },
};

/// A supervised loss of a network's answer.
pub(super) struct Loss {
    /// What is differentiated.
    pub followed: Tensor<1>,
    pub value: f64,
}

impl Loss {
    /// Cross-entropy of `[batch · slow, class, y, x]` logits.
    ///
    /// # Errors
    /// If the labels do not fit or the loss is not finite.
    pub fn of_labels(logits: Tensor<4>, shape: BatchShape, labels: &LabelBatch, smoothing: f64) -> Result<Self> {
        let classes = logits.dims()[1];
        let of_voxels = labels_tensor(labels, shape, classes, &logits.device())?;
        match contiguous_values(logits.clone()) {
            Some(values) => {
                let sides = [classes, shape.plane()];
                let found = cross_entropy_in_one_pass(numbers(&values), &labels.labels, sides, smoothing);
                Self::following(logits, found, CROSS_ENTROPY)
            }
            None => Self::through(cross_entropy(shape.unfold(logits), of_voxels, smoothing), CROSS_ENTROPY),
        }
    }

    /// Binary cross-entropy of `[batch · slow, 1, y, x]` logits against `[batch, voxel]` correctness.
    ///
    /// # Errors
    /// If the correctness does not fit or the loss is not finite.
    pub fn of_correctness(logits: Tensor<4>, shape: BatchShape, correctness: &[f32]) -> Result<Self> {
        let of_voxels = map_tensor("a voxel's correctness", correctness, shape, &logits.device())?;
        match contiguous_values(logits.clone()) {
            Some(values) => {
                let found = binary_cross_entropy_in_one_pass(numbers(&values), correctness, shape.plane());
                Self::following(logits, found, REWARD_LOSS)
            }
            None => Self::through(binary_cross_entropy(shape.unfold(logits).squeeze_dim(1), of_voxels), REWARD_LOSS),
        }
    }

    fn following(logits: Tensor<4>, found: Sloped, what: &str) -> Result<Self> {
        require_finite(what, &[found.loss as f32])?;
        Ok(Self { followed: following(logits, found.slope), value: found.loss })
    }

    fn through(loss: Tensor<1>, what: &str) -> Result<Self> {
        let value = finite_scalar(what, &loss)?;
        Ok(Self { followed: loss, value })
    }
}

const CROSS_ENTROPY: &str = "the cross-entropy";
const REWARD_LOSS: &str = "the reward network's loss";

/// Something whose gradient to `logits` is `slope`. Its value means nothing beyond being finite.
pub(super) fn following(logits: Tensor<4>, slope: Vec<f32>) -> Tensor<1> {
    let slope = Tensor::from_data(TensorData::new(slope, logits.dims()), &logits.device());
    (logits * slope).sum()
}

/// [`cross_entropy`] of `[plane, class, voxel]` logits against `[plane, voxel]` labels with its slope, in
/// one pass over memory.
pub(super) fn cross_entropy_in_one_pass(
    logits: &[f32],
    labels: &[u8],
    [classes, voxels]: [usize; 2],
    smoothing: f64,
) -> Sloped {
    let count = labels.len() as f64;
    let (of_label, of_all) = (1.0 - smoothing, smoothing / classes as f64);
    let of_plane = |plane: usize, logits: &[f32], slope: &mut [f32]| {
        let mut sum = 0.0;
        let mut exponentials = vec![0.0; classes];
        for voxel in 0..voxels {
            let label = usize::from(labels[plane * voxels + voxel]);
            let logit = |class: usize| logits[class * voxels + voxel];
            let largest = (0..classes).map(logit).fold(f32::NEG_INFINITY, f32::max);
            for (class, exponential) in exponentials.iter_mut().enumerate() {
                *exponential = f64::from((logit(class) - largest).exp());
            }
            let mass: f64 = exponentials.iter().sum();
            let log_mass = f64::from((mass as f32).ln()) + f64::from(largest);
            for (class, exponential) in exponentials.iter().enumerate() {
                let wanted = of_all + if class == label { of_label } else { 0.0 };
                sum += wanted * (log_mass - f64::from(logit(class)));
                slope[class * voxels + voxel] = ((exponential / mass - wanted) / count) as f32;
            }
        }
        [sum]
    };
    let ([sum], slope) = over_planes(logits, classes * voxels, of_plane);
    Sloped { loss: sum / count, slope }
}

/// [`binary_cross_entropy`] of `[plane, voxel]` logits against targets with its slope, in one pass over
/// memory.
pub(super) fn binary_cross_entropy_in_one_pass(logits: &[f32], targets: &[f32], voxels: usize) -> Sloped {
    let count = logits.len() as f64;
    let of_plane = |plane: usize, logits: &[f32], slope: &mut [f32]| {
        let mut sum = 0.0;
        for ((&logit, &target), slope) in logits.iter().zip(&targets[plane * voxels..]).zip(slope) {
            // log(1 + exp(-|z|)) stays finite however large z is.
            let exponential = (-logit.abs()).exp();
            sum += f64::from(logit.max(0.0) - logit * target) + f64::from(exponential.ln_1p());
            let sigmoid = if logit >= 0.0 { 1.0 / (1.0 + exponential) } else { exponential / (1.0 + exponential) };
            *slope = (f64::from(sigmoid - target) / count) as f32;
        }
        [sum]
    };
    let ([sum], slope) = over_planes(logits, voxels, of_plane);
    Sloped { loss: sum / count, slope }
}

/// Mean cross-entropy of `[batch, class, voxel]` logits against `[batch, voxel]` labels, with
/// `smoothing` of the probability mass spread over all classes (Szegedy et al. 2016, as torch).
#[must_use]
pub fn cross_entropy(logits: Tensor<3>, labels: Tensor<2, Int>, smoothing: f64) -> Tensor<1> {
    let log_probabilities = log_softmax(logits, 1);
    let of_label = mean(log_probabilities.clone().gather(1, labels.unsqueeze_dim::<3>(1)).squeeze_dim(1));
    if smoothing == 0.0 {
        return of_label.neg();
    }
    let of_all = mean(log_probabilities.mean_dim(1).squeeze_dim(1));
    (of_label.mul_scalar(1.0 - smoothing) + of_all.mul_scalar(smoothing)).neg()
}

/// Mean binary cross-entropy of `[batch, voxel]` logits against targets in [0, 1].
#[must_use]
pub fn binary_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let right = log_sigmoid(logits.clone()) * targets.clone();
    let wrong = log_sigmoid(logits.neg()) * targets.neg().add_scalar(1.0);
    mean(right + wrong).neg()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_guess_among_three_costs_log_three() {
        let device = Device::flex();
        let logits = Tensor::<3>::zeros([1, 3, 2], &device);
        for smoothing in [0.0, 0.1] {
            let loss = cross_entropy(logits.clone(), Tensor::from_data([[0, 2]], &device), smoothing);
            assert!((loss.into_scalar::<f32>() - 3.0_f32.ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn one_pass_gives_what_the_operations_give() {
        const SHAPE: [usize; 4] = [2, 3, 4, 5];
        let device = Device::flex().autodiff();
        let wave = |len: usize, step: f32| (0..len).map(|i| 3.0 * (i as f32 * step).sin()).collect::<Vec<f32>>();
        let leaf = |values: &[f32], shape: [usize; 4]| {
            Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device).require_grad()
        };
        let require = |found: Sloped, logits: &Tensor<4>, loss: Tensor<1>| {
            assert!((found.loss - f64::from(loss.clone().into_scalar::<f32>())).abs() < 1e-6);
            let recorded = logits.grad(&loss.backward()).unwrap();
            for (found, expected) in found.slope.iter().zip(recorded.to_data().iter::<f32>()) {
                assert!((found - expected).abs() < 1e-7, "{found}, expected {expected}");
            }
        };
        let labels: Vec<u8> = (0..40).map(|i| (i * 7 % 3) as u8).collect();
        for smoothing in [0.0, 0.2] {
            let values = wave(120, 0.7);
            let logits = leaf(&values, SHAPE);
            let of_voxels = Tensor::<2, Int>::from_data(TensorData::new(labels.clone(), [2, 20]), &device);
            let loss = cross_entropy(logits.clone().flatten(2, 3), of_voxels, smoothing);
            require(cross_entropy_in_one_pass(&values, &labels, [3, 20], smoothing), &logits, loss);
        }
        let (values, targets) = (wave(40, 0.9), wave(40, 0.4).iter().map(|t| t / 6.0 + 0.5).collect::<Vec<f32>>());
        let logits = leaf(&values, [2, 1, 4, 5]);
        let of_voxels = Tensor::<2>::from_data(TensorData::new(targets.clone(), [2, 20]), &device);
        let loss = binary_cross_entropy(logits.clone().flatten::<3>(2, 3).squeeze_dim(1), of_voxels);
        require(binary_cross_entropy_in_one_pass(&values, &targets, 20), &logits, loss);
    }

    #[test]
    fn what_is_followed_has_the_slope_as_its_gradient() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<4>::ones([1, 1, 1, 3], &device).require_grad();
        let gradient = logits.grad(&following(logits.clone(), vec![0.5, -2.0, 0.0]).backward()).unwrap();
        assert_eq!(gradient.to_data().iter::<f32>().collect::<Vec<_>>(), [0.5, -2.0, 0.0]);
    }

    #[test]
    fn an_extreme_logit_stays_finite() {
        let device = Device::flex();
        let loss = |logit: f32, target: f32| {
            binary_cross_entropy(Tensor::from_data([[logit]], &device), Tensor::from_data([[target]], &device))
                .into_scalar::<f32>()
        };
        assert_eq!(loss(200.0, 1.0), 0.0);
        assert_eq!(loss(200.0, 0.0), 200.0);
        assert!((loss(0.0, 1.0) - 2.0_f32.ln()).abs() < 1e-6);
    }
}

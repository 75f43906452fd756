//! Supervised losses on logits.

use burn::tensor::{
    Int, Tensor,
    activation::{log_sigmoid, log_softmax},
};

use crate::rl::mean;

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

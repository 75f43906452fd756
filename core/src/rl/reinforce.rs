//! REINFORCE (Williams 1992) with the critic as its baseline.

use burn::tensor::Tensor;

use super::mean;

/// −mean(A log π) of `[batch, voxel]` log-probabilities and advantages. One update a rollout: at
/// the second the actions would no longer come from the policy that is improved.
#[must_use]
pub fn policy_loss(log_probs: Tensor<2>, advantages: Tensor<2>) -> Tensor<1> {
    mean(log_probs * advantages).neg()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn good_actions_become_likelier() {
        let device = Device::flex().autodiff();
        let log_probs = Tensor::<2>::from_data([[-1.0, -2.0]], &device).require_grad();
        let loss = policy_loss(log_probs.clone(), Tensor::from_data([[0.5, -1.0]], &device));
        assert_eq!(loss.clone().into_scalar::<f32>(), -0.75);
        let gradient = log_probs.grad(&loss.backward()).unwrap();
        assert_eq!(gradient.to_data().iter::<f32>().collect::<Vec<_>>(), [-0.25, 0.5]);
    }
}

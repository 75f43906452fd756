//! How much better an action was than the critic thought.

use burn::tensor::{Bool, Tensor};

/// What the advantage is made of; all `[batch, voxel]` except `pseudo_reference`, `[batch, 1]`.
#[derive(Debug, Clone)]
pub struct AdvantageTerms {
    /// The reward model's judgement r.
    pub rewards: Tensor<2>,
    /// The critic's V.
    pub values: Tensor<2>,
    /// log π of the actions under the current policy.
    pub log_probs: Tensor<2>,
    /// log π_ref of the actions, where there is a reference policy.
    pub reference_log_probs: Option<Tensor<2>>,
    /// Whether an image's actions are an accepted pseudo-reference.
    pub pseudo_reference: Tensor<2, Bool>,
}

/// A = R − V with R = r − `divergence_coef` · (log π − log π_ref), and R = 1 for a
/// pseudo-reference (RL4Seg; Judge et al. 2024). No gradient leads out of it.
///
/// Episodes have one step, so there is neither discounting nor generalised advantage estimation.
#[must_use]
pub fn advantages(terms: AdvantageTerms, divergence_coef: f64) -> Tensor<2> {
    let shape = terms.rewards.dims();
    let penalised = match terms.reference_log_probs {
        None => terms.rewards,
        Some(reference) => terms.rewards - (terms.log_probs - reference).mul_scalar(divergence_coef),
    };
    let returns = penalised.mask_fill(terms.pseudo_reference.expand(shape), 1.0);
    (returns - terms.values).detach()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn terms() -> AdvantageTerms {
        let device = Device::flex();
        let map = |values: [[f32; 2]; 2]| Tensor::from_data(values, &device);
        AdvantageTerms {
            rewards: map([[0.9, 0.2], [0.4, 0.4]]),
            values: map([[0.5, 0.5], [0.25, 0.5]]),
            log_probs: map([[-0.5, -2.0], [-1.0, -1.0]]),
            reference_log_probs: Some(map([[-1.5, -1.0], [-3.0, -1.0]])),
            pseudo_reference: Tensor::from_data([[false], [true]], &device),
        }
    }

    fn rounded(advantages: Tensor<2>) -> Vec<f32> {
        advantages.to_data().iter::<f32>().map(|value| (value * 1e4).round() / 1e4).collect()
    }

    #[test]
    fn moving_away_from_the_reference_policy_costs_and_a_pseudo_reference_is_worth_one() {
        // 0.9 − 0.1·(−0.5 + 1.5) − 0.5; 0.2 − 0.1·(−2 + 1) − 0.5; 1 − 0.25; 1 − 0.5.
        assert_eq!(rounded(advantages(terms(), 0.1)), [0.3, -0.2, 0.75, 0.5]);
    }

    #[test]
    fn without_a_reference_policy_there_is_no_penalty() {
        let terms = AdvantageTerms { reference_log_probs: None, ..terms() };
        assert_eq!(rounded(advantages(terms, 0.1)), [0.4, -0.3, 0.75, 0.5]);
    }
}

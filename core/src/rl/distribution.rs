//! The policy's distribution: one categorical a voxel, independent of the other voxels.

use burn::tensor::{Int, Tensor, activation::softmax};
use rand::RngExt;

use crate::{domain::Seed, random::generator};

/// Probabilities are kept within [ε, 1 − ε] before their logarithm is taken, as
/// `torch.distributions.Categorical(probs=..)` does: 2⁻²³, the step of float32 at 1.
pub const EPSILON: f64 = f32::EPSILON as f64;

/// A categorical distribution for each voxel.
#[derive(Debug, Clone)]
pub struct Categorical {
    /// `[batch, class, voxel]`.
    probabilities: Tensor<3>,
    /// Logarithms of the clamped probabilities, `[batch, class, voxel]`.
    log_probabilities: Tensor<3>,
}

impl Categorical {
    /// Softmax over the classes of `[batch, class, voxel]` logits.
    #[must_use]
    pub fn from_logits(logits: Tensor<3>) -> Self {
        let probabilities = softmax(logits, 1);
        let log_probabilities = probabilities.clone().clamp(EPSILON, 1.0 - EPSILON).log();
        Self { probabilities, log_probabilities }
    }

    /// `[batch, class, voxel]`, summing to 1 over the classes.
    #[must_use]
    pub fn probabilities(&self) -> Tensor<3> {
        self.probabilities.clone()
    }

    /// log π(label) of `[batch, voxel]` labels, which must be below the number of classes.
    #[must_use]
    pub fn log_prob(&self, labels: Tensor<2, Int>) -> Tensor<2> {
        self.log_probabilities.clone().gather(1, labels.unsqueeze_dim::<3>(1)).squeeze_dim(1)
    }

    /// −Σ p log p over the classes, `[batch, voxel]`, nats.
    #[must_use]
    pub fn entropy(&self) -> Tensor<2> {
        (self.probabilities.clone() * self.log_probabilities.clone()).sum_dim(1).squeeze_dim::<2>(1).neg()
    }
}

/// A label drawn for each voxel from `[class, voxel]` probabilities of one image: the first class
/// at which the cumulative probability exceeds a uniform number. Voxel n takes the n-th number of
/// the seed's stream, so a draw depends on nothing but the seed and the voxel's probabilities.
#[must_use]
pub fn sample(probabilities: &[f32], classes: usize, seed: Seed) -> Vec<u8> {
    let voxels = probabilities.len() / classes;
    let mut stream = generator(seed);
    let draw = |voxel: usize| {
        let uniform: f64 = stream.random();
        let mut cumulative = 0.0;
        let chosen = (0..classes - 1).find(|class| {
            cumulative += f64::from(probabilities[class * voxels + voxel]);
            uniform < cumulative
        });
        chosen.unwrap_or(classes - 1) as u8
    };
    (0..voxels).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn draws_have_the_frequencies_of_the_distribution() {
        const VOXELS: usize = 20_000;
        let classes = [0.2_f32, 0.5, 0.3];
        let probabilities: Vec<f32> = classes.iter().flat_map(|p| [*p; VOXELS]).collect();
        let labels = sample(&probabilities, 3, Seed(5));
        assert_eq!(labels, sample(&probabilities, 3, Seed(5)));
        assert_ne!(labels, sample(&probabilities, 3, Seed(6)));
        for (class, expected) in classes.iter().enumerate() {
            let count = labels.iter().filter(|label| usize::from(**label) == class).count();
            // Five standard deviations of a binomial share.
            let bound = 5.0 * (expected * (1.0 - expected) / VOXELS as f32).sqrt();
            assert!((count as f32 / VOXELS as f32 - expected).abs() < bound, "class {class}: {count}");
        }
    }

    #[test]
    fn a_certain_voxel_has_a_finite_log_probability() {
        let logits = TensorData::new(vec![100.0_f32, 0.0], [1, 2, 1]);
        let certain = Categorical::from_logits(Tensor::from_data(logits, &Device::flex()));
        let log_prob = |label: i32| {
            let label = Tensor::<2, Int>::from_data([[label]], &Device::flex());
            certain.log_prob(label).into_scalar::<f32>()
        };
        assert!((log_prob(1) - f32::EPSILON.ln()).abs() < 1e-5);
        assert!((log_prob(0) + f32::EPSILON).abs() < 1e-8);
        assert!(certain.entropy().into_scalar::<f32>().abs() < 1e-6);
    }
}

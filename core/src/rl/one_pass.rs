//! The policy's and the critic's losses with their slopes, in one pass over memory.
//!
//! The same numbers as [`ppo`](super::ppo), [`reinforce`](super::reinforce) and
//! [`advantage`](super::advantage) give through burn, whose operations take some forty passes. The
//! slope is worked out by hand: a network's gradient is that of Σ slope · logit.

use rayon::prelude::*;

use super::{
    distribution::EPSILON,
    sloped::{Sloped, over_planes},
};
use crate::component::{UpdateRule, UpdateStats};

/// What a policy's update goes by, all `[plane, voxel]` but for `is_pseudo_reference`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolicyTerms<'a> {
    pub rule: UpdateRule,
    pub clip_range: f64,
    pub entropy_coef: f64,
    pub divergence_coef: f64,
    pub classes: usize,
    /// Voxels of a plane.
    pub voxels: usize,
    /// Planes of an image.
    pub slow: usize,
    pub labels: &'a [u8],
    /// log π of the labels when they were drawn.
    pub log_probs: &'a [f32],
    pub reference_log_probs: Option<&'a [f32]>,
    pub rewards: &'a [f32],
    /// The critic's V.
    pub values: &'a [f32],
    /// One an image.
    pub is_pseudo_reference: &'a [bool],
}

/// One voxel's contribution to the sums, and the slope of its objective.
struct Voxel {
    objective: f64,
    clipped: bool,
    approx_kl: f64,
    divergence: f64,
    /// d objective / d log π(label).
    slope: f64,
}

impl PolicyTerms<'_> {
    /// The loss of `[plane, class, voxel]` logits with its slope. Of the statistics all that is known
    /// of the policy is filled in.
    pub fn loss(&self, logits: &[f32]) -> (Sloped, UpdateStats) {
        let count = self.labels.len() as f64;
        let of_plane = |plane: usize, logits: &[f32], slope: &mut [f32]| self.plane(plane, logits, slope, 1.0 / count);
        let (sums, slope) = over_planes(logits, self.classes * self.voxels, of_plane);
        let [objective, entropy, approx_kl, clip_fraction, divergence] = sums.map(|sum| sum / count);
        let loss = -objective - self.entropy_coef * entropy;
        let stats = UpdateStats {
            policy_loss: loss,
            entropy,
            approx_kl,
            clip_fraction,
            reference_divergence: divergence,
            ..UpdateStats::default()
        };
        (Sloped { loss, slope }, stats)
    }

    fn plane(&self, plane: usize, logits: &[f32], slope: &mut [f32], weight: f64) -> [f64; 5] {
        let mut sums = [0.0; 5];
        let mut distribution = Distribution::new(self.classes);
        for voxel in 0..self.voxels {
            distribution.set((0..self.classes).map(|class| logits[class * self.voxels + voxel]));
            let place = plane * self.voxels + voxel;
            let label = usize::from(self.labels[place]);
            let of_voxel = self.voxel(place, distribution.log_probabilities[label]);
            let entropy = distribution.entropy();
            let clipped = f64::from(u8::from(of_voxel.clipped));
            let terms = [of_voxel.objective, entropy, of_voxel.approx_kl, clipped, of_voxel.divergence];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            for class in 0..self.classes {
                let by_label = of_voxel.slope * distribution.log_prob_slope(label, class);
                let by_entropy = self.entropy_coef * distribution.entropy_slope(entropy, class);
                slope[class * self.voxels + voxel] = (-weight * (by_label + by_entropy)) as f32;
            }
        }
        sums
    }

    fn voxel(&self, place: usize, log_prob: f64) -> Voxel {
        let reward = f64::from(self.rewards[place]);
        let divergence = self.reference_log_probs.map_or(0.0, |reference| log_prob - f64::from(reference[place]));
        let is_pseudo_reference = self.is_pseudo_reference[place / (self.voxels * self.slow)];
        let returns = if is_pseudo_reference { 1.0 } else { reward - self.divergence_coef * divergence };
        let advantage = returns - f64::from(self.values[place]);
        let log_ratio = log_prob - f64::from(self.log_probs[place]);
        let ratio = log_ratio.exp();
        let approx_kl = ratio - 1.0 - log_ratio;
        match self.rule {
            UpdateRule::Reinforce => {
                Voxel { objective: advantage * log_prob, clipped: false, approx_kl, divergence, slope: advantage }
            }
            UpdateRule::Ppo => {
                let kept = ratio.clamp(1.0 - self.clip_range, 1.0 + self.clip_range);
                let (plain, clipped) = (ratio * advantage, kept * advantage);
                let slope = if plain <= clipped { plain } else { 0.0 };
                let is_clipped = (ratio - 1.0).abs() > self.clip_range;
                Voxel { objective: plain.min(clipped), clipped: is_clipped, approx_kl, divergence, slope }
            }
        }
    }
}

/// One voxel's categorical distribution, with the clamped logarithms of
/// [`Categorical`](super::distribution::Categorical).
struct Distribution {
    probabilities: Vec<f64>,
    log_probabilities: Vec<f64>,
    /// Whether a probability lies where its logarithm is not clamped.
    inside: Vec<bool>,
    /// Σ p over the classes inside.
    mass_inside: f64,
}

impl Distribution {
    fn new(classes: usize) -> Self {
        let zeros = vec![0.0; classes];
        Self { probabilities: zeros.clone(), log_probabilities: zeros, inside: vec![true; classes], mass_inside: 1.0 }
    }

    fn set(&mut self, logits: impl Iterator<Item = f32> + Clone) {
        let largest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
        for (probability, logit) in self.probabilities.iter_mut().zip(logits) {
            *probability = f64::from((logit - largest).exp());
        }
        let sum: f64 = self.probabilities.iter().sum();
        self.mass_inside = 0.0;
        let places = self.probabilities.iter_mut().zip(&mut self.log_probabilities).zip(&mut self.inside);
        for ((probability, log_probability), inside) in places {
            *probability /= sum;
            let clamped = probability.clamp(EPSILON, 1.0 - EPSILON);
            *inside = clamped == *probability;
            *log_probability = f64::from((clamped as f32).ln());
            if *inside {
                self.mass_inside += *probability;
            }
        }
    }

    /// −Σ p log p, nats.
    fn entropy(&self) -> f64 {
        -self.probabilities.iter().zip(&self.log_probabilities).map(|(p, log_p)| p * log_p).sum::<f64>()
    }

    /// d log p(label) / d logit of `class`.
    fn log_prob_slope(&self, label: usize, class: usize) -> f64 {
        if !self.inside[label] {
            return 0.0;
        }
        f64::from(u8::from(label == class)) - self.probabilities[class]
    }

    /// d entropy / d logit of `class`, at this `entropy`.
    fn entropy_slope(&self, entropy: f64, class: usize) -> f64 {
        let of_logarithm = f64::from(u8::from(self.inside[class])) - self.mass_inside;
        -self.probabilities[class] * (self.log_probabilities[class] + entropy + of_logarithm)
    }
}

/// V of the critic's logits: their sigmoid.
pub(crate) fn values(logits: &[f32]) -> Vec<f32> {
    logits.par_iter().map(|&logit| sigmoid(logit)).collect()
}

/// Mean squared error of [`values`] against rewards.
pub(crate) fn value_loss(logits: &[f32], rewards: &[f32], voxels: usize) -> Sloped {
    let count = logits.len() as f64;
    let of_plane = |plane: usize, logits: &[f32], slope: &mut [f32]| {
        let rewards = &rewards[plane * voxels..][..voxels];
        let mut sum = 0.0;
        for ((&logit, &reward), slope) in logits.iter().zip(rewards).zip(slope) {
            let value = sigmoid(logit);
            let error = value - reward;
            sum += f64::from(error * error);
            *slope = (2.0 * f64::from(error * value * (1.0 - value)) / count) as f32;
        }
        [sum]
    };
    let ([sum], slope) = over_planes(logits, voxels, of_plane);
    Sloped { loss: sum / count, slope }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

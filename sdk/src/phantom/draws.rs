//! Distributions, and tables of them for two domains.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

/// A number from `low` to `high`, all equally likely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

/// A normally distributed number, clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    /// Mean before clipping.
    pub mean: f32,
    /// Standard deviation before clipping.
    pub sd: f32,
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

/// A whole number from `low` to `high`, both included, all equally likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Smallest number.
    pub low: u32,
    /// Largest number.
    pub high: u32,
}

/// How likely something is there at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probability(pub f32);

/// From `low` to `high`.
#[must_use]
pub const fn uniform(low: f32, high: f32) -> Uniform {
    Uniform { low, high }
}

/// Of this mean and standard deviation, clipped to `low` and `high`.
#[must_use]
pub const fn normal(mean: f32, sd: f32, low: f32, high: f32) -> Normal {
    Normal { mean, sd, low, high }
}

/// From `low` to `high`, both included.
#[must_use]
pub const fn count(low: u32, high: u32) -> Count {
    Count { low, high }
}

impl Uniform {
    /// Draws one.
    pub fn draw(self, rng: &mut impl Rng) -> f32 {
        self.low + (self.high - self.low) * rng.random::<f32>()
    }
}

impl Normal {
    /// Draws one.
    pub fn draw(self, rng: &mut impl Rng) -> f32 {
        let value: f32 = StandardNormal.sample(rng);
        (self.mean + self.sd * value).clamp(self.low, self.high)
    }
}

impl Count {
    /// Draws one.
    pub fn draw(self, rng: &mut impl Rng) -> u32 {
        rng.random_range(self.low..=self.high)
    }
}

impl Probability {
    /// Draws one.
    pub fn draw(self, rng: &mut impl Rng) -> bool {
        rng.random::<f32>() < self.0
    }
}

/// A point on the way from one domain to another.
pub trait Between {
    /// `self` at `severity` 0, `target` at 1, and beyond it above 1.
    #[must_use]
    fn between(self, target: Self, severity: f32) -> Self;
}

impl Between for f32 {
    fn between(self, target: Self, severity: f32) -> Self {
        // In this form the two ends come out exactly.
        (1.0 - severity) * self + severity * target
    }
}

impl Between for Uniform {
    fn between(self, target: Self, severity: f32) -> Self {
        uniform(self.low.between(target.low, severity), self.high.between(target.high, severity))
    }
}

impl Between for Normal {
    fn between(self, target: Self, severity: f32) -> Self {
        Self {
            mean: self.mean.between(target.mean, severity),
            sd: self.sd.between(target.sd, severity),
            low: self.low.between(target.low, severity),
            high: self.high.between(target.high, severity),
        }
    }
}

impl Between for Count {
    fn between(self, target: Self, severity: f32) -> Self {
        let whole = |source: u32, target: u32| (source as f32).between(target as f32, severity).round() as u32;
        count(whole(self.low, target.low), whole(self.high, target.high))
    }
}

impl Between for Probability {
    fn between(self, target: Self, severity: f32) -> Self {
        Self(self.0.between(target.0, severity).clamp(0.0, 1.0))
    }
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number that may change from one iteration of the loop to the next.
///
/// In TOML either a number, or a table: `{ initial = 0.15, over_iterations = "inverse" }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number or { initial = NUMBER, over_iterations = \"inverse\", \"linear\" or \"halve\" }"
)]
pub enum Schedule {
    /// The same in every iteration.
    Constant(f64),
    /// Starts at `initial` in iteration 1.
    Varying(Varying),
}

/// A [`Schedule`] that changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Varying {
    /// The value in iteration 1.
    initial: f64,
    /// How it goes on.
    over_iterations: OverIterations,
}

/// How a [`Schedule`] changes with the iteration i = 1, 2, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverIterations {
    /// initial / i, as the published entropy and divergence coefficients.
    Inverse,
    /// initial · i, as the published batch size.
    Linear,
    /// initial / 2^(i−1).
    Halve,
}

impl Schedule {
    /// A schedule that starts at `initial`.
    #[must_use]
    pub fn varying(initial: f64, over_iterations: OverIterations) -> Self {
        Self::Varying(Varying { initial, over_iterations })
    }

    /// The value in iteration 1.
    #[must_use]
    pub fn initial(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Varying(varying) => varying.initial,
        }
    }

    /// The value in `iteration`, counted from 1.
    #[must_use]
    pub fn at(&self, iteration: usize) -> f64 {
        let i = iteration.max(1) as f64;
        match self {
            Self::Constant(value) => *value,
            Self::Varying(varying) => match varying.over_iterations {
                OverIterations::Inverse => varying.initial / i,
                OverIterations::Linear => varying.initial * i,
                OverIterations::Halve => varying.initial / (i - 1.0).exp2(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_schedules() {
        let entropy = Schedule::varying(0.15, OverIterations::Inverse);
        let found: Vec<f64> = (1..=4).map(|i| entropy.at(i)).collect();
        assert_eq!(found, [0.15, 0.075, 0.15 / 3.0, 0.0375]);
        let batch = Schedule::varying(8.0, OverIterations::Linear);
        assert_eq!((1..=4).map(|i| batch.at(i)).collect::<Vec<_>>(), [8.0, 16.0, 24.0, 32.0]);
        assert_eq!(Schedule::varying(1.0, OverIterations::Halve).at(3), 0.25);
    }
}

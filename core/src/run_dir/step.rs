use std::fmt;

use serde::{Deserialize, Serialize};

/// What a step does; in the order of an iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The supervised start on the source domain.
    Pretrain,
    /// Step 1 of the method: the reward data set.
    Collect,
    /// Step 2: the reward network.
    FitReward,
    /// Step 3: the policy.
    ImprovePolicy,
    /// What the policy can do now, on source and target test cases.
    Evaluate,
}

impl StepKind {
    /// As in the folders of a run.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pretrain => "pretrain",
            Self::Collect => "collect",
            Self::FitReward => "fit-reward",
            Self::ImprovePolicy => "improve-policy",
            Self::Evaluate => "evaluate",
        }
    }
}

/// A step of a run, in the order in which they are taken. Iteration 0 holds the supervised start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step {
    /// Which iteration of the loop.
    pub iteration: usize,
    /// What it does.
    pub kind: StepKind,
}

impl Step {
    /// A step of an iteration.
    #[must_use]
    pub fn new(iteration: usize, kind: StepKind) -> Self {
        Self { iteration, kind }
    }

    /// All steps of a run of `iterations`, in order.
    pub fn all(iterations: usize) -> impl Iterator<Item = Self> {
        let start = [StepKind::Pretrain, StepKind::Evaluate].map(|kind| Self::new(0, kind));
        let repeated = (1..=iterations).flat_map(|iteration| {
            [StepKind::Collect, StepKind::FitReward, StepKind::ImprovePolicy, StepKind::Evaluate]
                .map(|kind| Self::new(iteration, kind))
        });
        start.into_iter().chain(repeated)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::layout::step(self).to_string_lossy())
    }
}

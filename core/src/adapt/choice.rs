//! Which of an improvement's checkpoints is kept, without any label.

use serde::{Deserialize, Serialize};

use crate::{
    component::{ComponentError, Policy, PolicyState},
    config::Checkpoint,
};

/// How good a policy looks without any label.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Score {
    /// Share of validation results that are anatomically valid.
    pub valid: f64,
    /// Mean calibrated reward of the arg-max labels of the validation images.
    pub reward: f64,
}

impl Score {
    /// What checkpoints are chosen by. Validity is not what the policy was trained for, so a policy
    /// that learnt to please the reward network alone does not win.
    fn total(&self) -> f64 {
        self.valid + self.reward
    }

    /// How far the share of valid results may lie from what it is over many more images: half the 95 %
    /// interval of Agresti and Coull (1998), which is not zero where all of a few are valid.
    fn margin(&self, cases: usize) -> f64 {
        let cases = cases as f64 + 4.0;
        let share = (self.valid * (cases - 4.0) + 2.0) / cases;
        2.0 * (share * (1.0 - share) / cases).sqrt()
    }
}

/// Chooses a checkpoint: by [`Checkpoint::HeldOut`] the last one that is not worse than the best by more than what
/// chance may give the best. Among those that a few held-out images cannot tell apart, the one that has learnt
/// most is taken.
pub(super) struct Choice {
    pub by: Checkpoint,
    pub chosen: Chosen,
    /// The weights of the chosen checkpoint.
    pub state: PolicyState,
    /// How many held-out images the scores are of.
    pub cases: usize,
}

/// Which checkpoint was chosen, and why.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Chosen {
    pub epoch: usize,
    pub score: Score,
    /// The best score of all so far.
    best: Score,
}

impl Choice {
    /// The policy as it is before the first epoch is a candidate too.
    pub fn start(by: Checkpoint, score: Score, state: PolicyState, cases: usize) -> Self {
        Self { by, chosen: Chosen { epoch: 0, score, best: score }, state, cases }
    }

    /// Whether a later checkpoint with this score takes the place of the chosen one.
    fn prefers(&mut self, score: Score) -> bool {
        if self.by == Checkpoint::Last {
            return true;
        }
        let best = &mut self.chosen.best;
        if score.total() > best.total() {
            *best = score;
        }
        score.total() >= best.total() - best.margin(self.cases)
    }

    pub fn offer(&mut self, epoch: usize, score: Score, policy: &dyn Policy) -> Result<(), ComponentError> {
        if self.prefers(score) {
            self.chosen = Chosen { epoch, score, ..self.chosen };
            self.state = policy.state()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Choice {
        let start = Score { valid: 0.5, reward: 0.9 };
        Choice::start(Checkpoint::HeldOut, start, PolicyState { actor: Vec::new(), critic: None }, 20)
    }

    fn score(valid: f64) -> Score {
        Score { valid, reward: 0.9 }
    }

    #[test]
    fn of_checkpoints_that_cannot_be_told_apart_the_last_is_taken() {
        let mut choice = choice();
        // The margin of 0.8 in 20 is 0.176, that of 1 is 0.113.
        assert!(choice.prefers(score(0.8)));
        assert!(choice.prefers(score(0.65)));
        assert!(!choice.prefers(score(0.6)));
        assert!(choice.prefers(score(1.0)));
        assert!(choice.prefers(score(0.9)));
        assert!(!choice.prefers(score(0.85)));
    }

    #[test]
    fn the_last_checkpoint_is_taken_where_that_is_asked_for() {
        let mut choice = Choice { by: Checkpoint::Last, ..choice() };
        assert!(choice.prefers(score(0.0)));
    }

    #[test]
    fn a_policy_that_pleases_the_reward_network_alone_is_not_taken() {
        assert!(!choice().prefers(Score { valid: 0.0, reward: 0.999 }));
    }
}

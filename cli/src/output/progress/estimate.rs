use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use indicatif::HumanDuration;
use rl4seg_core::run_dir::{Step, StepKind, layout};

/// How long the steps to come will take, from how long those of their kind took. Nothing is told before each kind
/// has been seen once.
#[derive(Debug, Default)]
pub struct Estimate {
    /// The steps of the run.
    steps: Vec<Step>,
    /// The last of each kind, with its seconds. By the name of the kind's folder.
    seen: BTreeMap<String, (Step, f64)>,
    /// Seconds of earlier attempts at steps that are not finished.
    attempts: HashMap<Step, f64>,
}

impl Estimate {
    /// For a run of `iterations`.
    pub fn new(iterations: usize) -> Self {
        Self { steps: Step::all(iterations).collect(), ..Self::default() }
    }

    /// Attempts at a step that is not finished took so long.
    pub fn attempted(&mut self, step: Step, seconds: f64) {
        self.attempts.insert(step, seconds);
    }

    /// The attempt that completed a step took so long; gives what all attempts at it did.
    pub fn completed(&mut self, step: Step, seconds: f64) -> f64 {
        let all = self.attempts.remove(&step).unwrap_or_default() + seconds;
        self.add(step, all);
        all
    }

    /// A step took so long.
    pub fn add(&mut self, step: Step, seconds: f64) {
        self.seen.insert(kind(step), (step, seconds));
    }

    /// How long all steps after `step` will take.
    pub fn after(&self, step: Step) -> Option<Duration> {
        let to_come = self.steps.iter().skip_while(|other| **other != step).skip(1);
        let seconds = to_come.map(|step| self.of(*step)).sum::<Option<f64>>()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn of(&self, step: Step) -> Option<f64> {
        let (seen, seconds) = *self.seen.get(&kind(step))?;
        // The reward network learns from the samples of all iterations so far.
        let grows = step.kind == StepKind::FitReward;
        let times = if grows { step.iteration as f64 / seen.iteration.max(1) as f64 } else { 1.0 };
        Some(seconds * times)
    }
}

fn kind(step: Step) -> String {
    let folder = layout::step(&step);
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// For people, as `, the whole run about 3 minutes`.
pub fn text(left: Option<Duration>) -> String {
    let long = left.filter(|left| left.as_secs() > 0);
    long.map_or_else(String::new, |left| format!(", the whole run about {}", HumanDuration(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_to_come_take_as_long_as_their_kind_took() {
        let mut estimate = Estimate::new(3);
        let step = |iteration, kind| Step::new(iteration, kind);
        estimate.add(step(0, StepKind::Pretrain), 500.0);
        estimate.add(step(0, StepKind::Evaluate), 2.0);
        estimate.add(step(1, StepKind::Collect), 10.0);
        assert_eq!(estimate.after(step(1, StepKind::Collect)), None, "no reward was fitted yet");
        estimate.add(step(1, StepKind::FitReward), 20.0);
        estimate.add(step(1, StepKind::ImprovePolicy), 30.0);
        estimate.add(step(1, StepKind::Evaluate), 3.0);
        // Iterations 2 and 3, with two and three times the samples.
        let seconds = (10 + 40 + 30 + 3) + (10 + 60 + 30 + 3);
        assert_eq!(estimate.after(step(1, StepKind::Evaluate)), Some(Duration::from_secs(seconds)));
        estimate.add(step(2, StepKind::FitReward), 50.0);
        assert_eq!(estimate.after(step(3, StepKind::Collect)), Some(Duration::from_secs(75 + 30 + 3)));
        assert_eq!(estimate.after(step(3, StepKind::Evaluate)), Some(Duration::ZERO));
    }

    #[test]
    fn a_step_that_was_gone_on_with_took_as_long_as_all_attempts() {
        let mut estimate = Estimate::new(2);
        let fit = |iteration| Step::new(iteration, StepKind::FitReward);
        for kind in [StepKind::Collect, StepKind::ImprovePolicy, StepKind::Evaluate] {
            estimate.add(Step::new(1, kind), 0.0);
        }
        estimate.attempted(fit(1), 90.0);
        assert_eq!(estimate.completed(fit(1), 10.0), 100.0);
        assert_eq!(estimate.after(fit(1)), Some(Duration::from_secs(200)));
        assert_eq!(estimate.completed(fit(2), 10.0), 10.0);
    }
}

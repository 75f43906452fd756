//! The loop: collect, fit the reward, improve the policy, and again.
//!
//! The whole method is [`run`] and one file for each step. Everything random in a step is derived
//! from the run's seed and the step's name; a step reads finished folders and writes its own. Steps of epochs
//! keep where they stand after each, and go on from there.

mod ahead;
mod baseline;
mod batches;
mod calibrate;
mod choice;
mod collect;
mod components;
mod digest;
mod distort;
mod domains;
mod epochs;
mod error;
mod evaluate;
mod fit_reward;
mod frozen;
mod held_out;
mod improve_policy;
mod labelled;
mod log;
mod memory;
mod observer;
mod portions;
mod preflight;
mod prepared;
mod pretrain;
mod reference_reward;
mod rehearsal;
mod review;
mod reward_data;
mod rollout;
mod samples;
mod segment;
mod state;
mod training;
mod triage;

pub use calibrate::Calibration;
pub use components::{Components, Judges, Validity};
pub use digest::of_image as image_sha256;
pub use domains::{SourceDomain, TargetDomain};
pub use error::AdaptError;
pub use evaluate::{CaseResult, DomainSummary, EvaluateSummary, StructureSummary};
pub use frozen::{FrozenCase, cases_of_run, data_may_move, expect_cases_of};
pub use improve_policy::update_settings;
pub use log::{MetricsLine, verify};
pub use memory::{MemoryEstimate, PROGRAM};
pub use observer::{Observer, Progress, Silent, Unit};
pub use portions::{collect_portion, improve_portion};
pub use prepared::{PreparedCase, prepare_image};
pub use review::{CaseMaps, ReviewedCase, See, review, review_maps};
pub use segment::{Portion, Segmented, Segmenter};
pub use state::{latest_policy, latest_reward};

use log::RunLog;
use serde::Serialize;

use crate::{
    config::Plan,
    domain::Seed,
    run_dir::{self, RunDir, Step, StepDir, StepKind},
};

/// What every step works with.
pub(crate) struct StepContext<'a> {
    pub plan: &'a Plan,
    pub run: &'a RunDir,
    pub work: &'a StepDir,
    pub step: Step,
    pub seed: Seed,
    pub observer: &'a mut dyn Observer,
    pub log: &'a mut RunLog,
}

impl StepContext<'_> {
    /// Tells how far the step is, and ends it where that was asked for.
    pub(crate) fn progress(&mut self, progress: Progress<'_>) -> Result<(), AdaptError> {
        observer::report(self.observer, progress)
    }

    /// Ends the step where that was asked for; for work that is part of what was told last.
    pub(crate) fn go_on(&self) -> Result<(), AdaptError> {
        observer::go_on(self.observer)
    }

    /// Logs an epoch that is over; gives it back.
    pub(crate) fn epoch<T: Serialize>(&mut self, epoch: T) -> Result<T, AdaptError> {
        let line = self.log.epoch(self.step, &epoch)?;
        self.observer.epoch_finished(&line);
        Ok(epoch)
    }
}

/// Takes the run on from where it is to its end. Steps that are complete are not repeated.
///
/// # Errors
/// The first failure, with the step it happened in; [`AdaptError::Interrupted`] where the observer asked for an end.
/// Steps finished before stay as they are.
pub fn run(
    run: &RunDir,
    components: &mut Components,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<(), AdaptError> {
    run_steps(run, components, plan, &Step::all(plan.iterations).collect::<Vec<_>>(), observer)
}

/// The same for the first of its steps alone.
///
/// # Errors
/// As [`run`].
pub fn run_steps(
    run: &RunDir,
    components: &mut Components,
    plan: &Plan,
    steps: &[Step],
    observer: &mut dyn Observer,
) -> Result<(), AdaptError> {
    run_dir::require_in_order(run.root())?;
    if steps.iter().any(|step| !run.is_done(step))
        && let Some(seen) = frozen::check(run.root(), components)?
    {
        require_memory(plan, components, &seen, observer)?;
    }
    let mut log = RunLog::open(run, components.judges.labels.clone(), plan.iterations)?;
    for (index, step) in steps.iter().enumerate() {
        if run.is_done(step) {
            continue;
        }
        if observer.stop_requested() {
            return Err(AdaptError::Interrupted.in_step(*step));
        }
        observer.step_started(step, index, steps.len());
        log.started(*step)?;
        match take((run, &mut log), components, plan, *step, observer) {
            Ok(summary) => {
                log.finished(*step)?;
                observer.step_finished(step, &summary);
            }
            Err(error) => {
                // Of two failures the first is the one to tell, as where the disk is full.
                let _ = log.ended(*step, &error);
                return Err(error.in_step(*step));
            }
        }
    }
    Ok(())
}

/// Tells what the run takes of memory, and refuses it where that is more than was allowed.
fn require_memory(
    plan: &Plan,
    components: &Components,
    seen: &frozen::Seen,
    observer: &mut dyn Observer,
) -> Result<(), AdaptError> {
    // A run of an earlier version does not say how large its cases are.
    if seen.source.values().any(|content| content.channels == 0) {
        return match components.memory_limit {
            Some(_) => Err(AdaptError::Data(
                "an earlier version began this run and did not write down how large its cases are, so that nothing tells what it takes \
                 of memory; leave the limit out, or begin another run"
                    .to_owned(),
            )),
            None => Ok(()),
        };
    }
    match (memory::estimate(plan, components, seen)?, components.memory_limit) {
        (Some(estimate), limit) => {
            observer.memory(&estimate);
            limit.map_or(Ok(()), |limit| estimate.require(limit))
        }
        (None, Some(_)) => Err(AdaptError::Data(
            "what a run takes of memory is known only of U-Nets on the CPU; leave the limit out".to_owned(),
        )),
        (None, None) => Ok(()),
    }
}

fn take(
    (run, log): (&RunDir, &mut RunLog),
    components: &mut Components,
    plan: &Plan,
    step: Step,
    observer: &mut dyn Observer,
) -> Result<serde_json::Value, AdaptError> {
    let work = run.begin(&step)?;
    let seed = plan.seed().named("iteration").indexed(step.iteration);
    let mut context = StepContext { plan, run, work: &work, step, seed, observer, log };
    let summary = match step.kind {
        StepKind::Pretrain => pretrain::run(&mut context, components)?,
        StepKind::Collect => collect::run(&mut context, components)?,
        StepKind::FitReward => fit_reward::run(&mut context, components)?,
        StepKind::ImprovePolicy => improve_policy::run(&mut context, components)?,
        StepKind::Evaluate => evaluate::run(&mut context, components)?,
    };
    work.commit(&summary)?;
    Ok(summary)
}

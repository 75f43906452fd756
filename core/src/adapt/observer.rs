use serde_json::Value;

use super::{AdaptError, MemoryEstimate, MetricsLine};
use crate::run_dir::Step;

/// What work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Images put through the networks together.
    Batches,
    /// Images, or cases with their label maps.
    Images,
}

impl Unit {
    /// The word for several.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Batches => "batches",
            Self::Images => "images",
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, as `epoch 3 of 14`.
    pub what: &'a str,
    /// How much of the step is done.
    pub done: usize,
    /// How much there is to do in the step.
    pub total: usize,
    /// What both are numbers of.
    pub unit: Unit,
}

impl<'a> Progress<'a> {
    /// `done` of `total` batches.
    #[must_use]
    pub fn batches(what: &'a str, done: usize, total: usize) -> Self {
        Self { what, done, total, unit: Unit::Batches }
    }

    /// `done` of `total` images.
    #[must_use]
    pub fn images(what: &'a str, done: usize, total: usize) -> Self {
        Self { what, done, total, unit: Unit::Images }
    }
}

/// Watches a run. Nothing that an observer does changes a result; it can only end the work early.
pub trait Observer {
    /// A step begins, the `index`-th of `total`.
    fn step_started(&mut self, step: &Step, index: usize, total: usize);

    /// The step that began last has come so far.
    fn progress(&mut self, progress: Progress<'_>);

    /// An epoch of the step that began last is over; `line` is what the run's `metrics.jsonl` has of it.
    fn epoch_finished(&mut self, line: &MetricsLine) {
        let _ = line;
    }

    /// A step is complete; `summary` is what its `step.json` holds.
    fn step_finished(&mut self, step: &Step, summary: &Value);

    /// What the run takes of memory, told before anything is trained, where it is known.
    fn memory(&mut self, _estimate: &MemoryEstimate) {}

    /// Whether the work is to end at the next batch, with [`AdaptError::Interrupted`].
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Tells how far the step is, and ends it where that was asked for.
pub(super) fn report(observer: &mut dyn Observer, progress: Progress<'_>) -> Result<(), AdaptError> {
    observer.progress(progress);
    go_on(observer)
}

/// Ends the step where that was asked for.
pub(super) fn go_on(observer: &dyn Observer) -> Result<(), AdaptError> {
    if observer.stop_requested() { Err(AdaptError::Interrupted) } else { Ok(()) }
}

/// Watches without a word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step_started(&mut self, _: &Step, _: usize, _: usize) {}

    fn progress(&mut self, _: Progress<'_>) {}

    fn step_finished(&mut self, _: &Step, _: &Value) {}
}

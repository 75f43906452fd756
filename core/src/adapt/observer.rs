use serde_json::Value;

use crate::run_dir::Step;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, as `epoch 3 of 14`.
    pub what: &'a str,
    /// How much of the step is done.
    pub done: usize,
    /// How much there is to do in the step.
    pub total: usize,
}

/// Watches a run. Nothing that an observer does changes a result.
pub trait Observer {
    /// A step begins, the `index`-th of `total`.
    fn step_started(&mut self, step: &Step, index: usize, total: usize);

    /// The step that began last has come so far.
    fn progress(&mut self, progress: Progress<'_>);

    /// A step is complete; `summary` is what its `step.json` holds.
    fn step_finished(&mut self, step: &Step, summary: &Value);
}

/// Watches without a word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step_started(&mut self, _: &Step, _: usize, _: usize) {}

    fn progress(&mut self, _: Progress<'_>) {}

    fn step_finished(&mut self, _: &Step, _: &Value) {}
}

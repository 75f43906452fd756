use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use rl4seg_core::{
    adapt::{AdaptError, MemoryEstimate, MetricsLine, Observer, Progress},
    run_dir::{self, Step},
};
use serde_json::{Value, json};

use super::{super::warning, Counter, Estimate, Shown, estimate, event::Subject, event::event};
use crate::interrupt::Interrupted;

/// Shows the steps of a run, and ends it where its user asks for that.
pub struct RunProgress {
    shown: Shown,
    counter: Counter,
    current: Option<Step>,
    started: Instant,
    estimate: Estimate,
    stop: Option<&'static AtomicBool>,
}

impl RunProgress {
    /// Shows nothing until a step begins.
    pub fn new(shown: Shown) -> Self {
        Self {
            shown,
            counter: Counter::new("", Shown::Nothing),
            current: None,
            started: Instant::now(),
            estimate: Estimate::default(),
            stop: None,
        }
    }

    /// The same, with what is known of earlier steps and what tells that it is to end.
    pub fn of_run(shown: Shown, estimate: Estimate, stop: &'static AtomicBool) -> Self {
        Self { estimate, stop: Some(stop), ..Self::new(shown) }
    }

    /// The run of `iterations` in `root` came to an early end.
    pub fn ended(&mut self, error: AdaptError, root: &Path, iterations: usize) -> anyhow::Error {
        self.counter = Counter::new("", Shown::Nothing);
        let Some(step) = error.interrupted_in() else { return error.into() };
        let steps: Vec<Step> = Step::all(iterations).collect();
        let done = steps.iter().filter(|step| run_dir::is_done(root, step)).count();
        self.shown.interrupted(Interrupted::Run { step, done, total: steps.len() })
    }
}

impl Observer for RunProgress {
    fn step_started(&mut self, step: &Step, index: usize, total: usize) {
        self.counter = Counter::of(Subject::Step(*step), format!("[{}/{total}] {step}", index + 1), self.shown);
        self.current = Some(*step);
        self.started = Instant::now();
        if self.shown == Shown::Events {
            let place = json!({ "number": index + 1, "steps": total });
            event("step-started", &with(Subject::Step(*step).fields(), place));
        }
    }

    fn progress(&mut self, progress: Progress<'_>) {
        let Progress { what, done, total, unit } = progress;
        let after = self.current.and_then(|step| self.estimate.after(step));
        self.counter.with_outlook((what, unit.name()), (done, total), |reading| {
            let (left, after) = (reading.left()?, after.filter(|after| !after.is_zero())?);
            Some(left + after)
        });
    }

    fn epoch_finished(&mut self, line: &MetricsLine) {
        if self.shown == Shown::Events {
            event("epoch", line);
        }
    }

    fn step_finished(&mut self, step: &Step, summary: &Value) {
        let seconds = self.estimate.completed(*step, self.started.elapsed().as_secs_f64());
        let left = self.estimate.after(*step);
        if let Some(warning) = warning::about(summary) {
            self.shown.tell(&warning);
        }
        self.counter.finish(&format!("done in {seconds:.1} s{}", estimate::text(left)));
        if self.shown == Shown::Events {
            let told = json!({ "seconds": seconds, "run_seconds_left": left.map(|left| left.as_secs_f64()), "summary": summary });
            event("step-finished", &with(Subject::Step(*step).fields(), told));
        }
    }

    fn memory(&mut self, estimate: &MemoryEstimate) {
        if self.shown == Shown::Events {
            return event("memory", estimate);
        }
        let (step, bytes) = estimate.peak();
        self.shown.tell(&format!("memory: about {} MiB at most, in {}", bytes.div_ceil(1 << 20), step.name()));
    }

    fn stop_requested(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// The fields of both objects.
fn with(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

//! What a run tells of itself in files of its own: all metrics in one (`metrics.jsonl`), the same for TensorBoard, and
//! the test cases as a table (`cases.csv`).
//!
//! They hold nothing that the finished steps and the journal do not, so they are brought to what those say whenever a
//! run is opened, an epoch is over or a step is complete, whatever was there before.

mod cases;
mod line;
mod tensorboard;
mod verify;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::AdaptError;
use crate::{
    domain::LabelSet,
    run_dir::{Entry, Event, Journal, RunDir, RunError, Step, bring_to, is_done, layout, read_journal},
};

pub use line::MetricsLine;
pub use verify::verify;

/// The journal of a run, and what follows from it and from the steps.
pub(crate) struct RunLog {
    root: PathBuf,
    labels: LabelSet,
    steps: Vec<Step>,
    journal: Journal,
    entries: Vec<Entry>,
    /// Of steps that are complete, in order.
    finished: Vec<MetricsLine>,
    /// Of the step under way.
    live: Vec<MetricsLine>,
}

impl RunLog {
    /// Opens the journal of a run of `iterations`, and brings all files to what its steps say.
    ///
    /// # Errors
    /// If a file of the run cannot be read or written.
    pub fn open(run: &RunDir, labels: LabelSet, iterations: usize) -> Result<Self, RunError> {
        let mut log = Self {
            root: run.root().to_owned(),
            labels,
            steps: Step::all(iterations).collect(),
            journal: run.journal()?,
            entries: read_journal(run.root())?,
            finished: Vec::new(),
            live: Vec::new(),
        };
        log.finished = of_steps(&log.root, &log.done().collect::<Vec<_>>())?;
        log.live = log.earlier_epochs();
        log.write()?;
        Ok(log)
    }

    /// A step begins.
    pub fn started(&mut self, step: Step) -> Result<(), RunError> {
        let entry = self.journal.started(step)?;
        self.entries.push(entry);
        Ok(())
    }

    /// An epoch of the step is over.
    pub fn epoch(&mut self, step: Step, epoch: &impl Serialize) -> Result<MetricsLine, AdaptError> {
        let line = MetricsLine::of_epoch(step, epoch)?;
        if let Some(epoch) = line.epoch {
            self.entries.push(self.journal.epoch(step, epoch)?);
        }
        // The step may have begun anew, or have gone on after some epochs.
        self.live.retain(|earlier| earlier.step() == step && earlier.epoch < line.epoch);
        self.live.push(line.clone());
        self.write_metrics()?;
        self.write_events(step)?;
        Ok(line)
    }

    /// The step is complete.
    pub fn finished(&mut self, step: Step) -> Result<(), RunError> {
        let entry = self.journal.finished(step)?;
        self.entries.push(entry);
        self.finished.extend(MetricsLine::of_finished(step, &self.folder(step))?);
        self.live.clear();
        self.write()
    }

    /// The step came to an early end.
    pub fn ended(&mut self, step: Step, error: &AdaptError) -> Result<(), RunError> {
        let entry = match error {
            AdaptError::Interrupted => self.journal.interrupted(step),
            failure => self.journal.failed(step, &failure.to_string()),
        };
        self.entries.push(entry?);
        Ok(())
    }

    fn done(&self) -> impl Iterator<Item = Step> {
        self.steps.iter().copied().filter(|step| is_done(&self.root, step))
    }

    /// Epochs of the step that is next, as they were told when it was worked on before. They stay until it is again.
    fn earlier_epochs(&self) -> Vec<MetricsLine> {
        let next = self.steps.iter().find(|step| !is_done(&self.root, step));
        // What cannot be read, as a line that was torn, is told again by the step.
        let text = fs::read_to_string(self.path(layout::METRICS)).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<MetricsLine>(line).ok());
        lines.filter(|line| Some(&line.step()) == next && line.epoch.is_some()).collect()
    }

    fn write(&self) -> Result<(), RunError> {
        self.write_metrics()?;
        for step in self.done() {
            self.write_events(step)?;
        }
        bring_to(&self.path(layout::CASES_TABLE), &cases::table(&self.root, self.done(), &self.labels)?)
    }

    fn write_metrics(&self) -> Result<(), RunError> {
        bring_to(&self.path(layout::METRICS), &to_text(self.finished.iter().chain(&self.live))?)
    }

    /// The event file of a step. There is none before the journal knows a time.
    fn write_events(&self, step: Step) -> Result<(), RunError> {
        let Some(mut time_ms) = self.began(step) else { return Ok(()) };
        let is_earlier = |line: &&MetricsLine| line.step == step.kind && line.iteration < step.iteration;
        let epochs_before = self.finished.iter().filter(is_earlier).filter(|line| line.epoch.is_some()).count();
        let mut file = tensorboard::EventFile::new(time_ms);
        for line in self.finished.iter().chain(&self.live).filter(|line| line.step() == step) {
            time_ms = self.time(step, line.epoch).unwrap_or(time_ms);
            file.add(time_ms, line, epochs_before);
        }
        let number = self.steps.iter().position(|other| *other == step).unwrap_or_default();
        bring_to(&self.path(layout::TENSORBOARD).join(tensorboard::name(number, &step)), &file.into_bytes())
    }

    /// When the attempt at a step began that completed it; of a step that was taken over, when the run was.
    fn began(&self, step: Step) -> Option<u64> {
        let started = self.entries.iter().rfind(|entry| entry.event == Event::Started { step });
        started.or(self.entries.first()).map(|entry| entry.time_ms)
    }

    /// When an epoch of a step was over, or the step was.
    fn time(&self, step: Step, epoch: Option<usize>) -> Option<u64> {
        let is_it = |entry: &&Entry| match (&entry.event, epoch) {
            (Event::Epoch { step: of, epoch }, Some(number)) => *of == step && *epoch == number,
            (Event::Finished { step: of, .. }, None) => *of == step,
            _ => false,
        };
        self.entries.iter().rfind(is_it).map(|entry| entry.time_ms)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn folder(&self, step: Step) -> PathBuf {
        self.root.join(layout::step(&step))
    }
}

/// The lines of finished steps.
fn of_steps(root: &Path, steps: &[Step]) -> Result<Vec<MetricsLine>, RunError> {
    let lines = steps.iter().map(|step| MetricsLine::of_finished(*step, &root.join(layout::step(step))));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn to_text<'a>(lines: impl IntoIterator<Item = &'a MetricsLine>) -> Result<Vec<u8>, RunError> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(|error| RunError::Encode(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text)
}

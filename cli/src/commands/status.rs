use std::path::{Path, PathBuf};

use rl4seg_core::{
    config,
    run_dir::{self, Entry, Event, Step, layout},
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    interrupt,
    output::{self, IterationResult, iteration_results, number, results_table, table},
};

/// Tell where a run is: steps done and to come, results so far, how long each step took
///
/// Only reads, so it works while another process is at work on the run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg status run")]
pub struct Args {
    /// The run directory
    run: PathBuf,
}

#[derive(Debug, Serialize)]
/// Where a run is.
pub struct Status {
    run: PathBuf,
    pub done: usize,
    pub total: usize,
    /// The step that is done next, or that is being done now.
    pub next: Option<Step>,
    /// Whether a process works on the run now.
    pub running: bool,
    /// Why it cannot go on from its steps, where one is missing before others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    pub steps: Vec<StepStatus>,
    pub results: Vec<IterationResult>,
}

#[derive(Debug, Serialize)]
pub struct StepStatus {
    pub step: Step,
    pub state: State,
    /// How long the step was worked on until it was complete, in all attempts together.
    pub seconds: Option<f64>,
    /// The most memory that the process of that attempt had held until the step was complete, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Done,
    /// Begun and not complete: a process is at work on it, or was killed.
    Begun,
    /// By its user.
    Stopped,
    Failed,
    ToCome,
}

impl State {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Begun => "begun",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::ToCome => "to come",
        }
    }
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let status = status(&args.run)?;
    output::result(global.json, &status, || text(&status))
}

/// Where the run at `root` is.
pub fn status(root: &Path) -> anyhow::Result<Status> {
    run_dir::read_manifest(root)?;
    let config = config::read(&root.join(layout::CONFIG), &[])?;
    let entries = run_dir::read_journal(root)?;
    let steps: Vec<StepStatus> = Step::all(config.iterations).map(|step| step_status(root, step, &entries)).collect();
    let next = steps.iter().find(|status| status.state != State::Done).map(|status| status.step);
    Ok(Status {
        run: root.to_owned(),
        done: steps.iter().filter(|status| status.state == State::Done).count(),
        total: steps.len(),
        next,
        running: run_dir::is_busy(root),
        broken: run_dir::require_in_order(root).err().map(|error| error.to_string()),
        steps,
        results: iteration_results(root, config.iterations)?,
    })
}

fn step_status(root: &Path, step: Step, entries: &[Entry]) -> StepStatus {
    let time = run_dir::times(entries).remove(&step).filter(|time| time.finished);
    let seconds = time.map(|time| time.seconds);
    let mut status = StepStatus { step, state: State::ToCome, seconds, peak_memory_bytes: None, failure: None };
    for entry in entries {
        match &entry.event {
            Event::Started { step: of } if *of == step => {
                (status.state, status.failure) = (State::Begun, None);
            }
            // It was removed with what it followed from.
            event if event.undoes(&step) => (status.state, status.failure) = (State::ToCome, None),
            Event::Interrupted { step: of } if *of == step => status.state = State::Stopped,
            Event::Failed { step: of, message } if *of == step => {
                (status.state, status.failure) = (State::Failed, Some(message.clone()));
            }
            Event::Finished { step: of, peak_memory_bytes, .. } if *of == step => {
                status.peak_memory_bytes = *peak_memory_bytes;
            }
            _ => {}
        }
    }
    if run_dir::is_done(root, &step) {
        (status.state, status.failure) = (State::Done, None);
    } else {
        (status.seconds, status.peak_memory_bytes) = (None, None);
    }
    status
}

fn text(status: &Status) -> String {
    let rows = status
        .steps
        .iter()
        .map(|step| vec![step.step.to_string(), step.state.name().to_owned(), number(step.seconds, 1)]);
    let mut text = format!("{}: {} of {} steps done\n\n", status.run.display(), status.done, status.total);
    text.push_str(&table(&["step", "state", "seconds"], rows));
    for step in &status.steps {
        if let Some(failure) = &step.failure {
            text.push_str(&format!("\n{} failed: {failure}\n", step.step));
        }
    }
    if !status.results.is_empty() {
        text.push_str(&format!("\n{}", results_table(&status.results)));
    }
    if status.running {
        text.push_str("\na process is at work on it\n");
    } else if let Some(broken) = &status.broken {
        text.push_str(&format!("\n{broken}\n"));
    } else if status.next.is_some() {
        text.push_str(&format!("\ngo on with: rl4seg adapt {}\n", interrupt::quoted(&status.run.to_string_lossy())));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rl4seg_core::run_dir::StepKind;

    use super::*;

    #[test]
    fn a_half_written_line_of_the_journal_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let step = Step::new(0, StepKind::Pretrain);
        let event = Event::Failed { step, message: "disk full".to_owned() };
        let failed = serde_json::to_string(&Entry { time_ms: 1, event }).unwrap();
        fs::write(folder.path().join(layout::JOURNAL), format!("{failed}\n{}", &failed[..20])).unwrap();
        let status = step_status(folder.path(), step, &run_dir::read_journal(folder.path()).unwrap());
        assert_eq!((status.state, status.failure.as_deref()), (State::Failed, Some("disk full")));
    }

    #[test]
    fn a_step_took_as_long_as_all_attempts_at_it() {
        let step = Step::new(0, StepKind::Pretrain);
        let finished = Event::Finished { step, seconds: 2.25, peak_memory_bytes: Some(7) };
        let events = [
            (0, Event::Started { step }),
            (3750, Event::Interrupted { step }),
            (9000, Event::Started { step }),
            (11250, finished),
        ];
        let entries = events.map(|(time_ms, event)| Entry { time_ms, event });
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join(layout::step(&step));
        fs::create_dir_all(&done).unwrap();
        fs::write(done.join(layout::STEP), "{}").unwrap();
        assert_eq!(step_status(folder.path(), step, &entries[..3]).seconds, None);
        let status = step_status(folder.path(), step, &entries);
        assert_eq!((status.seconds, status.peak_memory_bytes), (Some(6.0), Some(7)));
    }

    #[test]
    fn a_step_that_was_removed_is_to_come_once_one_before_it_is_begun_anew() {
        let [first, later] = [StepKind::Pretrain, StepKind::Evaluate].map(|kind| Step::new(0, kind));
        let finished = Event::Finished { step: later, seconds: 2.0, peak_memory_bytes: None };
        let events = [Event::Started { step: later }, finished, Event::Started { step: first }];
        let entries = events.map(|event| Entry { time_ms: 0, event });
        let status = step_status(Path::new("none"), later, &entries);
        assert_eq!((status.state, status.seconds), (State::ToCome, None));
    }
}

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{RunError, Step, layout, peak_memory_bytes};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A process began to work on the run.
    Opened {
        /// The version of `rl4seg`.
        version: String,
        /// The device.
        device: String,
    },
    /// The data of a domain lie elsewhere now.
    Moved {
        /// The key of the configuration, as `target.root`.
        key: String,
        /// What takes the place of its value.
        path: String,
    },
    /// A step began.
    Started {
        /// Which.
        step: Step,
    },
    /// An epoch of a step is over.
    Epoch {
        /// Which step.
        step: Step,
        /// Which epoch, from 1 on.
        epoch: usize,
    },
    /// A step is complete.
    Finished {
        /// Which.
        step: Step,
        /// How long the attempt took that completed it. [`times`] has all attempts.
        seconds: f64,
        /// The most memory that the process had held until then, where the system tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peak_memory_bytes: Option<u64>,
    },
    /// A step was stopped, as its user asked.
    Interrupted {
        /// Which.
        step: Step,
    },
    /// A step failed.
    Failed {
        /// Which.
        step: Step,
        /// Why.
        message: String,
    },
}

impl Event {
    /// Whether what was told of `step` before is over: it, or one that it follows from, began anew.
    #[must_use]
    pub fn undoes(&self, step: &Step) -> bool {
        matches!(self, Self::Started { step: anew } if anew <= step)
    }
}

/// An event, and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// All that happened in the run at `root` so far. A last line that is still in the making is left out.
///
/// # Errors
/// If the journal cannot be read.
pub fn read_journal(root: &Path) -> Result<Vec<Entry>, RunError> {
    Ok(read_lines(root)?.into_iter().flatten().collect())
}

/// What each line of the journal of the run at `root` says; nothing where it is no event. As [`read_journal`].
pub(super) fn read_lines(root: &Path) -> Result<Vec<Option<Entry>>, RunError> {
    let path = root.join(layout::JOURNAL);
    let bytes = fs::read(&path).map_err(|source| RunError::Read { path, source })?;
    let whole = &bytes[..whole_lines(&bytes)];
    Ok(whole.split_inclusive(|&byte| byte == b'\n').map(|line| serde_json::from_slice(line).ok()).collect())
}

/// How many bytes the lines have that are not in the making.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)
}

/// How long a step was worked on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepTime {
    /// Of all attempts together, seconds. Of one that was killed what came after its last whole epoch is not known, and not counted.
    pub seconds: f64,
    /// Whether the step was completed.
    pub finished: bool,
}

/// How long each step was worked on, as the journal tells. A step that was begun once more after it was finished counts from there.
#[must_use]
pub fn times(entries: &[Entry]) -> HashMap<Step, StepTime> {
    let mut times: HashMap<Step, StepTime> = HashMap::new();
    // The attempt at a step that is under way: what came before it, and when it began.
    let mut attempts: HashMap<Step, (f64, u64)> = HashMap::new();
    for Entry { time_ms, event } in entries {
        match event {
            Event::Opened { .. } | Event::Moved { .. } => {}
            Event::Started { step } => {
                let earlier = times.get(step).filter(|time| !time.finished).map_or(0.0, |time| time.seconds);
                times.insert(*step, StepTime { seconds: earlier, finished: false });
                attempts.insert(*step, (earlier, *time_ms));
            }
            Event::Finished { step, seconds, .. } => {
                let (earlier, _) = attempts.remove(step).unwrap_or_default();
                times.insert(*step, StepTime { seconds: earlier + seconds, finished: true });
            }
            Event::Epoch { step, .. } | Event::Interrupted { step } | Event::Failed { step, .. } => {
                if let Some((earlier, began)) = attempts.get(step) {
                    let seconds = earlier + time_ms.saturating_sub(*began) as f64 / 1e3;
                    times.insert(*step, StepTime { seconds, finished: false });
                }
            }
        }
    }
    times
}

/// The record of what happened when: the only file of a run that grows, and the only one that
/// knows the time. Nothing reads it to decide a result: where data lie now does not, since a run knows what they held.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// How many bytes whole lines have.
    length: u64,
    started: Instant,
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, RunError> {
        let there = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            there => there.map_err(|source| RunError::Read { path: path.to_owned(), source })?,
        };
        let length = whole_lines(&there) as u64;
        let open = || {
            let file = File::options().append(true).create(true).open(path)?;
            // A process that was killed may have left half a line.
            file.set_len(length)?;
            Ok(file)
        };
        let file = open().map_err(|error| RunError::write(path, error))?;
        Ok(Self { path: path.to_owned(), file, length, started: Instant::now() })
    }

    /// Notes that a step begins.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn started(&mut self, step: Step) -> Result<Entry, RunError> {
        self.started = Instant::now();
        self.record(Event::Started { step })
    }

    /// Notes that an epoch of a step is over.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn epoch(&mut self, step: Step, epoch: usize) -> Result<Entry, RunError> {
        self.record(Event::Epoch { step, epoch })
    }

    /// Notes that the step which began last is complete.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn finished(&mut self, step: Step) -> Result<Entry, RunError> {
        let seconds = self.started.elapsed().as_secs_f64();
        self.record(Event::Finished { step, seconds, peak_memory_bytes: peak_memory_bytes() })
    }

    /// Notes that a step was stopped, as its user asked.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn interrupted(&mut self, step: Step) -> Result<Entry, RunError> {
        self.record(Event::Interrupted { step })
    }

    /// Notes that a step failed.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn failed(&mut self, step: Step, message: &str) -> Result<Entry, RunError> {
        self.record(Event::Failed { step, message: message.to_owned() })
    }

    /// Adds a line, waits until it is on the disk, and tells what it says.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record(&mut self, event: Event) -> Result<Entry, RunError> {
        #[allow(clippy::disallowed_methods, reason = "the journal is where the clock is read")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let entry = Entry { time_ms, event };
        let mut text = serde_json::to_vec(&entry).map_err(|error| RunError::Encode(error.to_string()))?;
        text.push(b'\n');
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // What is there of the line would be one with the next.
            let _ = self.file.set_len(self.length);
            return Err(RunError::write(&self.path, error));
        }
        self.length += text.len() as u64;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::StepKind;

    const STEP: Step = Step { iteration: 1, kind: StepKind::FitReward };

    fn entries(events: impl IntoIterator<Item = (u64, Event)>) -> Vec<Entry> {
        events.into_iter().map(|(seconds, event)| Entry { time_ms: 1000 * seconds, event }).collect()
    }

    fn finished(seconds: f64) -> Event {
        Event::Finished { step: STEP, seconds, peak_memory_bytes: None }
    }

    #[test]
    fn all_attempts_at_a_step_count() {
        let opened = || Event::Opened { version: String::new(), device: String::new() };
        let started = || Event::Started { step: STEP };
        let mut told = vec![
            (0, opened()),
            (10, started()),
            (14, Event::Interrupted { step: STEP }),
            (100, opened()),
            (100, started()),
            // Killed some time after this.
            (103, Event::Epoch { step: STEP, epoch: 1 }),
            (200, opened()),
            (200, started()),
            (201, Event::Failed { step: STEP, message: String::new() }),
            (300, started()),
        ];
        let time = |told: &[(u64, Event)]| times(&entries(told.to_vec()))[&STEP];
        assert_eq!(time(&told), StepTime { seconds: 4.0 + 3.0 + 1.0, finished: false });
        told.push((302, finished(2.5)));
        assert_eq!(time(&told), StepTime { seconds: 4.0 + 3.0 + 1.0 + 2.5, finished: true });
        told.extend([(400, started()), (401, finished(1.0))]);
        assert_eq!(time(&told), StepTime { seconds: 1.0, finished: true }, "it was taken away, and done anew");
        assert_eq!(times(&entries([(0, opened())])), HashMap::new());
    }

    #[test]
    fn a_clock_that_was_set_back_takes_nothing_away() {
        let told = [(10, Event::Started { step: STEP }), (5, Event::Interrupted { step: STEP })];
        assert_eq!(times(&entries(told))[&STEP].seconds, 0.0);
    }
}

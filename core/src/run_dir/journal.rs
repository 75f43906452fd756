use std::{
    fs::{self, File},
    io::Write,
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
        /// How long it took.
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
    let path = root.join(layout::JOURNAL);
    let text = fs::read_to_string(&path).map_err(|source| RunError::Read { path, source })?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The record of what happened when: the only file of a run that grows, and the only one that
/// knows the time. Nothing reads it to decide a result.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    started: Instant,
}

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, RunError> {
        let open = || {
            let whole =
                fs::read(path).unwrap_or_default().iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            let file = File::options().append(true).create(true).open(path)?;
            // A process that was killed may have left half a line.
            file.set_len(whole as u64)?;
            Ok(file)
        };
        let file = open().map_err(|error| RunError::write(path, error))?;
        Ok(Self { path: path.to_owned(), file, started: Instant::now() })
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

    /// Adds a line, and tells what it says.
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
        self.file.write_all(&text).map_err(|error| RunError::write(&self.path, error))?;
        Ok(entry)
    }
}

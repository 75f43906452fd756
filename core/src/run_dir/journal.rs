use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{RunError, Step};

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
    /// A step began.
    Started {
        /// Which.
        step: Step,
    },
    /// A step is complete.
    Finished {
        /// Which.
        step: Step,
        /// How long it took.
        seconds: f64,
    },
    /// A step failed.
    Failed {
        /// Which.
        step: Step,
        /// Why.
        message: String,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    time_ms: u128,
    #[serde(flatten)]
    event: &'a Event,
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
    pub fn started(&mut self, step: Step) -> Result<(), RunError> {
        self.started = Instant::now();
        self.record(&Event::Started { step })
    }

    /// Notes that the step which began last is complete.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn finished(&mut self, step: Step) -> Result<(), RunError> {
        let seconds = self.started.elapsed().as_secs_f64();
        self.record(&Event::Finished { step, seconds })
    }

    /// Notes that a step failed.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn failed(&mut self, step: Step, message: &str) -> Result<(), RunError> {
        self.record(&Event::Failed { step, message: message.to_owned() })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record(&mut self, event: &Event) -> Result<(), RunError> {
        #[allow(clippy::disallowed_methods, reason = "the journal is where the clock is read")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = Line { time_ms: now.as_millis(), event };
        let mut text = serde_json::to_vec(&line).map_err(|error| RunError::Encode(error.to_string()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| RunError::write(&self.path, error))
    }
}

//! Ctrl-C during a run: the first ends it at the next batch, the second at once.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use rl4seg_core::run_dir::Step;
use serde::{Serialize, Serializer, ser::SerializeMap};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::output::Shown;

/// The exit code of a run that was stopped: 128 + SIGINT, as shells have it.
pub const STOPPED: u8 = 130;
/// Time between two looks whether there was a signal.
const INTERVAL: Duration = Duration::from_millis(50);

/// What tells a run that it is to end, once signals are listened to.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Listens to Ctrl-C and to SIGTERM, which batch systems send before they end a job. Is true from the first on; the second
/// ends the program.
pub fn listen(shown: Shown) -> anyhow::Result<&'static AtomicBool> {
    if STOP.get().is_none() {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the flag that the second needs is set by the first.
            flag::register_conditional_shutdown(signal, i32::from(STOPPED), Arc::clone(&stop))
                .and_then(|_| flag::register(signal, Arc::clone(&stop)))
                .context("cannot listen to Ctrl-C")?;
        }
        let answer = Arc::clone(&stop);
        let answer = move || {
            while !answer.load(Ordering::Relaxed) {
                thread::sleep(INTERVAL);
            }
            shown.tell("stopping at the next batch; Ctrl-C again ends the program at once");
        };
        thread::Builder::new().name("interrupt".to_owned()).spawn(answer).context("cannot start a thread")?;
        // A run is begun by one thread.
        let _ = STOP.set(stop);
    }
    STOP.get().map(|stop| &**stop).context("cannot listen to Ctrl-C")
}

/// A run that was stopped as its user asked.
#[derive(Debug, Clone, Copy)]
pub struct Interrupted {
    /// Where.
    pub step: Step,
    /// Finished steps.
    pub done: usize,
    /// All steps.
    pub total: usize,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, done, total } = self;
        write!(
            f,
            "stopped in {step}; {done} of {total} steps are finished and kept, and every whole epoch of this one\ngo on with: {}",
            command()
        )
    }
}

impl std::error::Error for Interrupted {}

impl Serialize for Interrupted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iteration", &self.step.iteration)?;
        map.serialize_entry("step", &self.step.kind)?;
        map.serialize_entry("steps_finished", &self.done)?;
        map.serialize_entry("steps", &self.total)?;
        map.serialize_entry("command", &command())?;
        map.end()
    }
}

/// What was typed to start this program.
fn command() -> String {
    let args: Vec<String> = std::env::args_os().map(|arg| quoted(&arg.to_string_lossy())).collect();
    args.join(" ")
}

/// A word as a POSIX shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        assert_eq!(quoted("runs/première/run.toml"), "runs/première/run.toml");
        assert_eq!(quoted("preprocess.size=[48, 48]"), "'preprocess.size=[48, 48]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}

//! Ctrl-C during long work: the first ends it at the next batch or image, the second at once.

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
use serde::{Serialize, Serializer};
use serde_json::json;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::output::Shown;

/// The exit code of work that was stopped: 128 + SIGINT, as shells have it.
pub const STOPPED: u8 = 130;
/// The flag that leaves out images that are done, and the one that does them again.
const MISSING: &str = "--missing";
const FORCE: &str = "--force";
/// Time between two looks whether there was a signal.
const INTERVAL: Duration = Duration::from_millis(50);

/// What tells the work that it is to end, once signals are listened to.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Listens to Ctrl-C and to SIGTERM, which batch systems send before they end a job. Is true from the first on, which ends
/// the work at the next `piece`; the second ends the program.
pub fn listen(shown: Shown, piece: &'static str) -> anyhow::Result<&'static AtomicBool> {
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
            shown.tell(&format!(
                "stopping at the next {piece}; Ctrl-C again ends the program at once, and what is finished is kept"
            ));
        };
        thread::Builder::new().name("interrupt".to_owned()).spawn(answer).context("cannot start a thread")?;
        // Work is begun by one thread.
        let _ = STOP.set(stop);
    }
    STOP.get().map(|stop| &**stop).context("cannot listen to Ctrl-C")
}

/// Work that was stopped as its user asked: so much of all of it is finished.
#[derive(Debug, Clone, Copy)]
pub enum Interrupted {
    /// A run, in a step of its steps.
    Run { step: Step, done: usize, total: usize },
    /// Images, one after the other.
    Images { done: usize, total: usize },
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { step, done, total } => {
                let epochs = "and every whole epoch of this one";
                write!(f, "stopped in {step}; {done} of {total} steps are finished and kept, {epochs}")?;
            }
            Self::Images { done, total } => write!(f, "stopped; {done} of {total} images are finished and kept")?,
        }
        write!(f, "\ngo on with: {}", self.command())
    }
}

impl std::error::Error for Interrupted {}

impl Serialize for Interrupted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let command = self.command();
        let fields = match self {
            Self::Run { step: Step { iteration, kind }, done, total } => json!({
                "iteration": iteration, "step": kind, "steps_finished": done, "steps": total, "command": command,
            }),
            Self::Images { done, total } => {
                json!({ "images_finished": done, "images": total, "command": command })
            }
        };
        fields.serialize(serializer)
    }
}

impl Interrupted {
    /// What goes on with the work: what was typed to start this program, for images with what leaves out those that are done.
    fn command(&self) -> String {
        let mut words: Vec<String> = std::env::args_os().map(|arg| quoted(&arg.to_string_lossy())).collect();
        match self {
            Self::Images { .. } => {
                words.retain(|word| word != FORCE && word != MISSING);
                words.push(MISSING.to_owned());
            }
            Self::Run { .. } => {}
        }
        words.join(" ")
    }
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

use std::{fmt, path::PathBuf};

use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("{}: the configuration cannot be read: {source}", path.display())]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that does not exist; the message shows the line.
    #[error("{}: {message}", path.display())]
    Parse {
        /// The configuration file.
        path: PathBuf,
        /// What the parser said, with line and column.
        message: String,
    },
    /// An override on the command line cannot be applied.
    #[error("--set {text}: {reason}")]
    Override {
        /// The override as typed.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Values that are out of range or contradict each other: all of them.
    #[error("{} of the configuration cannot be used:{}", count(.0), list(.0))]
    Faults(Vec<Fault>),
}

/// One value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, as `policy.clip_range`.
    pub key: String,
    /// What was found, what was expected and how to mend it.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

fn count(faults: &[Fault]) -> String {
    if faults.len() == 1 { "one value".to_owned() } else { format!("{} values", faults.len()) }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::component::{ComponentError, ErrorKind};

/// Why a file is not a plugin that this program can use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its bytes are not those of a shared library.
    #[error("it is not a shared library: {0}")]
    NotALibrary(String),
    /// It ends before what its header promises.
    #[error("it is cut short: its segments end at byte {expected}, the file at byte {found}")]
    Truncated {
        /// Where the last segment ends.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// It is for another processor.
    #[error("it was built for {found}; this program runs on {expected}")]
    OtherMachine {
        /// The processor it is for.
        found: String,
        /// The processor of this program.
        expected: &'static str,
    },
    /// It is a library, but not a plugin.
    #[error("it exports no `{}*`: it is a library, but not a plugin of rl4seg", rl4seg_abi::ENTRY_STEM)]
    NoEntry,
    /// It holds several plugins, and its name does not say which one it is.
    #[error("it exports several plugins ({}) and bears the name of none", .0.join(", "))]
    SeveralEntries(Vec<String>),
    /// It speaks another version of the boundary.
    #[error(
        "it speaks version {found} of the plugin ABI, this program {}.{}: build it with the SDK of this version",
        rl4seg_abi::ABI_MAJOR,
        rl4seg_abi::ABI_MINOR
    )]
    OtherAbi {
        /// The version it speaks.
        found: String,
    },
    /// It was compiled against other structs than this program.
    #[error("its structs are laid out otherwise than this program's: {0}")]
    OtherLayout(String),
    /// The system's loader does not take it.
    #[error("the system's loader refused it: {0}")]
    Open(String),
    /// Loading it ends the process.
    #[error("loading it ends the process ({how}){}", after_colon(.said))]
    Crashed {
        /// How the process ended.
        how: String,
        /// The first thing it wrote to its standard error.
        said: String,
    },
    /// The process that loads it on trial refused it.
    #[error("{0}")]
    Probe(String),
    /// The user keeps a list of libraries, and it is not in it.
    #[error("its SHA-256 {sha256} is not in {}: add it if you trust it", .list.display())]
    NotTrusted {
        /// Of the file.
        sha256: String,
        /// The list.
        list: PathBuf,
    },
    /// It does not come to an end.
    #[error("it was still loading after {seconds} s")]
    TimedOut {
        /// The limit, s.
        seconds: f64,
    },
    /// Its entry returned an error or panicked.
    #[error("its entry point {}", told(.0))]
    Entry(ComponentError),
    /// It does not tell its modality.
    #[error("the function that tells its modality {}", told(.0))]
    Modality(ComponentError),
    /// It does not tell the settings of a component.
    #[error("the function that tells the settings of its component `{component}` {}", told(.error))]
    Settings {
        /// The component.
        component: String,
        /// What it says.
        error: ComponentError,
    },
    /// What it tells about itself makes no sense.
    #[error("its description is broken: {0}")]
    Broken(String),
    /// Its name is taken.
    #[error("{what} is already offered by {by}; remove one of the two")]
    Duplicate {
        /// What is offered twice.
        what: String,
        /// Which file, or this program itself, offers it.
        by: String,
    },
    /// A folder that the user named cannot be searched.
    #[error("the folder cannot be searched: {0}")]
    Folder(io::Error),
}

fn told(error: &ComponentError) -> String {
    let what = if error.kind() == ErrorKind::Panicked { "panicked" } else { "failed" };
    format!("{what}: {}", error.chain().collect::<Vec<_>>().join(": "))
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl LoadError {
    pub(super) fn taken(what: String, by: Option<&PathBuf>) -> Self {
        let by = by.map_or_else(|| "this program itself".to_owned(), |path| path.display().to_string());
        Self::Duplicate { what, by }
    }
}

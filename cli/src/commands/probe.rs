//! Loads a plugin and tells whether it works. Called by the loader in a process of its own, so that a plugin that crashes takes nothing
//! with it; it is no command of the user's, so it is shown nowhere.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use rl4seg_core::plugin::{PROBE_COMMAND, answer_probe};

/// The library that this process was started for, if that is what it was started for.
pub fn asked() -> Option<PathBuf> {
    let mut args = std::env::args_os().skip(1);
    args.next().filter(|command| command == PROBE_COMMAND)?;
    args.next().map(PathBuf::from)
}

pub fn run(library: &Path) -> anyhow::Result<()> {
    let (answer, status) = answer_probe(library);
    writeln!(std::io::stdout(), "{answer}")?;
    std::process::exit(status)
}

use std::{io::Write, path::PathBuf};

use rl4seg_core::plugin::answer_probe;

/// Load a plugin and tell whether it works. Called by the loader in a process of its own, so that
/// a plugin that crashes takes nothing with it.
#[derive(Debug, clap::Args)]
pub struct Args {
    library: PathBuf,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let (answer, status) = answer_probe(&args.library);
    writeln!(std::io::stdout(), "{answer}")?;
    std::process::exit(status)
}

use std::path::PathBuf;

use anyhow::ensure;
use rl4seg_core::{adapt, run_dir::Verification};

use crate::{args::GlobalArgs, output};

/// Tell whether the files of a run are those that were written
///
/// Reads every file of every finished step again and compares its SHA-256 with that of when it was written, the configuration and
/// its seed with those that the run was begun with, the steps that are there with the journal, and metrics.jsonl and cases.csv with
/// what the steps say. Writes nothing. Fails if anything differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg verify run")]
pub struct Args {
    /// The run directory
    run: PathBuf,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let found = adapt::verify(&args.run)?;
    output::result(global.json, &found, || text(&found))?;
    let root = args.run.display();
    ensure!(
        found.differences.is_empty(),
        "{root} is not as it was written: {} differences. Take the files from a copy, or remove the folders of the steps that they \
         are in and of all later ones, and run `rl4seg adapt {root}`",
        found.differences.len()
    );
    Ok(())
}

fn text(found: &Verification) -> String {
    let mut text: String = found.differences.iter().map(|difference| format!("{difference}\n")).collect();
    if !found.without_sums.is_empty() {
        let steps = found.without_sums.join(", ");
        text.push_str(&format!("an earlier version wrote these steps and kept no sums of their files: {steps}\n"));
    }
    let planned = found.planned.map(|planned| format!(" of {planned}")).unwrap_or_default();
    text.push_str(&format!("{} files read; {}{planned} steps are finished\n", found.files, found.steps.len()));
    text
}

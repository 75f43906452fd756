use std::path::{Path, PathBuf};

use anyhow::ensure;
use rl4seg_core::{
    adapt,
    run_dir::{Difference, Verification},
};

use crate::{args::GlobalArgs, output};

/// Tell whether the files of a run are those that were written
///
/// Reads every file of every finished step again and compares its SHA-256 with that of when it was written, the configuration and
/// its seed with those that the run was begun with, the steps that are there with the journal, and metrics.jsonl and cases.csv with
/// what the steps say. Writes nothing. Fails if anything differs, and not where one of the last two lacks its end alone, as after a
/// process was killed: `rl4seg adapt` adds it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg verify run")]
pub struct Args {
    /// The run directory
    run: PathBuf,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let found = adapt::verify(&args.run)?;
    output::result(global.json, &found, || text(&args.run, &found))?;
    let root = args.run.display();
    let is_in_step =
        |difference: &Difference| found.steps.iter().any(|step| difference.path.starts_with(args.run.join(step)));
    let anew = if found.differences.iter().any(is_in_step) {
        format!(
            ", or remove the folders of the steps that they are in and of all later ones, and run `rl4seg adapt {root}`"
        )
    } else {
        String::new()
    };
    ensure!(
        found.differences.is_empty(),
        "{root} is not as it was written: {} differences. Take the files from a copy{anew}",
        found.differences.len()
    );
    Ok(())
}

fn text(run: &Path, found: &Verification) -> String {
    let mut text: String = found.differences.iter().map(|difference| format!("{difference}\n")).collect();
    for path in &found.behind {
        let (path, run) = (path.display(), run.display());
        text.push_str(&format!(
            "{path} does not say yet what the last steps say; `rl4seg adapt {run}` adds the rest\n"
        ));
    }
    if !found.without_sums.is_empty() {
        let steps = found.without_sums.join(", ");
        text.push_str(&format!("an earlier version wrote these steps and kept no sums of their files: {steps}\n"));
    }
    let planned = found.planned.map(|planned| format!(" of {planned}")).unwrap_or_default();
    text.push_str(&format!("{} files read; {}{planned} steps are finished\n", found.files, found.steps.len()));
    text
}

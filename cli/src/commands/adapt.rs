use std::{num::NonZeroU64, path::PathBuf};

use rl4seg_core::config::Override;
use serde_json::json;

use crate::{
    args::GlobalArgs,
    catalog,
    interrupt::quoted,
    networks::DeviceArg,
    output::{self, results_table},
    session::Session,
};

/// Adapt to the target domain: begin a run, or go on with one
///
/// A run that was stopped, however that came about, goes on after its last whole epoch.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rl4seg adapt run.toml --set policy.clip_range=0.1 --set seed=7
  rl4seg adapt run
  rl4seg adapt run --json 2> events.jsonl > result.json

Ctrl-C or SIGTERM stops the run at the next batch, with exit code 130; the same command goes on. A second one ends the program at once.

With --json standard output has the result alone, and standard error an event a line, as {\"event\": \"progress\", ...}: step-started, progress, memory,
epoch, step-finished, interrupted, note. docs/metrics.md tells of their fields. Errors stay text.

What is logged is in the run: metrics.jsonl, cases.csv, and tensorboard/ for `tensorboard --logdir`.")]
pub struct Args {
    /// A configuration file, or the directory of a run
    #[arg(value_name = "CONFIG|RUN")]
    location: PathBuf,
    /// Replace a value of the configuration; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<Override>,
    #[command(flatten)]
    device: DeviceArg,
    /// The most memory that may be taken, in MiB: a run that would take more is refused before anything is trained, with what it needs
    #[arg(long, value_name = "MIB")]
    memory: Option<NonZeroU64>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let mut session = Session::open(&args.location, &args.overrides, &catalog, &args.device)?;
    session.limit_memory(args.memory.map(|mib| mib.get().saturating_mul(1 << 20)));
    let finished = session.finish(global.shown())?;
    let result = json!({ "run": finished.root.to_string_lossy(), "results": &finished.results });
    output::result(global.json, &result, || {
        let root = &finished.root;
        let page = quoted(&root.to_string_lossy());
        format!("{}\nrun: {}\nas a page: rl4seg report {page}", results_table(&finished.results), root.display())
    })
}

//! `rl4seg report`.

mod cases;
mod charts;
mod collected;
mod comparison;
pub mod gallery;
mod learning;
pub mod page;
mod run_data;
mod sections;

use std::path::{Path, PathBuf};

use anyhow::Context;
use rl4seg_core::io::write_atomically;
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    networks::DeviceArg,
    output::{self, note},
};
use cases::Cases;
use run_data::RunData;

/// Write what a run did and what came of it as one page, for a browser or to print
///
/// The page is one file that needs no network: results before and after with intervals, the target's test cases with their
/// label maps, uncertainty and faults, calibration, the steps as curves, time, and what was run. A run that is not finished gives a
/// page of what is there. The test cases are segmented again for it, since a run keeps no label maps of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg report run --out report.html")]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// The page; an earlier one that is there is replaced
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Show this many cases, the worst first; 0 leaves them out, and then nothing is segmented
    #[arg(long, value_name = "N", default_value_t = 1000)]
    cases: usize,
    #[command(flatten)]
    device: DeviceArg,
}

/// What was written, for machines.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    bytes: usize,
    steps_done: usize,
    steps_total: usize,
    /// Test cases of the target, and those of them that are shown.
    cases: usize,
    cases_shown: usize,
    pictures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_pictures: Option<String>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let run = RunData::read(&args.run)?;
    require_place(&args.out)?;
    output::require_replaceable(&args.out, page::START, "--out")?;
    let cases = if args.cases > 0 { cases::gather(&run, args.cases, &args.device, global) } else { None };
    let page = sections::report(&run, cases.as_ref())?;
    write_atomically(&args.out, page.as_bytes())?;
    let written = Written::of(args, &run, cases.as_ref(), page.len());
    if let Some(why) = &written.without_pictures {
        note(&format!("note: the report has no pictures and no uncertainty: {why}"));
    }
    output::result(global.json, &written, || written.text())
}

/// Refuses a place for the page that cannot be written to, before there is something to lose.
fn require_place(page: &Path) -> anyhow::Result<()> {
    let folder = page.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::NamedTempFile::new_in(folder).map(drop).with_context(|| {
        format!(
            "{}: nothing can be written to this folder; name another place for the page with --out",
            folder.display()
        )
    })
}

impl Written {
    fn of(args: &Args, run: &RunData, cases: Option<&Cases>, bytes: usize) -> Self {
        let gallery = cases.map(|cases| &cases.gallery);
        let entries = || gallery.iter().flat_map(|gallery| &gallery.entries);
        Self {
            file: args.out.clone(),
            bytes,
            steps_done: run.status.done,
            steps_total: run.status.total,
            cases: gallery.map_or(0, |gallery| gallery.total),
            cases_shown: entries().count(),
            pictures: entries().filter(|entry| entry.picture.is_some()).count(),
            without_pictures: cases.and_then(|cases| cases.without_pictures.clone()),
        }
    }

    fn text(&self) -> String {
        let Self { file, bytes, steps_done, steps_total, cases, cases_shown, .. } = self;
        let megabytes = *bytes as f64 / 1e6;
        format!(
            "{}: {megabytes:.1} MB, {steps_done} of {steps_total} steps, {cases_shown} of {cases} cases",
            file.display()
        )
    }
}

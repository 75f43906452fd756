use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::ensure;
use rayon::prelude::*;
use rl4seg_core::{
    domain::{CaseEntry, SlowAxis, Split},
    io::write_atomically,
};
use serde::Serialize;

use super::{Folder, Opened, cases::Case, sheet};
use crate::{
    args::GlobalArgs,
    catalog,
    output::{self, Counter, table},
};

/// Cases between two reports of progress.
const CASES_AT_ONCE: usize = 16;
/// Problems that the text lists; `--json` has all.
const MOST_LISTED: usize = 20;
/// A spacing is an outlier if it differs from the median by more than this factor.
const OUTLIER: f64 = 3.0;

/// Tell what a folder of images is, and what is wrong with it
///
/// Reads every image and label map: how many cases, patients, splits; shapes, spacings, intensities, labels; and every problem: files
/// that cannot be read, image and label map that do not lie on each other, values that are no labels, one image twice, a patient in two
/// splits, blank images, empty label maps, spacings unlike all others.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rl4seg data inspect scans/ --modality echo --sheet scans.svg
  rl4seg data inspect pictures/ --component chest-xray/images --set labels=masks \\
    --set spacing_mm=[0.2,0.2]")]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Draw a contact sheet, an SVG that any browser shows: a plane of each case with its labels
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Fail if there is any problem
    #[arg(long)]
    strict: bool,
}

/// What a folder holds.
#[derive(Debug, Serialize)]
struct Report {
    folder: PathBuf,
    modality: String,
    component: String,
    patients: usize,
    splits: BTreeMap<String, usize>,
    label_maps: usize,
    /// Problems that are of no single case.
    problems: Vec<String>,
    cases: Vec<Case>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let folder = &args.folder.path;
    ensure!(folder.exists(), "{}: there is no such folder", folder.display());
    args.sheet.as_deref().map_or(Ok(()), |sheet| output::require_replaceable(sheet, sheet::START, "--sheet"))?;
    let catalog = catalog::load(global)?;
    let opened = args.folder.open(&catalog)?;
    let report = look(args, global, opened)?;
    if let Some(path) = &args.sheet {
        write_atomically(path, sheet::draw(&report.cases).as_bytes())?;
    }
    output::result(global.json, &report, || report.text())?;
    let count = report.count();
    ensure!(!args.strict || count == 0, "{count} problems in {}", folder.display());
    Ok(())
}

fn look(args: &Args, global: &GlobalArgs, opened: Opened) -> anyhow::Result<Report> {
    let Opened { modality, component, source } = opened;
    let entries = source.cases()?;
    let mut counter = Counter::new("inspect", global.shown());
    let mut cases = Vec::with_capacity(entries.len());
    for some in entries.chunks(CASES_AT_ONCE) {
        counter.at(some[0].id.as_str(), cases.len(), entries.len(), "images");
        cases.par_extend(some.par_iter().map(|entry| Case::look_at(source.as_ref(), entry)));
    }
    counter.finish(&format!("{} cases", cases.len()));
    mark_doubles(&mut cases);
    mark_outliers(&mut cases);
    let mut splits: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &entries {
        let name = entry.split.map_or("to be drawn", split_name);
        *splits.entry(name.to_owned()).or_default() += 1;
    }
    let patients = entries.iter().map(|entry| entry.group.as_str()).collect::<BTreeSet<_>>().len();
    let label_maps = entries.iter().filter(|entry| entry.has_reference).count();
    let problems = torn_patients(&entries);
    Ok(Report { folder: args.folder.path.clone(), modality, component, patients, splits, label_maps, problems, cases })
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// Patients with cases in several splits: results on test cases would be of patients that were trained on.
fn torn_patients(entries: &[CaseEntry]) -> Vec<String> {
    let mut of_patients: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in entries {
        if let Some(split) = entry.split {
            of_patients.entry(&entry.group).or_default().insert(split_name(split));
        }
    }
    let torn = of_patients.into_iter().filter(|(_, splits)| splits.len() > 1);
    torn.map(|(patient, splits)| {
        format!("patient `{patient}` is in several splits: {}", splits.into_iter().collect::<Vec<_>>().join(", "))
    })
    .collect()
}

/// One image under two names.
fn mark_doubles(cases: &mut [Case]) {
    let mut first: BTreeMap<u64, String> = BTreeMap::new();
    for case in cases {
        let Some(fingerprint) = case.fingerprint else { continue };
        match first.get(&fingerprint) {
            Some(other) => case.problems.push(format!("the image is the same as that of {other}, voxel by voxel")),
            None => {
                first.insert(fingerprint, case.case.clone());
            }
        }
    }
}

/// Spacings unlike those of most.
fn mark_outliers(cases: &mut [Case]) {
    let mut spacings: Vec<f64> = cases.iter().filter_map(|case| case.spacing_mm).map(|[y, _]| y).collect();
    spacings.sort_by(f64::total_cmp);
    let Some(&median) = spacings.get(spacings.len() / 2) else { return };
    for case in cases {
        let Some(spacing) = case.spacing_mm else { continue };
        if spacing.iter().any(|&length| length > OUTLIER * median || length * OUTLIER < median) {
            case.problems.push(format!("its spacing [y, x] is {spacing:?} mm, and {median} mm in most cases"));
        }
    }
}

impl Report {
    fn count(&self) -> usize {
        self.problems.len() + self.cases.iter().map(|case| case.problems.len()).sum::<usize>()
    }

    fn text(&self) -> String {
        let splits: Vec<String> = self.splits.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let head = format!(
            "{}: {} cases of {} patients ({}), {} with a label map; read by {}\n",
            self.folder.display(),
            self.cases.len(),
            self.patients,
            splits.join(", "),
            self.label_maps,
            self.component
        );
        let labels = self.labels();
        let facts = table(&["", "", "cases"], self.facts());
        format!("{head}{facts}{labels}{}{}", self.notes(), self.problem_text())
    }

    /// Shapes, spacings and intensities, each with how many cases have it.
    fn facts(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let read = || self.cases.iter();
        let shapes = read().filter_map(|case| case.shape.map(|shape| format!("{shape:?}")));
        let spacings = read().filter_map(|case| case.spacing_mm.map(|[y, x]| format!("{y:.4} x {x:.4} mm")));
        let slow = read().filter_map(|case| case.slow).map(|slow| match slow {
            SlowAxis::Single => "a plane".to_owned(),
            SlowAxis::Depth { spacing_mm } => format!("slices {spacing_mm:.4} mm apart"),
            SlowAxis::Time { interval_ms: Some(interval) } => format!("frames {interval:.1} ms apart"),
            SlowAxis::Time { interval_ms: None } => "frames".to_owned(),
        });
        counted(&mut rows, "shape [slow, y, x]", shapes);
        counted(&mut rows, "spacing [y, x]", spacings);
        counted(&mut rows, "slow axis", slow);
        let ends = read().filter_map(|case| case.intensities);
        let ends = ends.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
        let ends = ends.map_or_else(|| "-".to_owned(), |[lowest, highest]| format!("{lowest} to {highest}"));
        let of_most = read().filter(|case| case.intensities.is_some()).count();
        rows.push(vec!["intensities".to_owned(), ends, of_most.to_string()]);
        rows
    }

    /// What files tell that is no reason to stop, each with how many cases it is told of.
    fn notes(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for note in self.cases.iter().flat_map(|case| &case.notes) {
            *counts.entry(note).or_default() += 1;
        }
        counts.into_iter().map(|(note, count)| format!("note, of {count} cases: {note}\n")).collect()
    }

    fn labels(&self) -> String {
        let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for voxels in self.cases.iter().filter_map(|case| case.voxels.as_ref()) {
            for (name, &count) in voxels {
                let entry = found.entry(name).or_default();
                *entry = (entry.0 + usize::from(count > 0), entry.1 + count);
            }
        }
        if found.is_empty() {
            return String::new();
        }
        let rows = found
            .into_iter()
            .map(|(name, (cases, voxels))| vec![name.to_owned(), cases.to_string(), voxels.to_string()]);
        table(&["structure", "cases", "voxels"], rows)
    }

    fn problem_text(&self) -> String {
        let of_cases =
            self.cases.iter().flat_map(|case| case.problems.iter().map(|problem| format!("{}: {problem}", case.case)));
        let all: Vec<String> = self.problems.iter().cloned().chain(of_cases).collect();
        if all.is_empty() {
            return "no problem found\n".to_owned();
        }
        let listed: String = all.iter().take(MOST_LISTED).map(|problem| format!("  {problem}\n")).collect();
        let more = all.len().saturating_sub(MOST_LISTED);
        let more = if more > 0 { format!("  and {more} more: --json lists all\n") } else { String::new() };
        format!("{} problems\n{listed}{more}", all.len())
    }
}

/// The most frequent values, each a row.
fn counted(rows: &mut Vec<Vec<String>>, name: &str, values: impl Iterator<Item = String>) {
    const MOST: usize = 5;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let others: usize = counts.iter().skip(MOST).map(|(_, count)| count).sum();
    let kinds = counts.len().saturating_sub(MOST);
    for (index, (value, count)) in counts.into_iter().take(MOST).enumerate() {
        let name = if index == 0 { name } else { "" };
        rows.push(vec![name.to_owned(), value, count.to_string()]);
    }
    if others > 0 {
        rows.push(vec![String::new(), format!("{kinds} others"), others.to_string()]);
    }
}

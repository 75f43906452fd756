use std::path::PathBuf;

use anyhow::{Context, ensure};
use rayon::prelude::*;
use rl4seg_core::{
    component::{Modality, ValidityMetric},
    config,
    domain::{AcceptedRange, Finding, LabelSet, Verdict},
    io::{Reading, formats::read_labels},
    plugin::Catalog,
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    label_files::{ValuesArg, label_maps},
    output,
    reading::GridArgs,
};

/// Check whether label maps are anatomically possible
///
/// Judged by the metrics of the modality's preset or of a run's configuration, with spacing in mm from the file's header.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rl4seg check results/ --modality echo --strict
  rl4seg check results/ --config run.toml")]
pub struct Args {
    /// Label maps: files of any format that is read, or folders of them
    #[arg(required = true)]
    labels: Vec<PathBuf>,
    /// The modality, which says what the labels are and what is possible
    #[arg(long, required_unless_present = "config")]
    modality: Option<String>,
    /// A run's configuration, which says the same: its `modality` and its `[[validity]]`
    #[arg(long, value_name = "FILE", conflicts_with = "modality")]
    config: Option<PathBuf>,
    /// Fail unless every label map is valid
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    grid: GridArgs,
    #[command(flatten)]
    values: ValuesArg,
}

#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    verdict: Verdict,
    findings: Vec<Finding>,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let (modality, metrics) = judges(args, &catalog)?;
    let mut files = Vec::new();
    for path in &args.labels {
        files.extend(label_maps(path)?);
    }
    let reading = (&args.grid.reading(), args.values.mapping(&modality.labels)?);
    let checked = files.into_par_iter().map(|file| check(file, reading, &modality.labels, &metrics));
    let checked = checked.collect::<anyhow::Result<Vec<_>>>()?;
    output::result(global.json, &checked, || text(&checked))?;
    let failed = checked.iter().filter(|file| file.verdict != Verdict::Valid).count();
    ensure!(!args.strict || failed == 0, "{failed} of {} label maps are not valid", checked.len());
    Ok(())
}

/// What the labels are, and the metrics to judge with.
fn judges<'a>(args: &Args, catalog: &'a Catalog) -> anyhow::Result<(&'a Modality, Vec<Box<dyn ValidityMetric>>)> {
    if let Some(path) = &args.config {
        let config = config::read(path, &[])?;
        return Ok((catalog::modality(catalog, &config.modality)?, catalog::validity(catalog, &config.validity)?));
    }
    let modality = catalog::modality(catalog, args.modality.as_deref().unwrap_or_default())?;
    Ok((modality, catalog::validity_of(catalog, modality)?))
}

fn check(
    file: PathBuf,
    (reading, mapping): (&Reading, &[(u32, u8)]),
    set: &LabelSet,
    metrics: &[Box<dyn ValidityMetric>],
) -> anyhow::Result<Checked> {
    let labels = read_labels(&file, reading, set, mapping)?.labels;
    let mut findings = Vec::new();
    for metric in metrics {
        findings.extend(metric.assess(&labels).with_context(|| file.display().to_string())?);
    }
    Ok(Checked { verdict: Verdict::of(&findings), findings, file })
}

fn text(checked: &[Checked]) -> String {
    let mut text = String::new();
    for file in checked {
        text.push_str(&format!("{}: {}\n", file.file.display(), verdict(file.verdict)));
        let faults = file.findings.iter().filter(|finding| finding.verdict() != Verdict::Valid);
        text.extend(faults.map(|finding| format!("  {}\n", fault(finding))));
    }
    let valid = checked.iter().filter(|file| file.verdict == Verdict::Valid).count();
    text.push_str(&format!("{valid} of {} valid\n", checked.len()));
    text
}

/// The word for it.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Invalid => "invalid",
        Verdict::Unmeasurable => "unmeasurable",
    }
}

/// One line about a measurement that is not valid, as `holes_in_lv: 2; accepted: 0`.
pub fn fault(finding: &Finding) -> String {
    let unit = if finding.unit == "1" { String::new() } else { format!(" {}", finding.unit) };
    let plane = finding.plane.map_or(String::new(), |plane| format!(" (plane {plane})"));
    let found = match (finding.value, &finding.note) {
        (Some(value), None) => format!("{}{unit}", rounded(value)),
        (Some(value), Some(note)) => format!("{}{unit} ({note})", rounded(value)),
        (None, Some(note)) => format!("not measurable: {note}"),
        (None, None) => "not measurable".to_owned(),
    };
    format!("{}{plane}: {found}; accepted: {}{unit}", finding.metric, range(finding.accepted))
}

fn range(accepted: AcceptedRange) -> String {
    match (accepted.min, accepted.max) {
        (Some(min), Some(max)) if min == max => rounded(min),
        (Some(min), Some(max)) => format!("{} to {}", rounded(min), rounded(max)),
        (Some(min), None) => format!("at least {}", rounded(min)),
        (None, Some(max)) => format!("at most {}", rounded(max)),
        (None, None) => "any".to_owned(),
    }
}

/// At most four digits after the point, and none that say nothing.
fn rounded(value: f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_value_range_and_unit() {
        let mut finding = Finding {
            metric: "width".to_owned(),
            value: Some(12.345_678),
            unit: "mm".to_owned(),
            accepted: AcceptedRange { min: None, max: Some(10.0) },
            plane: Some(3),
            note: None,
        };
        assert_eq!(fault(&finding), "width (plane 3): 12.3457 mm; accepted: at most 10 mm");
        finding.note = Some("no wall".to_owned());
        assert_eq!(fault(&finding), "width (plane 3): 12.3457 mm (no wall); accepted: at most 10 mm");
        finding.value = None;
        finding.plane = None;
        assert_eq!(fault(&finding), "width: not measurable: no wall; accepted: at most 10 mm");
    }
}

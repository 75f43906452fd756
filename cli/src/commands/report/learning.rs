//! What the steps of a run learnt, epoch by epoch.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rl4seg_core::run_dir::{self, RunError, Step, StepKind, layout};
use serde_json::Value;

use super::charts::{Chart, Series};

/// The epochs of one step, each with its numbers by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Epochs {
    pub iteration: usize,
    pub rows: Vec<BTreeMap<String, f64>>,
}

/// A chart of a step's numbers: title, unit, names.
type Topic = (&'static str, &'static str, &'static [&'static str]);

const PRETRAIN: &[Topic] = &[("Loss", "cross-entropy, nats", &["loss"]), ("Validation", "Dice", &["validation_dice"])];
const REWARD: &[Topic] = &[("Loss", "binary cross-entropy, nats", &["loss", "validation_loss"])];
const POLICY: &[Topic] = &[
    ("Reward", "probability of being right", &["mean_reward", "validation.reward"]),
    ("Valid results, held out", "share", &["validation.valid"]),
    ("Entropy of the policy", "nats", &["entropy"]),
    ("How far the policy moved", "nats", &["approx_kl", "reference_divergence"]),
    ("Losses", "loss", &["policy_loss", "value_loss", "loss"]),
    ("Clipped", "share of voxels", &["clip_fraction"]),
    ("Gradient of the actor", "norm", &["grad_norm"]),
];

/// Not a measure.
const EPOCH: &str = "epoch";

/// The epochs of every finished step of a kind.
///
/// # Errors
/// If a step's metrics cannot be read.
pub fn epochs(root: &Path, kind: StepKind, iterations: usize) -> Result<Vec<Epochs>, RunError> {
    let read = files(root, kind, layout::METRICS, iterations).map(|(iteration, path)| {
        let values: Vec<Value> = run_dir::read_json_lines(&path)?;
        Ok(Epochs { iteration, rows: values.iter().map(numbers).collect() })
    });
    read.collect()
}

/// The file of this name of every finished step of a kind that has one, with the step's iteration.
pub fn files(root: &Path, kind: StepKind, name: &str, iterations: usize) -> impl Iterator<Item = (usize, PathBuf)> {
    let steps = (0..=iterations).map(move |iteration| Step::new(iteration, kind));
    steps.filter(move |step| run_dir::is_done(root, step)).filter_map(move |step| {
        let path = root.join(layout::step(&step)).join(name);
        path.is_file().then_some((step.iteration, path))
    })
}

/// Every number by its dotted name.
fn numbers(value: &Value) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                found.extend(numbers(value).into_iter().map(|(below, value)| (format!("{name}.{below}"), value)));
            }
            _ => found.extend(value.as_f64().map(|value| (name.clone(), value))),
        }
    }
    found
}

/// The charts of a kind of step; what it tells besides the known topics has one of its own.
pub fn charts(kind: StepKind, epochs: &[Epochs]) -> Vec<Chart> {
    let topics = match kind {
        StepKind::Pretrain => PRETRAIN,
        StepKind::FitReward => REWARD,
        StepKind::ImprovePolicy => POLICY,
        StepKind::Collect | StepKind::Evaluate => &[],
    };
    let mut charts: Vec<Chart> = topics.iter().map(|&(title, unit, names)| chart(title, unit, names, epochs)).collect();
    let known: Vec<&str> = topics.iter().flat_map(|(_, _, names)| names.iter().copied()).chain([EPOCH]).collect();
    let mut others: Vec<&str> =
        epochs.iter().flat_map(|step| &step.rows).flat_map(BTreeMap::keys).map(String::as_str).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|name| !known.contains(name));
    charts.extend(others.into_iter().map(|name| chart(&capitalised(&for_people(name)), "", &[name], epochs)));
    charts.retain(|chart| !chart.is_empty());
    charts
}

/// Epochs are counted on over the iterations.
fn chart(title: &str, unit: &str, names: &[&str], epochs: &[Epochs]) -> Chart {
    let starts: Vec<usize> = epochs
        .iter()
        .scan(0, |before, step| {
            let start = *before;
            *before += step.rows.len();
            Some(start)
        })
        .collect();
    let series = names.iter().map(|&name| {
        let points = epochs.iter().zip(&starts).flat_map(|(step, start)| {
            let numbered = step.rows.iter().enumerate();
            numbered.filter_map(move |(place, row)| Some(((start + place + 1) as f64, *row.get(name)?)))
        });
        Series { name: for_people(name), points: points.filter(|(_, y)| y.is_finite()).collect() }
    });
    Chart {
        title: title.to_owned(),
        x: "epoch",
        y: unit.to_owned(),
        series: series.filter(|series| !series.points.is_empty()).collect(),
        borders: starts.iter().skip(1).map(|&start| start as f64 + 0.5).collect(),
    }
}

/// With a large first letter.
pub fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn for_people(name: &str) -> String {
    let held_out = name.strip_prefix("validation").filter(|rest| rest.len() > 1);
    held_out.map_or_else(|| name.to_owned(), |rest| format!("held-out{rest}")).replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn epochs_are_counted_on_and_what_is_unknown_is_shown_too() {
        let row = |value: Value| numbers(&value);
        let epochs = [
            Epochs {
                iteration: 1,
                rows: vec![
                    row(json!({ "epoch": 1, "mean_reward": 0.5, "validation": { "reward": 0.6, "valid": 0.1 } })),
                    row(json!({ "epoch": 2, "mean_reward": null, "validation": { "reward": 0.7, "valid": 0.2 } })),
                ],
            },
            Epochs { iteration: 2, rows: vec![row(json!({ "epoch": 1, "mean_reward": 0.9, "new_one": 3 }))] },
        ];
        let charts = charts(StepKind::ImprovePolicy, &epochs);
        let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
        assert_eq!(titles, ["Reward", "Valid results, held out", "New one"]);
        assert_eq!(charts[0].borders, [2.5]);
        assert_eq!(charts[0].series[0].points, [(1.0, 0.5), (3.0, 0.9)]);
        assert_eq!(charts[0].series[1].name, "held-out reward");
    }
}

//! What the collect steps came to, iteration by iteration.

use std::{collections::BTreeMap, path::Path};

use rl4seg_core::{
    domain::{SampleImage, SampleOrigin},
    run_dir::{self, RunError, StepKind, layout},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    charts::{Chart, Series},
    learning::files,
};

/// How many reward samples there are of each kind.
pub type Counts = BTreeMap<&'static str, usize>;

const KINDS: [&str; 4] = [CORRECTED, DISTORTED_TARGET, DRAWN, DISTORTED_SOURCE];
const CORRECTED: &str = "corrected (target)";
const DISTORTED_TARGET: &str = "distorted (target)";
const DRAWN: &str = "drawn (source)";
const DISTORTED_SOURCE: &str = "distorted (source)";

/// How the names of outcomes begin, which may go on with a reason behind a colon.
const OUTCOMES: [&str; 3] = ["accepted", "corrected", "discarded"];

/// What a line of a reward data set tells of how it came about.
#[derive(Debug, Deserialize)]
struct Sample {
    #[serde(flatten)]
    image: SampleImage,
    origin: SampleOrigin,
}

impl Sample {
    fn kind(&self) -> &'static str {
        match (&self.origin, self.image.source_view.is_some()) {
            (SampleOrigin::Corrected(_), _) => CORRECTED,
            (SampleOrigin::Drawn, _) => DRAWN,
            (SampleOrigin::Distorted(_), false) => DISTORTED_TARGET,
            (SampleOrigin::Distorted(_), true) => DISTORTED_SOURCE,
        }
    }
}

/// The reward samples of every finished collect step, with its iteration.
///
/// # Errors
/// If a reward data set cannot be read.
pub fn samples(root: &Path, iterations: usize) -> Result<Vec<(usize, Counts)>, RunError> {
    let data_sets = files(root, StepKind::Collect, layout::SAMPLES, iterations);
    let read = data_sets.map(|(iteration, path)| {
        let samples: Vec<Sample> = run_dir::read_json_lines(&path)?;
        Ok((iteration, counts(&samples)))
    });
    read.collect()
}

fn counts(samples: &[Sample]) -> Counts {
    let mut counts = Counts::new();
    for sample in samples {
        *counts.entry(sample.kind()).or_default() += 1;
    }
    counts
}

/// Curves over the iterations: of what the steps say of themselves, and of their samples. One iteration makes none.
pub fn charts(summaries: &[(usize, &Value)], samples: &[(usize, Counts)]) -> Vec<Chart> {
    let mut charts = Vec::new();
    if summaries.len() > 1 {
        charts.push(outcomes(summaries));
    }
    if samples.len() > 1 {
        charts.push(made_of(samples));
    }
    charts.retain(|chart| !chart.is_empty());
    charts
}

fn outcomes(summaries: &[(usize, &Value)]) -> Chart {
    let series = OUTCOMES.map(|outcome| {
        let point = |&(iteration, summary): &(usize, &Value)| Some((iteration as f64, share(summary, outcome)?));
        Series { name: outcome.to_owned(), points: summaries.iter().filter_map(point).collect() }
    });
    over_iterations("What became of the target's training images", "share of the images", series.into())
}

/// The share of an iteration's images with this outcome, whatever the reason.
fn share(summary: &Value, outcome: &str) -> Option<f64> {
    let cases = summary["cases"].as_f64().filter(|&cases| cases > 0.0)?;
    let with_outcome = summary["outcomes"].as_object()?.iter().filter(|(name, _)| name.starts_with(outcome));
    let count: f64 = with_outcome.filter_map(|(_, count)| count.as_f64()).sum();
    Some(count / cases)
}

fn made_of(samples: &[(usize, Counts)]) -> Chart {
    let series = KINDS.map(|kind| {
        let count = |counts: &Counts| counts.get(kind).copied().unwrap_or(0) as f64;
        let points = samples.iter().map(|(iteration, counts)| (*iteration as f64, count(counts))).collect();
        Series { name: kind.to_owned(), points }
    });
    let is_there = |series: &Series| series.points.iter().any(|&(_, count)| count > 0.0);
    over_iterations("Reward samples, by what made them", "samples", series.into_iter().filter(is_there).collect())
}

fn over_iterations(title: &str, y: &str, series: Vec<Series>) -> Chart {
    Chart { title: title.to_owned(), x: "iteration", y: y.to_owned(), series, borders: Vec::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(value: Value) -> Sample {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn images_are_followed_by_their_outcome_whatever_the_reason() {
        let first = json!({ "cases": 4, "outcomes": { "accepted": 1, "discarded: empty": 1, "discarded: far-from-correction": 2 } });
        let second = json!({ "cases": 4, "outcomes": { "accepted": 3, "corrected": 1 } });
        assert!(charts(&[(1, &first)], &[]).is_empty());
        let charts = charts(&[(1, &first), (2, &second)], &[]);
        let points: Vec<_> = charts[0].series.iter().map(|series| (series.name.as_str(), &series.points[..])).collect();
        let expected = [
            ("accepted", &[(1.0, 0.25), (2.0, 0.75)][..]),
            ("corrected", &[(1.0, 0.0), (2.0, 0.25)][..]),
            ("discarded", &[(1.0, 0.75), (2.0, 0.0)][..]),
        ];
        assert_eq!(points, expected);
    }

    #[test]
    fn samples_are_told_apart_by_their_origin_and_their_image() {
        let samples = [
            sample(json!({ "case": "a", "origin": { "kind": "corrected", "name": "morphology" }, "judged": 1 })),
            sample(json!({ "case": "a", "origin": { "kind": "distorted", "name": "swap" }, "judged": 2 })),
            sample(json!({ "case": "b", "source_view": 7, "origin": { "kind": "distorted", "name": "swap" } })),
            sample(json!({ "case": "b", "source_view": 7, "origin": { "kind": "drawn" } })),
        ];
        let all = counts(&samples);
        assert_eq!(all, KINDS.map(|kind| (kind, 1)).into());
        let charts = charts(&[], &[(1, all), (2, counts(&samples[..2]))]);
        let lasts: Vec<f64> = charts[0].series.iter().filter_map(|series| Some(series.points.last()?.1)).collect();
        assert_eq!(lasts, [1.0, 1.0, 0.0, 0.0]);
        let never = super::charts(&[], &[(1, counts(&samples[..2])), (2, counts(&samples[..1]))]);
        let names: Vec<&str> = never[0].series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, [CORRECTED, DISTORTED_TARGET]);
    }
}

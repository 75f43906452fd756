//! What experiments came to, side by side.

use std::collections::BTreeMap;

use rl4seg_core::{
    adapt::{CaseResult, EvaluateSummary},
    domain::{CaseId, Seed, Verdict},
    measure::{Interval, bootstrap_by_patient, mean},
};
use serde::Serialize;

use crate::output::{number, percent, table};

/// What a run ended with.
#[derive(Debug, Serialize)]
pub struct RunResult {
    pub seed: u64,
    pub run: std::path::PathBuf,
    /// The iteration in which the policy came to give one label to all; the results, which count in no mean, are those of the one before.
    pub collapsed_in: Option<usize>,
    pub summary: EvaluateSummary,
    #[serde(skip)]
    pub cases: Vec<CaseResult>,
}

/// An experiment over all seeds.
#[derive(Debug, Serialize)]
pub struct ExperimentResult {
    pub name: String,
    pub description: String,
    /// Whether it learns from the target's own labels.
    pub upper_bound: bool,
    /// Means over the seeds.
    pub target_dice: Option<f64>,
    pub target_hausdorff_mm: Option<f64>,
    pub target_valid: Option<f64>,
    pub target_ece: Option<f64>,
    /// Absent where there is no source: for an upper bound.
    pub source_dice: Option<f64>,
    /// Target test Dice less that of the first experiment, with its interval over patients.
    pub dice_gain: Option<Interval>,
    /// The same of the share of valid results.
    pub valid_gain: Option<Interval>,
    /// The same of the Hausdorff distance, mm, over the cases where both have one.
    pub hausdorff_gain_mm: Option<Interval>,
    /// How much of the way from the first experiment's Dice to the upper bound's it goes.
    pub gap_closed: Option<f64>,
    pub runs: Vec<RunResult>,
}

impl ExperimentResult {
    pub fn new(name: &str, description: &str, upper_bound: bool, runs: Vec<RunResult>) -> Self {
        let target = |of: fn(&RunResult) -> Option<f64>| mean(finished(&runs).filter_map(of));
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            upper_bound,
            target_dice: target(|run| run.summary.target.dice),
            target_hausdorff_mm: target(|run| run.summary.target.hausdorff_mm),
            target_valid: target(|run| Some(run.summary.target.valid)),
            target_ece: target(|run| run.summary.target.ece),
            source_dice: target(|run| run.summary.source.dice).filter(|_| !upper_bound),
            dice_gain: None,
            valid_gain: None,
            hausdorff_gain_mm: None,
            gap_closed: None,
            runs,
        }
    }
}

/// Sets each experiment beside the first. `patients` tells whose image a target case is.
pub fn compare(results: &mut [ExperimentResult], patients: &BTreeMap<CaseId, String>) {
    let upper_bound = results.iter().find(|result| result.upper_bound).and_then(|result| result.target_dice);
    let Some((first, others)) = results.split_first_mut() else { return };
    for other in others {
        other.dice_gain = gain([&first.runs, &other.runs], patients, CaseResult::dice);
        other.hausdorff_gain_mm = gain([&first.runs, &other.runs], patients, CaseResult::hausdorff_mm);
        other.valid_gain = gain([&first.runs, &other.runs], patients, |case| {
            Some(f64::from(u8::from(case.verdict == Verdict::Valid)))
        });
        other.gap_closed = first
            .target_dice
            .zip(other.target_dice)
            .zip(upper_bound)
            .map(|((from, found), upper)| (found - from) / (upper - from))
            .filter(|share| share.is_finite());
    }
}

/// Case by case and seed by seed.
fn gain(
    [first, other]: [&[RunResult]; 2],
    patients: &BTreeMap<CaseId, String>,
    measure: fn(&CaseResult) -> Option<f64>,
) -> Option<Interval> {
    let mut differences: Vec<(&str, f64)> = Vec::new();
    let pairs = finished(first).filter_map(|one| Some((one, finished(other).find(|run| run.seed == one.seed)?)));
    for (first, other) in pairs {
        let before: BTreeMap<&CaseId, f64> =
            of_target(first).filter_map(|case| Some((&case.case, measure(case)?))).collect();
        differences.extend(of_target(other).filter_map(|case| {
            let difference = measure(case)? - before.get(&case.case)?;
            Some((patients.get(&case.case)?.as_str(), difference))
        }));
    }
    bootstrap_by_patient(&differences, Seed(0))
}

/// The runs that count: a policy that collapsed is none to be used.
fn finished(runs: &[RunResult]) -> impl Iterator<Item = &RunResult> {
    runs.iter().filter(|run| run.collapsed_in.is_none())
}

fn of_target(run: &RunResult) -> impl Iterator<Item = &CaseResult> {
    run.cases.iter().filter(|case| case.domain == "target")
}

/// One line for each experiment; gains are those over the first.
pub fn text(results: &[ExperimentResult]) -> String {
    let header = [
        "",
        "seeds",
        "Dice",
        "Hausdorff mm",
        "valid",
        "ECE",
        "source Dice",
        "Dice gain (95 %)",
        "valid gain (95 %)",
        "gap closed",
    ];
    let rows = results.iter().map(|result| {
        vec![
            result.name.clone(),
            seeds(&result.runs),
            number(result.target_dice, 3),
            number(result.target_hausdorff_mm, 1),
            result.target_valid.map_or_else(|| number(None, 0), percent),
            number(result.target_ece, 3),
            number(result.source_dice, 3),
            interval(result.dice_gain),
            interval(result.valid_gain),
            result.gap_closed.map_or_else(|| number(None, 0), percent),
        ]
    });
    table(&header, rows)
}

/// How many there are, and which of them collapsed.
fn seeds(runs: &[RunResult]) -> String {
    let collapsed = runs.iter().filter_map(|run| Some((run.seed, run.collapsed_in?)));
    let collapsed: Vec<String> =
        collapsed.map(|(seed, iteration)| format!("seed {seed} collapsed in iteration {iteration}")).collect();
    match collapsed.len() {
        0 => runs.len().to_string(),
        _ => format!("{} ({})", runs.len(), collapsed.join(", ")),
    }
}

fn interval(found: Option<Interval>) -> String {
    let Some(found) = found else { return number(None, 0) };
    let bounds = found.bounds().map(|[low, high]| format!(" ({low:+.3} to {high:+.3})")).unwrap_or_default();
    format!("{:+.3}{bounds}", found.mean)
}

#[cfg(test)]
mod tests {
    use rl4seg_core::{adapt::DomainSummary, measure::StructureScore};

    use super::*;

    fn run(seed: u64, dice: &[f64]) -> RunResult {
        let domain = |dice: f64| DomainSummary {
            cases: 2,
            valid: 0.5,
            dice: Some(dice),
            hausdorff_mm: Some(1.0),
            structures: Vec::new(),
            ece: None,
        };
        let case = |(number, &dice): (usize, &f64)| CaseResult {
            domain: "target".to_owned(),
            case: CaseId(format!("c{number}")),
            verdict: Verdict::Valid,
            findings: Vec::new(),
            structures: Some(vec![StructureScore {
                label: 1,
                dice: Some(dice),
                hausdorff_mm: None,
                hd95_mm: None,
                assd_mm: None,
            }]),
            mean_reward: None,
        };
        let of_target = dice.iter().sum::<f64>() / dice.len() as f64;
        RunResult {
            seed,
            run: "run".into(),
            collapsed_in: None,
            summary: EvaluateSummary { source: domain(0.9), target: domain(of_target) },
            cases: dice.iter().enumerate().map(case).collect(),
        }
    }

    #[test]
    fn gains_are_paired_and_the_gap_is_that_to_the_upper_bound() {
        let mut results = vec![
            ExperimentResult::new("source", "", false, vec![run(1, &[0.2, 0.6])]),
            ExperimentResult::new("ours", "", false, vec![run(1, &[0.5, 0.9])]),
            ExperimentResult::new("bound", "", true, vec![run(1, &[0.8, 1.0])]),
        ];
        let patients = (0..2).map(|number| (CaseId(format!("c{number}")), format!("p{number}"))).collect();
        compare(&mut results, &patients);
        let gain = results[1].dice_gain.unwrap();
        // Both cases gain the same, however far they lie apart.
        assert!([gain.mean, gain.low, gain.high].iter().all(|value| (value - 0.3).abs() < 1e-12), "{gain:?}");
        assert!((results[1].gap_closed.unwrap() - 0.6).abs() < 1e-12);
        assert_eq!(results[1].hausdorff_gain_mm, None);
        assert_eq!((results[0].dice_gain, results[2].source_dice), (None, None));
        assert!(text(&results).contains("+0.300 (+0.300 to +0.300)"), "{}", text(&results));
    }

    #[test]
    fn a_collapse_is_named_with_its_seed_and_counts_in_no_mean() {
        let runs = [run(1, &[0.2]), RunResult { collapsed_in: Some(4), ..run(2, &[0.0]) }];
        assert_eq!(seeds(&runs), "2 (seed 2 collapsed in iteration 4)");
        let result = ExperimentResult::new("one", "", false, Vec::from(runs));
        assert_eq!(result.target_dice, Some(0.2), "it counts in no mean");
        let runs = result.runs;
        assert_eq!(seeds(&runs[..1]), "1");
    }
}

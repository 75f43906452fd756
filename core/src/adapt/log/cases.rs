//! The test cases of all iterations as a table, a row for each.

use std::path::Path;

use csv::Writer;

use crate::{
    adapt::CaseResult,
    domain::{Finding, LabelSet, Verdict},
    measure::{StructureScore, mean},
    run_dir::{RunError, Step, StepKind, layout, read_json_lines},
};

/// Columns that every table has.
const COLUMNS: [&str; 9] =
    ["iteration", "domain", "case", "verdict", "valid", "mean_uncertainty", "dice", "hausdorff_mm", "findings"];
/// Columns of each structure, its name behind.
const OF_STRUCTURE: [&str; 4] = ["dice", "hausdorff_mm", "hd95_mm", "assd_mm"];

/// The table of the `evaluate` steps among `steps`; empty without one.
pub(super) fn table(root: &Path, steps: impl Iterator<Item = Step>, labels: &LabelSet) -> Result<Vec<u8>, RunError> {
    let failed = |error: csv::Error| RunError::Encode(error.to_string());
    let mut table = Writer::from_writer(Vec::new());
    for step in steps.filter(|step| step.kind == StepKind::Evaluate) {
        if step.iteration == 0 {
            table.write_record(header(labels)).map_err(failed)?;
        }
        let cases: Vec<CaseResult> = read_json_lines(&root.join(layout::step(&step)).join(layout::CASES))?;
        for case in &cases {
            table.write_record(row(step.iteration, case, labels)).map_err(failed)?;
        }
    }
    table.into_inner().map_err(|error| RunError::Encode(error.to_string()))
}

fn header(labels: &LabelSet) -> Vec<String> {
    let of_structures =
        labels.structures().flat_map(|structure| OF_STRUCTURE.map(|column| format!("{column}_{}", structure.name)));
    COLUMNS.into_iter().map(str::to_owned).chain(of_structures).collect()
}

fn row(iteration: usize, case: &CaseResult, labels: &LabelSet) -> Vec<String> {
    let scores = case.structures.as_deref().unwrap_or_default();
    let of_all = |column: fn(&StructureScore) -> Option<f64>| mean(scores.iter().filter_map(column));
    let (verdict, valid) = match case.verdict {
        Verdict::Valid => ("valid", "1"),
        Verdict::Invalid => ("invalid", "0"),
        Verdict::Unmeasurable => ("unmeasurable", "0"),
    };
    let findings: Vec<String> = case.findings.iter().map(finding).collect();
    let mut row = vec![
        iteration.to_string(),
        case.domain.clone(),
        case.case.to_string(),
        verdict.to_owned(),
        valid.to_owned(),
        cell(case.mean_reward.map(|reward| 1.0 - reward)),
        cell(of_all(|score| score.dice)),
        cell(of_all(|score| score.hausdorff_mm)),
        findings.join("; "),
    ];
    for structure in labels.structures() {
        let score = scores.iter().find(|score| score.label == structure.value);
        let values = score.map(|score| [score.dice, score.hausdorff_mm, score.hd95_mm, score.assd_mm]);
        row.extend(values.unwrap_or_default().map(cell));
    }
    row
}

/// A number, or nothing where there is none.
fn cell(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// As `holes_in_lv 2 1 (plane 3)`: metric, value, unit.
fn finding(finding: &Finding) -> String {
    let value = finding.value.map_or_else(|| "not measurable".to_owned(), |value| format!("{value} {}", finding.unit));
    let plane = finding.plane.map(|plane| format!(" (plane {plane})")).unwrap_or_default();
    format!("{} {value}{plane}", finding.metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AcceptedRange, CaseId, Label};

    fn labels() -> LabelSet {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0, 0, 0] };
        LabelSet::new(vec![label(0, "background"), label(1, "lv"), label(2, "la")]).unwrap()
    }

    #[test]
    fn a_row_has_the_scores_of_each_structure_and_what_is_not_valid() {
        let score =
            |label, dice, hausdorff_mm| StructureScore { label, dice, hausdorff_mm, hd95_mm: None, assd_mm: None };
        let accepted = AcceptedRange::exactly(0.0);
        let (metric, unit) = ("holes".to_owned(), "1".to_owned());
        let holes = Finding { metric, value: Some(2.0), unit, accepted, plane: Some(3), note: None };
        let case = CaseResult {
            domain: "target".to_owned(),
            case: CaseId("a,b".to_owned()),
            verdict: Verdict::Invalid,
            findings: vec![holes],
            structures: Some(vec![score(1, Some(0.5), Some(4.0)), score(2, Some(1.0), None)]),
            mean_reward: Some(0.75),
        };
        let cells = row(3, &case, &labels());
        assert_eq!(cells[..9], ["3", "target", "a,b", "invalid", "0", "0.25", "0.75", "4", "holes 2 1 (plane 3)"]);
        assert_eq!(cells[9..], ["0.5", "4", "", "", "1", "", "", ""]);
        assert_eq!(header(&labels()).len(), cells.len());
        let without_reference = CaseResult { structures: None, mean_reward: None, ..case };
        assert_eq!(row(0, &without_reference, &labels())[5..8], ["", "", ""]);
    }
}

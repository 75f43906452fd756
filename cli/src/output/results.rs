use std::path::Path;

use rl4seg_core::{
    adapt::{DomainSummary, EvaluateSummary},
    run_dir::{self, RunError, Step, StepKind, layout},
};
use serde::Serialize;

use super::{number, percent, table};

/// What the policy could do after an iteration; 0 is before the adaptation.
#[derive(Debug, Clone, Serialize)]
pub struct IterationResult {
    pub iteration: usize,
    #[serde(flatten)]
    pub domains: EvaluateSummary,
}

/// The results of a run so far. Reads alone, so another process may be at work on the run.
pub fn iteration_results(root: &Path, iterations: usize) -> Result<Vec<IterationResult>, RunError> {
    let steps = (0..=iterations).map(|iteration| Step::new(iteration, StepKind::Evaluate));
    steps
        .filter(|step| run_dir::is_done(root, step))
        .map(|step| {
            let domains = run_dir::read_json(&root.join(layout::step(&step)).join(layout::SUMMARY))?;
            Ok(IterationResult { iteration: step.iteration, domains })
        })
        .collect()
}

/// The results as a table, one line for each iteration.
pub fn results_table(results: &[IterationResult]) -> String {
    let header = ["", "source Dice", "Hausdorff mm", "valid", "target Dice", "Hausdorff mm", "valid"];
    let rows = results.iter().map(|result| {
        let name = match result.iteration {
            0 => "before".to_owned(),
            iteration => format!("iteration {iteration}"),
        };
        let cells = [&result.domains.source, &result.domains.target].into_iter().flat_map(cells);
        std::iter::once(name).chain(cells).collect()
    });
    table(&header, rows)
}

fn cells(domain: &DomainSummary) -> [String; 3] {
    [number(domain.dice, 3), number(domain.hausdorff_mm, 1), percent(domain.valid)]
}

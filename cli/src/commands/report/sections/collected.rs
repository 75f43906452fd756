//! Step 1: what became of the images, and what the reward samples are made of.

use maud::{Markup, html};
use rl4seg_core::run_dir::StepKind;
use serde_json::Value;

use super::parts::{figure, table};
use crate::commands::report::{collected, run_data::RunData};

/// A table, and curves over the iterations where there are several.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn collected(run: &RunData) -> anyhow::Result<Markup> {
    let steps = run.summaries.iter().filter(|(step, _)| step.kind == StepKind::Collect);
    let steps: Vec<(usize, &Value)> = steps.map(|(step, summary)| (step.iteration, summary)).collect();
    if steps.is_empty() {
        return Ok(html! { p .note { "Not finished yet." } });
    }
    let charts = collected::charts(&steps, &run.samples).iter().map(figure).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(html! {
        (outcomes(&steps))
        @if !charts.is_empty() {
            p .small {
                "Accepted: the result is valid and near to its correction, and is held to be right. Corrected: its correction is. Discarded: neither is. "
                "Reward samples are label maps beside the one that is held to be right: the policy's own with a correction or with what an expert "
                "drew, and right ones that were distorted."
            }
            div .charts { @for chart in charts { (chart) } }
        }
    })
}

fn outcomes(steps: &[(usize, &Value)]) -> Markup {
    let count = |value: &Value| value.as_u64().map_or_else(|| "–".to_owned(), |count| count.to_string());
    let outcomes = steps.iter().filter_map(|(_, summary)| summary["outcomes"].as_object());
    let mut names: Vec<&String> = outcomes.flat_map(|outcomes| outcomes.keys()).collect();
    names.sort();
    names.dedup();
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|(iteration, summary)| {
            let of_names =
                names.iter().map(|name| count(summary["outcomes"].get(name.as_str()).unwrap_or(&Value::from(0))));
            let first = [iteration.to_string(), count(&summary["cases"])];
            first.into_iter().chain(of_names).chain([count(&summary["samples"])]).collect()
        })
        .collect();
    let header = ["Iteration", "Images"].into_iter().chain(names.iter().map(|name| name.as_str()));
    let header: Vec<&str> = header.chain(["Reward samples"]).collect();
    table("What became of the target's training images", &header, &rows)
}

//! The steps: what each of them learnt, iteration by iteration.

use maud::{Markup, html};
use rl4seg_core::run_dir::StepKind;
use serde_json::Value;

use super::parts::{figure, table};
use crate::commands::report::{learning, run_data::RunData};

/// Curves for the steps that have epochs, a table for the one that has none.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn learning(run: &RunData) -> anyhow::Result<Markup> {
    let curves = |kind: StepKind| of_kind(run, kind);
    Ok(html! {
        h3 { "Start: pretraining on the source" }
        (curves(StepKind::Pretrain)?)
        h3 { "Step 1: results are collected and judged" }
        (collected(run))
        h3 { "Step 2: the reward network is fitted" }
        (curves(StepKind::FitReward)?)
        h3 { "Step 3: the policy is improved" }
        @if let Some(chosen) = chosen(run) { p { (chosen) } }
        (curves(StepKind::ImprovePolicy)?)
    })
}

fn of_kind(run: &RunData, kind: StepKind) -> anyhow::Result<Markup> {
    let epochs = run.epochs.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, epochs)| epochs);
    let charts = learning::charts(kind, epochs).iter().map(figure).collect::<anyhow::Result<Vec<_>>>()?;
    let iterations: Vec<String> = epochs.iter().map(|step| step.iteration.to_string()).collect();
    Ok(html! {
        @if charts.is_empty() { p .note { (nothing(run, kind)) } }
        @else {
            @if iterations.len() > 1 { p .small { "Iterations " (iterations.join(", ")) ", one after the other; dashed lines part them." } }
            div .charts { @for chart in charts { (chart) } }
        }
    })
}

fn nothing(run: &RunData, kind: StepKind) -> &'static str {
    let is_done = run.summaries.iter().any(|(step, _)| step.kind == kind);
    if is_done { "It had no epochs." } else { "Not finished yet." }
}

/// What became of the collected images.
fn collected(run: &RunData) -> Markup {
    let steps: Vec<_> = run.summaries.iter().filter(|(step, _)| step.kind == StepKind::Collect).collect();
    if steps.is_empty() {
        return html! { p .note { "Not finished yet." } };
    }
    let count = |value: &Value| value.as_u64().map_or_else(|| "–".to_owned(), |count| count.to_string());
    let outcomes = steps.iter().filter_map(|(_, summary)| summary["outcomes"].as_object());
    let mut names: Vec<&String> = outcomes.flat_map(|outcomes| outcomes.keys()).collect();
    names.sort();
    names.dedup();
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|(step, summary)| {
            let of_names =
                names.iter().map(|name| count(summary["outcomes"].get(name.as_str()).unwrap_or(&Value::from(0))));
            let first = [step.iteration.to_string(), count(&summary["cases"])];
            first.into_iter().chain(of_names).chain([count(&summary["samples"])]).collect()
        })
        .collect();
    let header = ["Iteration", "Images"].into_iter().chain(names.iter().map(|name| name.as_str()));
    let header: Vec<&str> = header.chain(["Reward samples"]).collect();
    table("What became of the target's training images", &header, &rows)
}

/// Which epochs' policies were taken.
fn chosen(run: &RunData) -> Option<String> {
    let steps = run.summaries.iter().filter(|(step, _)| step.kind == StepKind::ImprovePolicy);
    let told = steps.filter_map(|(step, summary)| {
        let epoch = summary["chosen_epoch"].as_u64()?;
        let what = if epoch == 0 { "the policy it began with".to_owned() } else { format!("that of epoch {epoch}") };
        Some(format!("iteration {}: {what}", step.iteration))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("Policies that were taken, by held-out results: {}.", told.join("; ")))
}

//! The steps: what each of them learnt, iteration by iteration.

use maud::{Markup, html};
use rl4seg_core::run_dir::StepKind;

use super::{collected::collected, parts::figure};
use crate::commands::report::{learning, run_data::RunData};

/// Curves over epochs; of the step that has none, over iterations.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn learning(run: &RunData) -> anyhow::Result<Markup> {
    let curves = |kind: StepKind| of_kind(run, kind);
    Ok(html! {
        h3 { "Start: pretraining on the source" }
        (curves(StepKind::Pretrain)?)
        h3 { "Step 1: results are collected and judged" }
        (collected(run)?)
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

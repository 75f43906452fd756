//! How far the uncertainty can be believed.

use maud::{Markup, PreEscaped, html};
use rl4seg_core::run_dir::StepKind;
use serde_json::Value;

use super::parts::table;
use crate::{
    commands::{
        report::run_data::RunData,
        uncertainty::{
            measures::{Agreement, Measures},
            pictures,
        },
    },
    output::number,
};

/// The measures and pictures of `rl4seg uncertainty`, and the calibration of each iteration's reward network.
///
/// # Errors
/// If a picture cannot be drawn.
pub fn calibration(run: &RunData, measures: Option<&Measures>) -> anyhow::Result<Markup> {
    let agreement = measures.and_then(|measures| measures.agreement.as_ref());
    let drawn = match (agreement, measures) {
        (Some(agreement), Some(measures)) => pictures::draw(agreement, &measures.cases)?,
        _ => Vec::new(),
    };
    Ok(html! {
        p .lead { "The reward network tells for each voxel how likely its label is right. A network that says 0.8 should be right in 80 of 100 such voxels." }
        @if let Some(why) = measures.and_then(|measures| measures.not_measured.as_ref()) { p .note { (why) "." } }
        @if let Some(agreement) = agreement { (of_agreement(agreement)) }
        @if !drawn.is_empty() { div .charts { @for picture in &drawn { figure {
            div role="img" aria-label=(explained(picture.name)) { (PreEscaped(&picture.svg)) }
            figcaption { (explained(picture.name)) }
        } } } }
        (of_steps(run))
    })
}

fn explained(name: &str) -> &'static str {
    match name {
        "reliability.svg" => {
            "Reliability diagram: the share of right voxels for each confidence; larger dots hold more voxels. On the diagonal \
             the confidence can be taken at its word, below it the network is too sure of itself."
        }
        "confidence.svg" => {
            "How confident the network is of right and of wrong voxels. The less they overlap, the better errors are found."
        }
        _ => {
            "Dice and uncertainty of each case. Cases that bend the line most are named: look at those whose Dice is low \
             although the network is sure."
        }
    }
}

fn of_agreement(agreement: &Agreement) -> Markup {
    let rows = [
        ("Voxels looked at: those where result or truth is not background", agreement.voxels.to_string()),
        ("Share of them that is right", number(Some(agreement.accuracy), 3)),
        ("Expected calibration error", number(Some(agreement.ece), 3)),
        ("Largest calibration error of a bin", number(Some(agreement.mce), 3)),
        ("Chance that a wrong voxel is less certain than a right one", number(Some(agreement.error_auroc), 3)),
        ("Correlation of a case's uncertainty with its Dice", number(agreement.dice_correlation_of_foreground, 2)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    table("Uncertainty of the target's test cases", &["Measure", "Value"], &rows)
}

fn of_steps(run: &RunData) -> Markup {
    let fitted = run.summaries.iter().filter(|(step, _)| step.kind == StepKind::FitReward);
    let rows: Vec<Vec<String>> = fitted
        .map(|(step, summary)| {
            let of = |name: &str| number(summary["calibration"].get(name).and_then(Value::as_f64), 3);
            let names = ["temperature", "ece_before", "ece_after", "error_auroc"];
            std::iter::once(step.iteration.to_string()).chain(names.map(of)).collect()
        })
        .collect();
    if rows.is_empty() {
        return html! { p .note { "No reward network is fitted yet." } };
    }
    let header = ["Iteration", "Temperature", "ECE before", "ECE after", "AUROC of errors"];
    table("Reward networks, on reward samples that they did not learn from", &header, &rows)
}

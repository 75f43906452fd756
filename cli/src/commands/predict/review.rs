//! The list for those who look through the results: a page with the worst first.

use std::path::Path;

use maud::html;
use rl4seg_core::{
    adapt::Segmented,
    domain::{Image, LabelSet},
    io::write_atomically,
};

use super::tables::Row;
use crate::{
    commands::report::{
        gallery::{self, Entry, Gallery, Names, Picture, Shown, from_map},
        page::{Section, page},
    },
    output::percent,
};

/// The name of the page.
pub const REVIEW: &str = "review.html";

/// An image's results, to be looked at.
///
/// # Errors
/// If its picture cannot be packed.
pub fn entry(
    name: &str,
    (image, segmented): (&Image, &Segmented),
    (names, longest): (&Names, usize),
) -> anyhow::Result<Entry> {
    let Segmented { labels, uncertainty, verdict, findings } = segmented;
    let shown = Shown {
        image,
        labels,
        reference: None,
        uncertainty: Some(from_map(uncertainty)),
        faults: names.places(findings, labels),
        plane: findings.iter().find_map(|finding| finding.plane),
        longest,
    };
    let found = labels.labels().iter().filter(|&&label| label != 0).count();
    // 1 is where the networks did not look.
    let looked_at = uncertainty.values().iter().filter(|&&value| value < 1.0);
    let sum: f64 = looked_at.map(|&value| f64::from(value)).sum();
    Ok(Entry {
        name: name.to_owned(),
        verdict: *verdict,
        dice: None,
        dice_before: None,
        uncertainty: Some(if found > 0 { sum / found as f64 } else { f64::INFINITY }),
        reasons: names.reasons(findings),
        numbers: Vec::new(),
        picture: Some(Picture::of(&shown)?),
    })
}

/// Writes the page of these images.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &Path, rows: &[Row], labels: &LabelSet) -> anyhow::Result<()> {
    let entry = |row: &Row| Entry {
        numbers: vec![("Uncertain voxels".to_owned(), percent(row.scores.uncertain_share))],
        ..row.entry.clone()
    };
    let gallery = Gallery::new(labels, rows.iter().map(entry).collect(), rows.len());
    let head = html! {
        p .kind { "rl4seg predict" }
        h1 { "Results to review" }
        p .lead {
            (rows.len()) @if rows.len() == 1 { " image" } @else { " images" } " of one call, the worst first: what is not anatomically valid, then what is least certain. "
            "Uncertainty is that of all voxels, for each segmented one."
        }
    };
    let section = Section { id: "cases", title: "Cases", content: gallery::gallery(&gallery) };
    let page = page("Results to review", &head, &[section], Some(&gallery))?;
    Ok(write_atomically(&folder.join(REVIEW), page.as_bytes())?)
}

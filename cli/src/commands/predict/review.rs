//! The list for those who look through the results: a page with the worst first.

use std::{
    iter,
    path::{Path, PathBuf},
};

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

/// The name of the page, without its ending.
const REVIEW: &str = "review";

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

/// Writes the page of these images, beside those of earlier calls or in the place of the first; tells where.
///
/// # Errors
/// If it cannot be written.
pub fn write(
    folder: &Path,
    rows: &[Row],
    labels: &LabelSet,
    (others, replace): (usize, bool),
) -> anyhow::Result<PathBuf> {
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
            @if others > 0 {
                " This folder has results of " (others) " more, which are not on this page; " code { "scores.csv" } " lists all."
            }
        }
    };
    let section = Section { id: "cases", title: "Cases", content: gallery::gallery(&gallery) };
    let page = page("Results to review", &head, &[section], Some(&gallery))?;
    let path = if replace { folder.join(format!("{REVIEW}.html")) } else { free(folder) };
    write_atomically(&path, page.as_bytes())?;
    Ok(path)
}

/// The first name for a page that no earlier call took.
fn free(folder: &Path) -> PathBuf {
    let later = (2..).map(|number| folder.join(format!("{REVIEW}-{number}.html")));
    let mut names = iter::once(folder.join(format!("{REVIEW}.html"))).chain(later);
    names.find(|path| !path.exists()).unwrap_or_else(|| folder.join(format!("{REVIEW}.html")))
}

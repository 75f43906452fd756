//! What it is and how it went, at a glance.

use maud::{Markup, html};
use rl4seg_core::{
    config::{ComponentTable, PATH_KEYS},
    measure::Interval,
};

use crate::commands::report::{comparison::Row, run_data::RunData};

/// The title, one sentence, and the figures that matter most.
pub fn head(run: &RunData, target: &[Row]) -> Markup {
    let status = &run.status;
    html! {
        p .kind { "rl4seg report" }
        h1 { "Adaptation of " (run.plan.modality) " segmentation" }
        p .lead {
            "From " (named(&run.plan.source)) " to " (named(&run.plan.target)) ", which has no labels. "
            @if status.next.is_none() { (run.plan.iterations) @if run.plan.iterations == 1 { " iteration" } @else { " iterations" } ", finished." }
            @else { b { "Not finished: " (status.done) " of " (status.total) " steps are done." } " This is what is there." }
        }
        @if !target.is_empty() {
            ul .tiles aria-label="Target test cases" {
                @for (row, name) in target.iter().filter_map(|row| Some((row, row.headline?))) { (tile(row, name)) }
            }
            p .small { "Target test cases, means with 95 % intervals." }
        }
    }
}

/// The folder of a domain, or what gives its images.
fn named(table: &ComponentTable) -> Markup {
    html! { code { (place(table).unwrap_or(&table.component)) } }
}

/// Where the images of a domain lie; nothing where they are not read from anywhere.
pub fn place(table: &ComponentTable) -> Option<&str> {
    PATH_KEYS.iter().find_map(|key| table.settings.get(*key)?.as_str())
}

fn tile(row: &Row, name: &str) -> Markup {
    let last = row.after.or(row.before);
    html! {
        li .tile {
            p .name { (name) }
            p .figure {
                @if let Some(Interval { mean, .. }) = last { (value(row, mean)) span .unit { (unit(row)) } } @else { "–" }
            }
            @if let Some([low, high]) = last.as_ref().and_then(Interval::bounds) {
                p .small { (value(row, low)) " to " (value(row, high)) }
            }
            @if let Some(few) = few(row, last) { p .small { (few) } }
            @if let (Some(before), Some(change)) = (row.before, row.change) {
                p .change data-improved=[row.improved.map(|better| better.to_string())] {
                    "before " (value(row, before.mean)) ", " (signed(row, change.mean)) (change_unit(row))
                }
            }
        }
    }
}

/// Of how many cases a mean is, where some could not be measured.
pub fn few(row: &Row, found: Option<Interval>) -> Option<String> {
    let measured = found.map_or(0, |interval| interval.cases);
    (measured < row.cases).then(|| format!("{measured} of {} cases", row.cases))
}

/// The unit behind a number, with its space.
pub fn unit(row: &Row) -> String {
    if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) }
}

/// A difference of percentages is no percentage.
fn change_unit(row: &Row) -> String {
    if row.unit == "%" { " points".to_owned() } else { unit(row) }
}

/// A number of a measure, with as many digits as it deserves.
pub fn value(row: &Row, value: f64) -> String {
    format!("{value:.*}", row.digits)
}

/// The same of a change; one of lengths is small beside them.
pub fn signed(row: &Row, value: f64) -> String {
    let digits = row.digits + usize::from(row.unit == "mm");
    // A minus sign as wide as a plus sign.
    format!("{value:+.digits$}").replace('-', "\u{2212}")
}

//! Before and after, and iteration by iteration.

use maud::{Markup, html};
use rl4seg_core::{adapt::DomainSummary, measure::Interval};

use super::{
    parts::figure,
    summary::{few, signed, unit, value},
};
use crate::commands::report::{
    charts::{Chart, Series},
    comparison::Row,
    learning::capitalised,
    run_data::RunData,
};

/// The table of each domain, and curves over the iterations.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn results(run: &RunData, domains: &[(&str, &[Row])]) -> anyhow::Result<Markup> {
    let (Some(first), Some(last)) = (run.evaluations.first(), run.evaluations.last()) else {
        return Ok(html! { p .note { "No evaluation is finished yet." } });
    };
    let after = (last.iteration > first.iteration).then_some(last.iteration);
    let charts = charts(run).iter().map(figure).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(html! {
        p .lead {
            "Means over the test cases of a domain, and in brackets the 95 % interval of a bootstrap over patients, of whom it needs two. "
            "A distance needs a structure in both label maps: beside it stands how many cases have it, where not all do. "
            "Changes are measured case by case; an arrow marks those whose interval leaves out 0: "
            span .better { "▲ better" } ", " span .worse { "▼ worse" } "."
        }
        @for (domain, rows) in domains { (comparison(run, domain, rows, after)) }
        @if !charts.is_empty() { h3 { "Iteration by iteration" } div .charts { @for chart in charts { (chart) } } }
    })
}

fn comparison(run: &RunData, domain: &str, rows: &[Row], after: Option<usize>) -> Markup {
    let cases = run.evaluations.last().map_or(0, |last| run.of_domain(last, domain).len());
    html! {
        div .scroll { table .comparison {
            caption { (capitalised(domain)) " domain, " (cases) " test cases" }
            thead { tr {
                th scope="col" { "Measure" }
                th scope="col" { "Before" }
                @if let Some(iteration) = after { th scope="col" { "After iteration " (iteration) } th scope="col" { "Change" } }
            } }
            tbody { @for row in rows { tr {
                th scope="row" { (row.measure) @if !row.unit.is_empty() { span .unit { ", " (row.unit) } } }
                td { (interval(row, row.before)) }
                @if after.is_some() { td { (interval(row, row.after)) } td { (change(row)) } }
            } } }
        } }
    }
}

fn interval(row: &Row, found: Option<Interval>) -> Markup {
    html! {
        @if let Some(found) = found { (value(row, found.mean)) (bounds(&found, |bound| value(row, bound))) (of_cases(row, found)) }
        @else { "–" }
    }
}

fn of_cases(row: &Row, found: Interval) -> Markup {
    html! { @if let Some(few) = few(row, Some(found)) { " " span .interval { (few) } } }
}

fn bounds(of: &Interval, shown: impl Fn(f64) -> String) -> Markup {
    html! { @if let Some([low, high]) = of.bounds() { " " span .interval { "[" (shown(low)) ", " (shown(high)) "]" } } }
}

fn change(row: &Row) -> Markup {
    let Some(change) = row.change else { return html! { "–" } };
    html! {
        (signed(row, change.mean)) (bounds(&change, |bound| signed(row, bound))) (of_cases(row, change))
        @match row.improved {
            Some(true) => { " " span .better title={ "better" (unit(row)) } { "▲" span .visually-hidden { " better" } } }
            Some(false) => { " " span .worse title="worse" { "▼" span .visually-hidden { " worse" } } }
            None => {}
        }
    }
}

fn charts(run: &RunData) -> Vec<Chart> {
    type Measure = (&'static str, &'static str, fn(&DomainSummary) -> Option<f64>);
    let measures: [Measure; 4] = [
        ("Anatomically valid", "share", |domain| Some(domain.valid)),
        ("Dice", "mean of the structures", |domain| domain.dice),
        ("Hausdorff distance", "mm", |domain| domain.hausdorff_mm),
        ("Expected calibration error", "probability", |domain| domain.ece),
    ];
    let results = &run.status.results;
    if results.len() < 2 {
        return Vec::new();
    }
    let charts = measures.map(|(title, unit, of)| {
        let points = |domain: fn(&crate::output::IterationResult) -> &DomainSummary| {
            results.iter().filter_map(|result| Some((result.iteration as f64, of(domain(result))?))).collect()
        };
        let series = [
            Series { name: "target".to_owned(), points: points(|result| &result.domains.target) },
            Series { name: "source".to_owned(), points: points(|result| &result.domains.source) },
        ];
        let series = series.into_iter().filter(|series| !series.points.is_empty()).collect();
        Chart { title: title.to_owned(), x: "iteration", y: unit.to_owned(), series, borders: Vec::new() }
    });
    charts.into_iter().filter(|chart| !chart.is_empty()).collect()
}

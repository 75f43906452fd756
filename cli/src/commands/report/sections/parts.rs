//! What several parts are made of.

use maud::{Markup, PreEscaped, html};

use crate::{commands::report::charts::Chart, output::number};

/// A drawing with what it shows, in words; its numbers can be read too.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(chart: &Chart) -> anyhow::Result<Markup> {
    let svg = chart.svg()?;
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    Ok(html! {
        figure {
            div role="img" aria-label=(format!("{}: {} over {}", chart.title, names.join(", "), chart.x)) { (PreEscaped(svg)) }
            figcaption { b { (chart.title) } }
            (numbers(chart))
        }
    })
}

fn numbers(chart: &Chart) -> Markup {
    let mut xs: Vec<f64> = chart.series.iter().flat_map(|series| series.points.iter().map(|point| point.0)).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    html! {
        details .numbers {
            summary { "Numbers" }
            div .scroll { table {
                caption .visually-hidden { (chart.title) }
                thead { tr { th scope="col" { (chart.x) } @for series in &chart.series { th scope="col" { (series.name) } } } }
                tbody { @for x in xs { tr {
                    th scope="row" { (x) }
                    @for series in &chart.series {
                        td { (number(series.points.iter().find(|point| point.0 == x).map(|point| point.1), 4)) }
                    }
                } } }
            } }
        }
    }
}

/// A table of texts; the first column names the rows.
pub fn table(caption: &str, header: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div .scroll { table {
            caption { (caption) }
            thead { tr { @for name in header { th scope="col" { (name) } } } }
            tbody { @for row in rows { tr {
                @for (column, cell) in row.iter().enumerate() {
                    @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                }
            } } }
        } }
    }
}

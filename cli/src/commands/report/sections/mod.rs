//! A run's report, part by part.

mod calibration;
mod collected;
mod cost;
mod learning;
mod made_of;
mod parts;
mod results;
mod summary;

use maud::{Markup, html};

use super::{
    cases::Cases,
    gallery,
    page::{Section, page},
    run_data::RunData,
};

/// The whole page.
///
/// # Errors
/// If a chart cannot be drawn.
pub fn report(run: &RunData, cases: Option<&Cases>) -> anyhow::Result<String> {
    let target = run.comparison("target");
    let source = run.comparison("source");
    let mut sections = vec![Section {
        id: "results",
        title: "Results",
        content: results::results(run, &[("target", &target), ("source", &source)])?,
    }];
    sections.extend(cases.map(|cases| Section { id: "cases", title: "Cases", content: of_cases(cases) }));
    sections.push(Section {
        id: "uncertainty",
        title: "Uncertainty",
        content: calibration::calibration(run, cases.and_then(|cases| cases.measures.as_ref()))?,
    });
    sections.push(Section { id: "learning", title: "Learning", content: learning::learning(run)? });
    sections.push(Section { id: "time", title: "Time and memory", content: cost::cost(run) });
    sections.push(Section { id: "run", title: "What was run", content: made_of::made_of(run) });
    let title = format!("{} adaptation report", run.plan.modality);
    page(&title, &summary::head(run, &target), &sections, cases.map(|cases| &cases.gallery))
}

fn of_cases(cases: &Cases) -> Markup {
    let shown = cases.gallery.entries.len();
    let total = cases.gallery.total;
    html! {
        p .lead {
            "The target's test cases as the network of iteration " (cases.iteration) " segments them, the worst first: "
            "what is not valid, then what is least certain."
            @if shown < total { " The worst " (shown) " of " (total) " are shown (" code { "--cases" } ")." }
        }
        @if let Some(why) = &cases.without_pictures {
            p .note { "There are no pictures and no uncertainty, because the cases could not be segmented again: " (why) "." }
        } @else if cases.measures.is_none() {
            p .note { "No reward network is fitted yet, so nothing tells how certain the results are." }
        }
        (gallery::gallery(&cases.gallery))
    }
}

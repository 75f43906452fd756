//! What the steps took.

use maud::{Markup, html};

use crate::commands::{report::run_data::RunData, status::StepStatus};

/// Time and memory from the journal.
pub fn cost(run: &RunData) -> Markup {
    let steps = &run.status.steps;
    let longest = steps.iter().filter_map(|step| step.seconds).fold(0.0, f64::max);
    let most = steps.iter().filter_map(|step| step.peak_memory_bytes).max();
    let all: f64 = steps.iter().filter_map(|step| step.seconds).sum();
    html! {
        p .lead { "The steps that are done took " (duration(all)) " on " code { (run.manifest.device) } @if let Some(bytes) = most { ", and at most " (mebibytes(bytes)) " of memory" } "." }
        div .scroll { table .time {
            caption { "Time of each step, all attempts at it together, and the most memory that the process had held which completed it" }
            thead { tr { th scope="col" { "Step" } th scope="col" { "State" } th scope="col" { "Time" } th scope="col" { "Memory" } th scope="col" { span .visually-hidden { "Share of the longest" } } } }
            tbody { @for step in steps { (row(step, longest)) } }
        } }
    }
}

fn row(step: &StepStatus, longest: f64) -> Markup {
    html! {
        tr {
            th scope="row" { (step.step) }
            td { (step.state.name()) @if let Some(failure) = &step.failure { ": " (failure) } }
            td { @if let Some(seconds) = step.seconds { (duration(seconds)) } @else { "–" } }
            td { @if let Some(bytes) = step.peak_memory_bytes { (mebibytes(bytes)) } @else { "–" } }
            td .bar { @if let Some(seconds) = step.seconds.filter(|_| longest > 0.0) {
                div style=(format!("width: {:.1}%", 100.0 * seconds / longest)) {}
            } }
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// As `2 h 5 min`, `3 min 20 s` or `1.2 s`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_exact_as_anyone_wants() {
        assert_eq!([1.24, 200.0, 7503.0].map(duration), ["1.2 s", "3 min 20 s", "2 h 5 min"]);
    }
}

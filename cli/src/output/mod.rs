//! What the user gets to see.

mod clock;
mod progress;
mod results;
mod table;
mod warning;

pub use progress::{Counter, Estimate, RunProgress, Shown};
pub use results::{IterationResult, iteration_results, results_table};
pub use table::{number, percent, table};

use std::io::Write;

use anyhow::Context;
use serde::Serialize;

/// Writes a result to standard output: as JSON, or as text.
pub fn result<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let mut text = if json { serde_json::to_string_pretty(value).context("writing JSON")? } else { text() };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    std::io::stdout().lock().write_all(text.as_bytes()).context("writing the result to standard output")
}

/// Tells the user something beside the result, on standard error.
pub fn note(text: &str) {
    progress::BARS.suspend(|| {
        // Where nobody reads any more, as after a terminal was closed, there is nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    });
}

//! What the user gets to see.

mod clock;
mod progress;
mod results;
mod table;
mod warning;

pub use progress::{Counter, Estimate, RunProgress, Shown};
pub use results::{IterationResult, iteration_results, results_table};
pub use table::{number, percent, table};

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use anyhow::{Context, ensure};
use serde::Serialize;

/// Writes a result to standard output: as JSON, or as text.
pub fn result<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let mut text = if json { serde_json::to_string_pretty(value).context("writing JSON")? } else { text() };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    std::io::stdout().lock().write_all(text.as_bytes()).context("writing the result to standard output")
}

/// A path as JSON can hold it.
pub fn utf8(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{}: its name is not UTF-8, which JSON must be; rename it", path.display()))
}

/// Refuses to replace a file that does not begin as what is to be written there.
pub fn require_replaceable(path: &Path, start: &str, flag: &str) -> anyhow::Result<()> {
    let Ok(there) = File::open(path) else { return Ok(()) };
    let mut found = Vec::new();
    let is_read = there.take(start.len() as u64).read_to_end(&mut found).is_ok();
    let is_same = is_read && (found.is_empty() || found.eq_ignore_ascii_case(start.as_bytes()));
    ensure!(is_same, "{}: is there already, and something else; name another file with {flag}", path.display());
    Ok(())
}

/// Tells the user something beside the result, on standard error.
pub fn note(text: &str) {
    progress::BARS.suspend(|| {
        // Where nobody reads any more, as after a terminal was closed, there is nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    });
}

#[cfg(all(test, unix))]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    #[test]
    fn a_path_that_json_cannot_hold_is_refused() {
        assert_eq!(utf8(Path::new("größe")).unwrap(), "größe");
        let error = utf8(Path::new(OsStr::from_bytes(b"gr\xf6sse"))).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8") && error.contains("rename it"), "{error}");
    }
}

//! Python exceptions as chains of messages.

use pyo3::{
    prelude::*,
    types::{PyString, PyTraceback},
};
use rl4seg_sdk::component::{ComponentError, ErrorKind};

/// Most exceptions of a chain; one may be set as its own cause.
const MOST_CAUSES: usize = 16;

/// `what` failed, and why: the exception and its `__cause__`s, each with its type and the innermost line it came through.
pub(crate) fn error(py: Python<'_>, kind: ErrorKind, what: impl Into<String>, raised: PyErr) -> ComponentError {
    let exceptions = std::iter::successors(Some(raised), |exception| exception.cause(py)).take(MOST_CAUSES);
    let chain = exceptions.map(|exception| describe(py, &exception)).collect();
    ComponentError::from_chain(kind, chain).context(what)
}

/// `ValueError: no wall (at wall.py:12 in thickness)`.
fn describe(py: Python<'_>, exception: &PyErr) -> String {
    let kind = exception.get_type(py).qualname().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let said = exception.value(py).str().map_or_else(|_| "its message cannot be read".to_owned(), text);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let place = exception.traceback(py).and_then(|traceback| innermost(traceback).ok().flatten());
    let place = place.map_or_else(String::new, |place| format!(" (at {place})"));
    format!("{kind}{said}{place}")
}

fn text(text: Bound<'_, PyString>) -> String {
    text.to_string_lossy().trim().to_owned()
}

/// `file:line in function` of the last line that is not of Python's own import machinery.
fn innermost(traceback: Bound<'_, PyTraceback>) -> PyResult<Option<String>> {
    let mut last = None;
    let mut entry = traceback.into_any();
    while !entry.is_none() {
        let code = entry.getattr("tb_frame")?.getattr("f_code")?;
        let file: String = code.getattr("co_filename")?.extract()?;
        if !file.starts_with("<frozen ") {
            let line: u32 = entry.getattr("tb_lineno")?.extract()?;
            let function: String = code.getattr("co_name")?.extract()?;
            last = Some(format!("{file}:{line} in {function}"));
        }
        entry = entry.getattr("tb_next")?;
    }
    Ok(last)
}

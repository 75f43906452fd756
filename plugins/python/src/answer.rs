//! What a function may return, and what becomes of it.

use std::collections::BTreeMap;

use pyo3::{
    prelude::*,
    types::{PyBool, PyDict, PyString, PyTuple},
};
use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result},
    domain::{AcceptedRange, Finding},
};

use crate::{config::Measured, function::type_of, raised};

/// What is accepted, for people.
const EXPECTED: &str = "a dict of numbers by name, (dict, verdict) or (dict, verdict, reason), where the verdict is True, \
                        False or None and the reason a str";

/// What a function returned.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    /// Values by name, in the function's order; `None` could not be measured.
    values: Vec<(String, Option<f64>)>,
    /// `None` if there is none: the values are all.
    judgement: Option<Judgement>,
}

/// What a function says of the whole label map.
#[derive(Debug, PartialEq)]
struct Judgement {
    /// `None`: it could not be judged.
    is_valid: Option<bool>,
    reason: Option<String>,
}

impl Answer {
    /// Reads what `function` returned.
    ///
    /// # Errors
    /// If it is not what a function may return, or a number is NaN or infinite.
    pub fn read(function: &str, returned: &Bound<'_, PyAny>) -> Result<Self> {
        let unexpected = || broken(format!("`{function}` returned {}; expected {EXPECTED}", shown(returned)));
        if let Ok(values) = returned.cast::<PyDict>() {
            return Ok(Self { values: read_values(function, values)?, judgement: None });
        }
        let parts = returned.cast::<PyTuple>().map_err(|_| unexpected())?;
        let (2 | 3) = parts.len() else { return Err(unexpected()) };
        let part = |index| parts.get_item(index).map_err(|_| unexpected());
        let values = part(0)?;
        let values = read_values(function, values.cast::<PyDict>().map_err(|_| unexpected())?)?;
        let is_valid = read_verdict(&part(1)?).ok_or_else(unexpected)?;
        let reason = if parts.len() == 3 { read_reason(&part(2)?).ok_or_else(unexpected)? } else { None };
        if is_valid.is_none() && reason.is_none() {
            let message =
                format!("`{function}` returned the verdict None without a reason; expected (dict, None, reason)");
            return Err(broken(message));
        }
        Ok(Self { values, judgement: Some(Judgement { is_valid, reason }) })
    }

    /// The judgement first, named as the function, then the values.
    ///
    /// # Errors
    /// If nothing decides about validity, or `measured` names a value that is not there.
    pub fn findings(
        self,
        function: &str,
        measured: &BTreeMap<String, Measured>,
        plane: Option<usize>,
    ) -> Result<Vec<Finding>> {
        let Self { values, judgement } = self;
        let names = || values.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if let Some(missing) = measured.keys().find(|name| values.iter().all(|(known, _)| known != *name)) {
            let message = format!(
                "`{function}` returned no `{missing}`, which `measured` names; it returned {}. What cannot be measured is \
                 None",
                if values.is_empty() { "no values".to_owned() } else { names() }
            );
            return Err(broken(message));
        }
        if judgement.is_none() && measured.values().all(|known| known.accepted() == ANY) {
            let message = format!(
                "`{function}` returned values without a verdict, and `measured` gives none of them a range, so that all \
                 would be valid; return (dict, verdict), or set `min` or `max` of one of {} in `measured`",
                names()
            );
            return Err(broken(message));
        }
        let reason = judgement.as_ref().and_then(|judgement| judgement.reason.clone());
        let judged = judgement.map(|Judgement { is_valid, reason }| Finding {
            metric: function.to_owned(),
            value: is_valid.map(|is_valid| f64::from(u8::from(is_valid))),
            unit: "1".to_owned(),
            accepted: AcceptedRange::exactly(1.0),
            plane,
            note: reason,
        });
        let of_values = values.into_iter().map(|(name, value)| {
            let known = measured.get(&name);
            let why = || reason.clone().unwrap_or_else(|| format!("`{function}` returned None for it"));
            Finding {
                note: value.is_none().then(why),
                value,
                unit: known.map_or_else(|| "1".to_owned(), |known| known.unit.clone()),
                accepted: known.map_or(ANY, Measured::accepted),
                plane,
                metric: name,
            }
        });
        Ok(judged.into_iter().chain(of_values).collect())
    }
}

const ANY: AcceptedRange = AcceptedRange { min: None, max: None };

fn read_values(function: &str, values: &Bound<'_, PyDict>) -> Result<Vec<(String, Option<f64>)>> {
    let read = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let name = key.extract::<String>().unwrap_or_default();
        if name.is_empty() || name == function {
            let message = format!(
                "`{function}` returned a value named {}; expected a str that is not empty and not the function",
                shown(&key)
            );
            return Err(broken(message));
        }
        let number = read_number(function, &name, &value)?;
        Ok((name, number))
    };
    values.iter().map(read).collect()
}

/// Any real number of Python or NumPy, but no bool: a judgement is the verdict.
fn read_number(function: &str, name: &str, value: &Bound<'_, PyAny>) -> Result<Option<f64>> {
    if value.is_none() {
        return Ok(None);
    }
    let py = value.py();
    let is_number = || value.is_instance(&py.import("numbers")?.getattr("Real")?);
    if value.is_instance_of::<PyBool>() || !is_number().unwrap_or(false) {
        let message = format!(
            "`{function}` returned {} for `{name}`; expected an int, a float or a NumPy number, or None where it cannot be \
             measured",
            shown(value)
        );
        return Err(broken(message));
    }
    let what = || format!("`{function}` returned for `{name}` what is no 64-bit number");
    let number: f64 = value.extract().map_err(|error| raised::error(py, ErrorKind::BrokenPromise, what(), error))?;
    if number.is_finite() {
        return Ok(Some(number));
    }
    let message = format!(
        "`{function}` returned {number} for `{name}`; expected a finite number, or None where it cannot be measured"
    );
    Err(ComponentError::new(ErrorKind::NotFinite, message))
}

/// `Some(None)` is the verdict None; `None` is no verdict.
fn read_verdict(verdict: &Bound<'_, PyAny>) -> Option<Option<bool>> {
    if verdict.is_none() {
        return Some(None);
    }
    // Extracting a bool takes those of Python and of NumPy alone.
    verdict.extract::<bool>().ok().map(Some)
}

fn read_reason(reason: &Bound<'_, PyAny>) -> Option<Option<String>> {
    if reason.is_none() {
        return Some(None);
    }
    let text = reason.cast::<PyString>().ok()?.to_string_lossy().trim().to_owned();
    Some((!text.is_empty()).then_some(text))
}

/// Type and text of an object, as `list [1, 2]`.
fn shown(object: &Bound<'_, PyAny>) -> String {
    const MOST: usize = 80;
    let text = object.repr().map_or_else(|_| "that cannot be shown".to_owned(), |text| text.to_string());
    let cut: String = text.chars().take(MOST).collect();
    format!("{} {cut}{}", type_of(object), if cut.len() < text.len() { "..." } else { "" })
}

fn broken(message: String) -> ComponentError {
    ComponentError::new(ErrorKind::BrokenPromise, message)
}

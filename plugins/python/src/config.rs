//! The keys of `python/metric`.

use std::{collections::BTreeMap, path::PathBuf};

use rl4seg_sdk::schemars::JsonSchema;
use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result},
    domain::AcceptedRange,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The keyword that the names of labels are passed as.
pub(crate) const LABEL_NAMES: &str = "label_names";

/// The configuration of [`PythonMetric`](crate::PythonMetric).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct MetricConfig {
    /// `module:function`; either may have dots, as `package.module:Class.method`.
    pub function: String,
    /// A folder that is put in front of `sys.path`. `rl4seg` makes one that is relative to its configuration file absolute.
    pub path: Option<PathBuf>,
    /// The names of the labels 0, 1, 2, ..., passed as the keyword `label_names`, a tuple. Without them the keyword is not
    /// passed.
    pub labels: Option<Vec<String>>,
    /// Keyword arguments of the function.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Whether every slice or frame is passed on its own, as `[y, x]`.
    #[serde(default)]
    pub slices: bool,
    /// What is known of the values that the function returns, by their names.
    #[serde(default)]
    pub measured: BTreeMap<String, Measured>,
}

/// What is known of a value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct Measured {
    /// Its unit, as `mm2`; `1`, a ratio or a count, if left out.
    #[serde(default = "ratio")]
    pub unit: String,
    /// Smallest accepted value; any below, if left out.
    pub min: Option<f64>,
    /// Largest accepted value; any above, if left out.
    pub max: Option<f64>,
}

fn ratio() -> String {
    "1".to_owned()
}

impl Measured {
    pub(crate) fn accepted(&self) -> AcceptedRange {
        AcceptedRange { min: self.min, max: self.max }
    }
}

impl MetricConfig {
    /// The module and the function.
    ///
    /// # Errors
    /// If the values contradict each other, or `function` is of another form.
    pub(crate) fn check(&self) -> Result<(&str, &str)> {
        self.check_labels()?;
        for (name, Measured { unit, min, max }) in &self.measured {
            if unit.is_empty() {
                return Err(setting(&format!("measured.{name}.unit is empty; expected a unit, as \"mm2\"")));
            }
            if let (Some(min), Some(max)) = (min, max)
                && min > max
            {
                return Err(setting(&format!("measured.{name} accepts {min} to {max}; expected min not above max")));
            }
        }
        match self.function.split_once(':') {
            Some((module, function)) if is_dotted(module) && is_dotted(function) => Ok((module, function)),
            _ => Err(setting(&format!(
                "function is {:?}; expected \"module:function\", as \"coverage:assess\"",
                self.function
            ))),
        }
    }

    fn check_labels(&self) -> Result<()> {
        let Some(labels) = &self.labels else { return Ok(()) };
        if self.settings.contains_key(LABEL_NAMES) {
            let message = format!("both `labels` and settings.{LABEL_NAMES} are given; they are one keyword: drop one");
            return Err(setting(&message));
        }
        for (value, name) in labels.iter().enumerate() {
            if name.is_empty() || labels[..value].contains(name) {
                let message = format!("labels: label {value} is named {name:?}; every label needs a name of its own");
                return Err(setting(&message));
            }
        }
        match labels.len() {
            0 => Err(setting("labels is empty; expected the names of 0, 1, 2, ..., background first")),
            _ => Ok(()),
        }
    }
}

/// Names joined by dots, none of them empty.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|name| !name.is_empty() && !name.contains([':', '/', '\\', ' ']))
}

fn setting(message: &str) -> ComponentError {
    ComponentError::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> std::result::Result<(String, String), String> {
        let config: MetricConfig = serde_json::from_str(json).unwrap();
        let parts = config.check().map(|(module, function)| (module.to_owned(), function.to_owned()));
        parts.map_err(|error| error.to_string())
    }

    #[test]
    fn a_function_is_named_by_its_module() {
        let parts = checked(r#"{"function": "a.b:C.d"}"#).unwrap();
        assert_eq!(parts, ("a.b".to_owned(), "C.d".to_owned()));
        for wrong in ["", "assess", ":assess", "coverage:", "coverage.py", "a..b:c", "a:b:c", "dir/a:b"] {
            let error = checked(&format!(r#"{{"function": "{wrong}"}}"#)).unwrap_err();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("module:function"), "{error}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (keys, said) in [
            (r#""measured": {"a": {"min": 2, "max": 1}}"#, "measured.a accepts 2 to 1"),
            (r#""measured": {"a": {"unit": ""}}"#, "measured.a.unit is empty"),
            (r#""labels": []"#, "labels is empty"),
            (r#""labels": ["a", "a"]"#, "label 1 is named \"a\""),
            (r#""labels": ["a"], "settings": {"label_names": 1}"#, "drop one"),
        ] {
            let error = checked(&format!(r#"{{"function": "a:b", {keys}}}"#)).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}

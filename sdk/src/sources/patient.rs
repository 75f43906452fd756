//! Whose a case is, where a data set says it in the case's name alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::{ComponentError, ErrorKind, Result};

/// How a case's name tells its patient. Images of one patient that go to training and to test would make results look better
/// than they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected \"case\" or { before = \"_\", parts = 1 }")]
pub enum PatientRule {
    /// `"case"`: it does not; every case is of a patient of its own.
    Alone(Alone),
    /// The patient's name is the beginning of the case's.
    Beginning(Beginning),
}

/// The word for cases that are each of a patient of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Alone {
    /// Every case is of a patient of its own.
    #[serde(rename = "case")]
    Case,
}

/// How much of a case's name is the patient's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// What the name is cut at, as `_` or `_frame`.
    pub before: String,
    /// How many pieces make the patient's name.
    #[serde(default = "one")]
    pub parts: usize,
}

fn one() -> usize {
    1
}

impl Default for PatientRule {
    fn default() -> Self {
        Self::Alone(Alone::Case)
    }
}

impl PatientRule {
    /// The patient of a case: with `{ before = "_", parts = 2 }`, `site1_patient7_ED` is of `site1_patient7`.
    ///
    /// # Errors
    /// If the name is not cut that often, or the rule cuts nowhere.
    pub fn patient_of(&self, case: &str) -> Result<String> {
        let Self::Beginning(Beginning { before, parts }) = self else { return Ok(case.to_owned()) };
        let refuse = |message: String| ComponentError::new(ErrorKind::Configuration, message);
        if before.is_empty() || *parts == 0 {
            return Err(refuse(format!(
                "patient = {{ before = \"{before}\", parts = {parts} }}; expected something to cut at and at least one part"
            )));
        }
        let end = case.match_indices(before.as_str()).nth(parts - 1).map(|(end, _)| end);
        end.and_then(|end| case.get(..end)).filter(|patient| !patient.is_empty()).map(str::to_owned).ok_or_else(|| {
            refuse(format!(
                "case `{case}`: patient = {{ before = \"{before}\", parts = {parts} }}, but its name has no {parts} parts before \
                 a `{before}`; expected a rule that fits every case"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> PatientRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_patient_is_the_beginning_of_the_name() {
        assert_eq!(rule("\"case\"").patient_of("a_b").unwrap(), "a_b");
        assert_eq!(rule(r#"{ "before": "_" }"#).patient_of("a_b_c").unwrap(), "a");
        assert_eq!(rule(r#"{ "before": "_", "parts": 2 }"#).patient_of("a_b_c").unwrap(), "a_b");
        assert_eq!(rule(r#"{ "before": "_frame" }"#).patient_of("patient_1_frame01").unwrap(), "patient_1");
    }

    #[test]
    fn a_name_that_the_rule_does_not_fit_is_refused() {
        for json in [r#"{ "before": "_", "parts": 3 }"#, r#"{ "before": "-" }"#, r#"{ "before": "a" }"#] {
            let error = rule(json).patient_of("a_b_c").unwrap_err().to_string();
            assert!(error.contains("case `a_b_c`"), "{error}");
        }
        for json in [r#"{ "before": "" }"#, r#"{ "before": "_", "parts": 0 }"#] {
            assert!(rule(json).patient_of("a_b").unwrap_err().to_string().contains("at least one part"));
        }
        let error = serde_json::from_str::<PatientRule>(r#"{ "after": "_" }"#).unwrap_err().to_string();
        assert!(error.contains("{ before = \"_\", parts = 1 }"), "{error}");
    }
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The values that a metric accepts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedRange {
    /// Smallest accepted value; any below, if left out.
    pub min: Option<f64>,
    /// Largest accepted value; any above, if left out.
    pub max: Option<f64>,
}

impl AcceptedRange {
    /// Accepts `value` alone.
    #[must_use]
    pub fn exactly(value: f64) -> Self {
        Self { min: Some(value), max: Some(value) }
    }

    /// Whether `value` is accepted. NaN never is.
    #[must_use]
    pub fn accepts(&self, value: f64) -> bool {
        !value.is_nan() && self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}

/// One measurement of anatomical validity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What was measured, as `holes_in_lv`.
    pub metric: String,
    /// The value; `None` where it could not be measured.
    pub value: Option<f64>,
    /// Its unit, as `mm2`; `1` for a ratio or a count.
    pub unit: String,
    /// The values that a valid anatomy has.
    pub accepted: AcceptedRange,
    /// The slice or frame it belongs to, where it is not of the whole label map.
    #[serde(default)]
    pub plane: Option<usize>,
    /// Why there is no value.
    #[serde(default)]
    pub note: Option<String>,
}

impl Finding {
    /// The judgement on this measurement alone.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.value {
            None => Verdict::Unmeasurable,
            Some(value) if self.accepted.accepts(value) => Verdict::Valid,
            Some(_) => Verdict::Invalid,
        }
    }
}

/// The judgement on a label map. There are three outcomes: what could not be measured is neither
/// valid nor invalid, and is never used as either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every measurement lies in its accepted range.
    Valid,
    /// At least one measurement lies outside.
    Invalid,
    /// None lies outside, but at least one could not be made.
    Unmeasurable,
}

impl Verdict {
    /// The judgement on all measurements together.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        findings.into_iter().fold(Self::Valid, |so_far, finding| match (so_far, finding.verdict()) {
            (Self::Invalid, _) | (_, Self::Invalid) => Self::Invalid,
            (Self::Unmeasurable, _) | (_, Self::Unmeasurable) => Self::Unmeasurable,
            (Self::Valid, Self::Valid) => Self::Valid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: Option<f64>) -> Finding {
        Finding {
            metric: "holes".to_owned(),
            value,
            unit: "1".to_owned(),
            accepted: AcceptedRange::exactly(0.0),
            plane: None,
            note: None,
        }
    }

    #[test]
    fn one_invalid_measurement_decides_and_a_missing_one_is_not_valid() {
        assert_eq!(Verdict::of(&[]), Verdict::Valid);
        assert_eq!(Verdict::of(&[finding(Some(0.0))]), Verdict::Valid);
        assert_eq!(Verdict::of(&[finding(Some(0.0)), finding(None)]), Verdict::Unmeasurable);
        assert_eq!(Verdict::of(&[finding(None), finding(Some(2.0))]), Verdict::Invalid);
        assert_eq!(Verdict::of(&[finding(Some(f64::NAN))]), Verdict::Invalid);
    }
}

use super::Result;
use crate::domain::{Finding, LabelMap};

/// Judges whether a label map is anatomically possible, without knowing the image.
pub trait ValidityMetric: Send + Sync {
    /// Measures `labels`. The verdict follows from the findings
    /// ([`Verdict::of`](crate::domain::Verdict::of)); what cannot be measured is a finding without
    /// a value. The same label map always gives the same findings, in the same order.
    ///
    /// # Errors
    /// If the label map is not of the kind that the metric judges, as another label set.
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>>;
}

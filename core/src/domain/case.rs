use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of one image within its data source, as `patient0042_4CH_ED`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

impl CaseId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a case is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Networks learn from it. In the target domain: without its labels.
    Train,
    /// Checkpoints are chosen on it.
    Validation,
    /// Only results are reported on it.
    Test,
}

/// One row of a data source's table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEntry {
    /// The name of the case.
    pub id: CaseId,
    /// The patient (or whatever must not be torn apart by a split).
    pub group: String,
    /// What the data set itself says the case is for, if it says so.
    pub split: Option<Split>,
    /// Whether the data source can give an expert's label map for it.
    pub has_reference: bool,
}

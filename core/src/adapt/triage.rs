//! What becomes of a segmentation: accepted, corrected, or discarded.

use serde::{Deserialize, Serialize};

use super::components::Judges;
use crate::{component::ComponentError, domain::LabelMap, measure::mean_dice};

/// The judgement on one segmentation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Triage {
    /// It is valid and agrees with its own correction: it is taken to be right.
    Accepted,
    /// It is not, but a correction of it is valid: that one is taken to be right.
    Corrected(LabelMap),
    /// Neither is known to be right.
    Discarded(Discarded),
}

/// Why a segmentation teaches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Discarded {
    /// Nothing was segmented.
    Empty,
    /// No correction of it is valid.
    NoValidCorrection,
}

/// Judges a segmentation on the network's grid.
///
/// The published rule with its two mistakes mended: agreement is the mean Dice over all
/// structures, not that of the last, and is defined for an empty segmentation.
pub(super) fn triage(labels: &LabelMap, judges: &Judges, agreement: f64) -> Result<Triage, ComponentError> {
    if labels.is_background() {
        return Ok(Triage::Discarded(Discarded::Empty));
    }
    let Some(correction) = first_valid(labels, judges)? else {
        return Ok(Triage::Discarded(Discarded::NoValidCorrection));
    };
    let agrees = mean_dice(labels, &correction, &judges.labels)? > agreement;
    if agrees && judges.validity.accepts(labels)? {
        return Ok(Triage::Accepted);
    }
    Ok(Triage::Corrected(correction))
}

fn first_valid(labels: &LabelMap, judges: &Judges) -> Result<Option<LabelMap>, ComponentError> {
    for candidate in judges.corrector.candidates(labels)? {
        candidate.grid().require_same(labels.grid(), ["a correction", "what it corrects"])?;
        if judges.validity.accepts(&candidate)? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

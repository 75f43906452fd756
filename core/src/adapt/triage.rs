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
    /// Its correction is another heart: where so much was wrong, the correction is a guess.
    FarFromCorrection,
}

/// Mean Dice between a segmentation and its correction, from which on either is trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreement {
    /// Above it a valid segmentation is taken to be right.
    pub accepted: f64,
    /// Below it a correction is not.
    pub corrected: f64,
}

/// Judges a segmentation on the network's grid.
///
/// The published rule with its two mistakes mended: agreement is the mean Dice over all
/// structures, not that of the last, and is defined for an empty segmentation.
pub(super) fn triage(labels: &LabelMap, judges: &Judges, agreement: Agreement) -> Result<Triage, ComponentError> {
    if labels.is_background() {
        return Ok(Triage::Discarded(Discarded::Empty));
    }
    let Some(correction) = first_valid(labels, judges)? else {
        return Ok(Triage::Discarded(Discarded::NoValidCorrection));
    };
    let found = mean_dice(labels, &correction, &judges.labels)?;
    if found > agreement.accepted && judges.validity.accepts(labels)? {
        return Ok(Triage::Accepted);
    }
    if found < agreement.corrected {
        return Ok(Triage::Discarded(Discarded::FarFromCorrection));
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

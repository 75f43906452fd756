use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IoError, nifti::ThirdAxis};

/// What files leave open, and what is wanted of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reading {
    /// What the third axis of a file is, where the file does not say it.
    pub third_axis: Option<ThirdAxis>,
    /// Spacing `[y, x]` in mm of files that do not tell it. A file that tells another is refused.
    pub spacing_mm: Option<[f64; 2]>,
    /// Which intensities of a DICOM image are taken.
    pub intensity: Intensity,
    /// Whether what lies outside the regions of an ultrasound image, as burned-in text, is set to 0.
    pub mask_outside_regions: bool,
}

/// Refuses a file that tells another spacing `[y, x]`, mm, than the one given by hand.
pub(super) fn other_spacing(path: &Path, found: [f64; 2], given: [f64; 2]) -> IoError {
    IoError::Field {
        path: path.to_owned(),
        field: "spacing".to_owned(),
        found: format!("{found:?} mm [y, x]"),
        expected: format!("{given:?} mm, which was given by hand: give it only for files that do not tell it"),
    }
}

/// Which intensities of a DICOM image are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Intensity {
    /// Those that RescaleSlope and RescaleIntercept (or the modality's table) give, as Hounsfield units.
    #[default]
    Rescaled,
    /// Those that are shown, 0 to 1: the first window of the file, or its VOI table (PS3.3, C.11.2),
    /// or all that can be stored where it has neither.
    Shown,
}

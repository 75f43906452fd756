//! Whether a label map of the heart is anatomically possible.
//!
//! The nine measures, and what they accept, are those that RL4Seg was published with (Judge et al.
//! 2024; after Painchaud et al. 2020), in mm instead of pixels: with a spacing of 1 mm × 1 mm the
//! numbers are the published ones. Each frame of a sequence is judged by itself.
//!
//! | finding | what it is | accepted |
//! |---|---|---|
//! | `lv_absent` | 1 if there is no left ventricle, else 0 (published as `lv_pixels`) | 0 |
//! | `holes_in_lv`, `holes_in_epi` | area of the holes in the left ventricle, in both structures together | 0 mm² |
//! | `disconnectivity_in_lv`, `disconnectivity_in_myo` | area outside the largest component | 0 mm² |
//! | `holes_between_lv_and_myo` | area of the gaps between the structures | 0 mm² |
//! | `erosion_ratio_before_myo_split` | thinnest over thickest part of the myocardium | ≥ 0.12 |
//! | `width_ratio_between_lv_and_myo` | widths on the row of the centre of mass | ≤ 4.15 |
//! | `frontier_ratio_between_lv_and_bg_no_atr` | opening of the left ventricle over its width | 0.05 to 1.5 |
//!
//! Where a structure is absent its areas are 0 and its ratios have no value. An image without a left
//! ventricle is invalid (`lv_absent`); one without a myocardium is not valid either, because its
//! ratios are unmeasurable.

mod areas;
mod thickness;
mod widths;

use rl4seg_sdk::component::{ComponentError, ErrorKind, Result, ValidityMetric};
use rl4seg_sdk::domain::{AcceptedRange, Finding, LabelMap, SlowAxis};
use rl4seg_sdk::measure::Mask;
use rl4seg_sdk::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::labels::{LEFT_VENTRICLE, MYOCARDIUM};

/// The validity metric of echo: which ratios it accepts, and what it takes for noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct Anatomy {
    /// Accepted `erosion_ratio_before_myo_split`.
    pub erosion_ratio: AcceptedRange,
    /// Accepted `width_ratio_between_lv_and_myo`.
    pub width_ratio: AcceptedRange,
    /// Accepted `frontier_ratio_between_lv_and_bg_no_atr`.
    pub frontier_ratio: AcceptedRange,
    /// What is smaller than this share of the image is noise: gaps between the structures, and
    /// what an erosion of the myocardium leaves over. 1/16384 is one pixel of 128 × 128.
    pub noise_share: f64,
}

impl Default for Anatomy {
    fn default() -> Self {
        Self {
            erosion_ratio: AcceptedRange { min: Some(0.12), max: None },
            width_ratio: AcceptedRange { min: Some(0.0), max: Some(4.15) },
            frontier_ratio: AcceptedRange { min: Some(0.05), max: Some(1.5) },
            noise_share: 1.0 / 16384.0,
        }
    }
}

impl ValidityMetric for Anatomy {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        let grid = labels.grid();
        if let SlowAxis::Depth { .. } = grid.slow() {
            let message = "the anatomy of echo is judged in 2-D images and sequences; this label map is a volume";
            return Err(ComponentError::new(ErrorKind::Unsupported, message));
        }
        labels.require_labels(&crate::labels::labels()?)?;
        let frames = 0..grid.planes();
        let findings = frames.flat_map(|frame| {
            let plane = (grid.slow() != SlowAxis::Single).then_some(frame);
            self.assess_frame(&Frame::of(labels, frame)).map(move |finding| Finding { plane, ..finding })
        });
        Ok(findings.collect())
    }
}

impl Anatomy {
    fn assess_frame(&self, frame: &Frame) -> [Finding; 9] {
        let absent = u8::from(frame.lv.is_empty());
        let area = |name: &str, pixels: usize| {
            let mm2 = pixels as f64 * frame.spacing_mm[0] * frame.spacing_mm[1];
            finding(name, Ok(mm2), "mm2", AcceptedRange::exactly(0.0))
        };
        let ratio = |name: &str, value, accepted| finding(name, value, "1", accepted);
        [
            finding("lv_absent", Ok(f64::from(absent)), "1", AcceptedRange::exactly(0.0)),
            area("holes_in_lv", areas::holes_in(&frame.lv)),
            area("holes_in_epi", areas::holes_in(&(&frame.lv | &frame.myo))),
            area("disconnectivity_in_lv", areas::outside_largest(&frame.lv)),
            area("disconnectivity_in_myo", areas::outside_largest(&frame.myo)),
            area("holes_between_lv_and_myo", areas::holes_between(frame, self.noise_share)),
            ratio("erosion_ratio_before_myo_split", thickness::ratio(frame, self.noise_share), self.erosion_ratio),
            ratio("width_ratio_between_lv_and_myo", widths::lv_to_myo(frame), self.width_ratio),
            ratio("frontier_ratio_between_lv_and_bg_no_atr", widths::opening(frame), self.frontier_ratio),
        ]
    }
}

/// The structures of one image.
struct Frame {
    lv: Mask,
    myo: Mask,
    /// Pixel spacing `[y, x]`, mm.
    spacing_mm: [f64; 2],
}

impl Frame {
    fn of(labels: &LabelMap, frame: usize) -> Self {
        Self {
            lv: Mask::of_plane(labels, frame, LEFT_VENTRICLE),
            myo: Mask::of_plane(labels, frame, MYOCARDIUM),
            spacing_mm: labels.grid().spacing_mm(),
        }
    }

    /// Number of pixels of the image.
    fn pixels(&self) -> usize {
        self.lv.shape().iter().product()
    }
}

/// A measurement, or why there is none.
type Measured = std::result::Result<f64, &'static str>;

const NO_LV: &str = "there is no left ventricle";
const NO_MYO: &str = "there is no myocardium";

fn finding(metric: &str, measured: Measured, unit: &str, accepted: AcceptedRange) -> Finding {
    Finding {
        metric: metric.to_owned(),
        value: measured.ok(),
        unit: unit.to_owned(),
        accepted,
        plane: None,
        note: measured.err().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;

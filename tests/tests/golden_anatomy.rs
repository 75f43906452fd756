//! The validity metric of echo against the recorded answers of the published one.

use anyhow::{Context, Result};
use rl4seg_core::component::ValidityMetric;
use rl4seg_core::domain::{Finding, Grid, LabelMap, Verdict};
use rl4seg_echo::anatomy::Anatomy;
use rl4seg_tests::fixtures::Set;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    index: usize,
    kind: String,
    /// `None` where the published metric failed with an exception.
    metrics: Option<Measures>,
    valid_fork: bool,
}

/// `None` is NaN.
#[derive(Deserialize)]
struct Measures {
    lv_pixels: Option<f64>,
    holes_in_lv: Option<f64>,
    holes_in_epi: Option<f64>,
    disconnectivity_in_lv: Option<f64>,
    disconnectivity_in_myo: Option<f64>,
    holes_between_lv_and_myo: Option<f64>,
    erosion_ratio_before_myo_split: Option<f64>,
    width_ratio_between_lv_and_myo: Option<f64>,
    frontier_ratio_between_lv_and_bg_no_atr: Option<f64>,
}

impl Measures {
    /// Our name, the recorded value and how close ours must come.
    fn all(&self) -> [(&str, Option<f64>, f64); 9] {
        let ratio = 1e-12;
        // The published metric says 0 where there is no left ventricle; we give no value.
        let frontier = self.frontier_ratio_between_lv_and_bg_no_atr.filter(|_| self.lv_pixels == Some(0.0));
        [
            ("lv_absent", self.lv_pixels, 0.0),
            ("holes_in_lv", self.holes_in_lv, 0.0),
            ("holes_in_epi", self.holes_in_epi, 0.0),
            ("disconnectivity_in_lv", self.disconnectivity_in_lv, 0.0),
            ("disconnectivity_in_myo", self.disconnectivity_in_myo, 0.0),
            ("holes_between_lv_and_myo", self.holes_between_lv_and_myo, 0.0),
            ("erosion_ratio_before_myo_split", self.erosion_ratio_before_myo_split, ratio),
            ("width_ratio_between_lv_and_myo", self.width_ratio_between_lv_and_myo, ratio),
            ("frontier_ratio_between_lv_and_bg_no_atr", frontier, ratio),
        ]
    }
}

/// Calls `check` with each mask's name, our findings and the recorded answer.
fn for_each_mask(mut check: impl FnMut(String, Vec<Finding>, &Answer) -> Result<()>) -> Result<()> {
    let set = Set::open("anatomy")?;
    for size in set.variants("masks_", ".npy.gz")? {
        let masks = set.array::<u8>(&format!("masks_{size}.npy.gz"))?;
        let grid = Grid::plane([masks.shape[1], masks.shape[2]], [1.0, 1.0])?;
        for answer in &set.json::<Vec<Answer>>(&format!("metrics_{size}.json"))? {
            let labels = masks.items().nth(answer.index).context("an answer without mask")?;
            let findings = Anatomy::default().assess(&LabelMap::new(grid, labels.to_vec())?)?;
            check(format!("{size}, mask {} ({})", answer.index, answer.kind), findings, answer)?;
        }
    }
    Ok(())
}

#[test]
fn every_measure_is_the_published_one() -> Result<()> {
    let mut differing = Vec::new();
    for_each_mask(|name, findings, answer| {
        for (metric, recorded, tolerance) in answer.metrics.iter().flat_map(Measures::all) {
            let finding = findings.iter().find(|finding| finding.metric == metric).context("a finding is missing")?;
            let close = match (finding.value, recorded) {
                (None, None) => true,
                (Some(ours), Some(recorded)) => (ours - recorded).abs() <= tolerance,
                _ => false,
            };
            if !close {
                differing.push(format!("{name}: {metric} is {:?}, recorded {recorded:?}", finding.value));
            }
        }
        Ok(())
    })?;
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    Ok(())
}

#[test]
fn what_the_published_metric_accepts_is_valid_and_nothing_else_is() -> Result<()> {
    for_each_mask(|name, findings, answer| {
        let verdict = Verdict::of(&findings);
        assert_eq!(verdict == Verdict::Valid, answer.valid_fork, "{name}: {verdict:?}");
        Ok(())
    })
}

//! Dice and surface distances against the recorded answers of MedPy.

use anyhow::{Context, Result};
use rl4seg_core::domain::{Grid, Label, LabelMap, LabelSet};
use rl4seg_core::measure::{Mask, SurfaceDistances, compare, dice};
use rl4seg_tests::fixtures::{Array, Set};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Answers {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    index: usize,
    /// Along rows and columns, mm.
    spacing: [f64; 2],
    lv: Scores,
    myo: Scores,
    /// Of both structures together.
    epi: Scores,
}

#[derive(Deserialize)]
struct Scores {
    dice: f64,
    hd: Measured,
    hd95: Measured,
    assd: Measured,
    asd_pred_to_gt: Measured,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Measured {
    Value(f64),
    /// The message with which MedPy refuses an empty mask.
    Refused(#[allow(dead_code, reason = "only that there is one matters")] String),
}

impl Measured {
    fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Refused(_) => None,
        }
    }
}

fn assert_close(what: &str, ours: Option<f64>, recorded: Option<f64>) {
    match (ours, recorded) {
        (None, None) => {}
        (Some(ours), Some(recorded)) if (ours - recorded).abs() <= TOLERANCE => {}
        _ => panic!("{what}: {ours:?}, recorded {recorded:?}"),
    }
}

/// Calls `check` with the name, the segmentation, the reference and the answers of every case.
fn for_each_case(check: impl Fn(&str, &LabelMap, &LabelMap, &Case) -> Result<()>) -> Result<()> {
    let set = Set::open("overlap")?;
    for size in set.variants("metrics_", ".json")? {
        let answers: Answers = set.json(&format!("metrics_{size}.json"))?;
        let segmented = set.array::<u8>(&format!("pred_{size}.npy.gz"))?;
        let references = set.array::<u8>(&format!("gt_{size}.npy.gz"))?;
        for case in &answers.cases {
            let grid = Grid::plane([segmented.shape[1], segmented.shape[2]], case.spacing)?;
            let map = |maps: &Array<u8>| -> Result<LabelMap> {
                let labels = maps.items().nth(case.index).context("a case without label map")?;
                Ok(LabelMap::new(grid, labels.to_vec())?)
            };
            check(&format!("{size}, case {}", case.index), &map(&segmented)?, &map(&references)?, case)?;
        }
    }
    Ok(())
}

#[test]
fn masks_agree_with_medpy() -> Result<()> {
    for_each_case(|name, segmented, reference, case| {
        let masks = |map| [Mask::of_label(map, 1), Mask::of_label(map, 2), Mask::of_structures(map)];
        let [y, x] = case.spacing;
        for ((a, b), recorded) in masks(segmented).iter().zip(&masks(reference)).zip([&case.lv, &case.myo, &case.epi]) {
            let found = SurfaceDistances::between(a, b, [0.0, y, x]);
            let distance = |of: fn(&SurfaceDistances) -> f64| found.as_ref().map(of);
            // MedPy gives 0 where both masks are empty; for us there is nothing to tell.
            assert_close(&format!("{name}: dice"), Some(dice(a, b).unwrap_or(0.0)), Some(recorded.dice));
            assert_close(&format!("{name}: hd"), distance(SurfaceDistances::hausdorff_mm), recorded.hd.value());
            assert_close(&format!("{name}: hd95"), distance(SurfaceDistances::hd95_mm), recorded.hd95.value());
            assert_close(&format!("{name}: assd"), distance(SurfaceDistances::assd_mm), recorded.assd.value());
            assert_close(&format!("{name}: asd"), distance(SurfaceDistances::asd_mm), recorded.asd_pred_to_gt.value());
        }
        Ok(())
    })
}

#[test]
fn a_comparison_reports_each_structure() -> Result<()> {
    let label = |value: u8, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    let labels = LabelSet::new(vec![label(0, "background"), label(1, "left ventricle"), label(2, "myocardium")])?;
    for_each_case(|name, segmented, reference, case| {
        let scores = compare(segmented, reference, &labels)?;
        assert_eq!(scores.iter().map(|score| score.label).collect::<Vec<_>>(), [1, 2], "{name}");
        for (score, recorded) in scores.iter().zip([&case.lv, &case.myo]) {
            assert_close(&format!("{name}: dice"), Some(score.dice.unwrap_or(0.0)), Some(recorded.dice));
            assert_close(&format!("{name}: hd"), score.hausdorff_mm, recorded.hd.value());
            assert_close(&format!("{name}: hd95"), score.hd95_mm, recorded.hd95.value());
            assert_close(&format!("{name}: assd"), score.assd_mm, recorded.assd.value());
        }
        Ok(())
    })
}

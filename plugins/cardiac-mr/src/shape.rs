//! Whether the structures of a short-axis slice have the shape of ventricles.
//!
//! The five of Painchaud et al.'s sixteen criteria (2020, IEEE TMI 39(11), table I) that are about shape; the eleven
//! about topology are rules of `topology` in the preset. Accepted values are those of their code, lengths in mm.
//!
//! | finding | what it is | accepted |
//! |---|---|---|
//! | `lv_concavity`, `rv_concavity`, `myo_concavity` | depth of the deepest dent, mm | ≤ 4, ≤ 30, 0 |
//! | `lv_circularity`, `myo_circularity` | 4π · area / perimeter²: 1 for a disc | ≥ 0.2 |
//!
//! Holes are filled first, so the myocardium is measured with what it encloses. Each slice is judged by itself, and
//! a structure that it does not show is not: a slice near the apex shows no right ventricle.

use std::f64::consts::PI;

use rl4seg_sdk::{
    measure::{
        Connectivity, Mask, convex_hull, distance_transform,
        morphology::{Border, erode, fill_holes},
    },
    prelude::*,
    sources::ImageKind,
};

use crate::{CardiacMr, LEFT_VENTRICLE, MYOCARDIUM, RIGHT_VENTRICLE};

/// The validity metric `shape`: what it accepts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct Shape {
    /// Accepted `lv_concavity`, mm.
    pub lv_concavity: AcceptedRange,
    /// Accepted `rv_concavity`, mm.
    pub rv_concavity: AcceptedRange,
    /// Accepted `myo_concavity`, mm.
    pub myo_concavity: AcceptedRange,
    /// Accepted `lv_circularity` and `myo_circularity`.
    pub circularity: AcceptedRange,
}

impl Default for Shape {
    fn default() -> Self {
        let up_to = |max| AcceptedRange { min: None, max: Some(max) };
        Self {
            lv_concavity: up_to(4.0),
            rv_concavity: up_to(30.0),
            myo_concavity: up_to(0.0),
            circularity: AcceptedRange { min: Some(0.2), max: None },
        }
    }
}

impl Component for Shape {
    const ID: &'static str = "shape";
    const DOC: &'static str = "Dents and circularity of the ventricles in short-axis slices";
    type Config = Self;

    fn new(config: Self) -> Result<Self> {
        Ok(config)
    }
}

impl ValidityMetric for Shape {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        labels.require_labels(&CardiacMr::labels()?)?;
        let grid = labels.grid();
        let slices = 0..grid.planes();
        let findings = slices.flat_map(|slice| {
            let plane = (grid.slow() != SlowAxis::Single).then_some(slice);
            let filled = |label| fill_holes(&Mask::of_plane(labels, slice, label));
            let findings =
                self.assess_slice([LEFT_VENTRICLE, RIGHT_VENTRICLE, MYOCARDIUM].map(filled), grid.spacing_mm());
            findings.into_iter().map(move |finding| Finding { plane, ..finding })
        });
        Ok(findings.collect())
    }
}

impl Shape {
    fn assess_slice(&self, [lv, rv, myo]: [Mask; 3], spacing_mm: [f64; 2]) -> Vec<Finding> {
        let concavities =
            [("lv", &lv, self.lv_concavity), ("rv", &rv, self.rv_concavity), ("myo", &myo, self.myo_concavity)];
        let concavities = concavities.into_iter().filter(|(_, structure, _)| !structure.is_empty()).map(
            |(name, structure, accepted)| {
                finding(format!("{name}_concavity"), concavity_mm(structure, spacing_mm), "mm", accepted)
            },
        );
        let circularities = [("lv", &lv), ("myo", &myo)];
        let circularities =
            circularities.into_iter().filter(|(_, structure)| !structure.is_empty()).map(|(name, structure)| {
                finding(format!("{name}_circularity"), Some(circularity(structure, spacing_mm)), "1", self.circularity)
            });
        concavities.chain(circularities).collect()
    }
}

fn finding(metric: String, value: Option<f64>, unit: &str, accepted: AcceptedRange) -> Finding {
    let note = value.is_none().then(|| "its convex hull fills the slice, so a dent has no depth".to_owned());
    Finding { metric, value, unit: unit.to_owned(), accepted, plane: None, note }
}

/// The largest distance, in mm, from a pixel in a dent to the outside of the convex hull. Dents that are less than
/// three pixels wide are how pixels look, and none. `None` where there is no outside.
fn concavity_mm(structure: &Mask, [y, x]: [f64; 2]) -> Option<f64> {
    let hull = convex_hull(structure);
    let dents = erode(&hull.without(structure), Connectivity::Full, Border::Background);
    let to_outside = distance_transform(&!&hull, [1.0, y, x])?;
    Some(dents.indices().map(|index| to_outside[index]).fold(0.0, f64::max))
}

/// 4π · area / perimeter². The perimeter is that of Crofton's formula with two directions (Serra 1982): π/4 of the
/// length of the pixels' outer sides.
fn circularity(structure: &Mask, [y, x]: [f64; 2]) -> f64 {
    let [_, rows, columns] = structure.shape();
    let inside = |row: usize, column: usize| row < rows && column < columns && structure.contains([0, row, column]);
    let (mut level, mut upright) = (0_usize, 0_usize);
    for row in 0..=rows {
        for column in 0..=columns {
            let here = inside(row, column);
            level += usize::from(here != (row > 0 && inside(row - 1, column)));
            upright += usize::from(here != (column > 0 && inside(row, column - 1)));
        }
    }
    let perimeter = PI / 4.0 * (level as f64 * x + upright as f64 * y);
    4.0 * PI * structure.count() as f64 * y * x / (perimeter * perimeter)
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{
        conformance,
        fixtures::{label_map, label_map_with},
    };

    use super::*;

    fn value(labels: &LabelMap, metric: &str) -> Option<f64> {
        let findings = Shape::default().assess(labels).unwrap();
        findings.into_iter().find(|finding| finding.metric == metric).and_then(|finding| finding.value)
    }

    /// A disc of the left ventricle in a ring of myocardium, `size` pixels wide.
    fn heart(size: usize) -> LabelMap {
        let centre = size as f64 / 2.0 - 0.5;
        let label = |index: usize| {
            let (y, x) = ((index / size) as f64 - centre, (index % size) as f64 - centre);
            match y.hypot(x) / (size as f64) {
                r if r < 0.25 => LEFT_VENTRICLE,
                r if r < 0.4 => MYOCARDIUM,
                _ => 0,
            }
        };
        let grid = Grid::plane([size; 2], [1.0; 2]).unwrap();
        LabelMap::new(grid, (0..size * size).map(label).collect()).unwrap()
    }

    #[test]
    fn a_round_heart_is_valid_and_a_disc_has_circularity_1() {
        for size in [24, 64, 128] {
            let findings = Shape::default().assess(&heart(size)).unwrap();
            assert_eq!(findings.len(), 4, "there is no right ventricle");
            assert_eq!(Verdict::of(&findings), Verdict::Valid, "{findings:?}");
        }
        assert!((value(&heart(128), "lv_circularity").unwrap() - 1.0).abs() < 0.03);
        assert!((value(&heart(128), "myo_circularity").unwrap() - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_rectangle_has_the_circularity_of_its_sides_in_mm() {
        let bar = label_map_with(&[&["......", ".3333.", "......"]], [2.0, 1.0], SlowAxis::Single);
        let perimeter = PI / 4.0 * 12.0;
        let expected = 4.0 * PI * 8.0 / (perimeter * perimeter);
        assert!((value(&bar, "lv_circularity").unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_dent_is_as_deep_as_it_reaches() {
        let dented = label_map(&[
            "...........",
            ".333333333.",
            ".333...333.",
            ".333...333.",
            ".333...333.",
            ".333...333.",
            ".333333333.",
            "...........",
        ]);
        assert_eq!(value(&dented, "lv_concavity"), Some(0.0), "a hole is no dent");
        let open = label_map(&[
            "...........",
            ".333...333.",
            ".333...333.",
            ".333...333.",
            ".333...333.",
            ".333333333.",
            "...........",
        ]);
        assert_eq!(value(&open, "lv_concavity"), Some(3.0));
        let narrow = label_map(&[".......", ".33.33.", ".33.33.", ".33.33.", ".33333.", "......."]);
        assert_eq!(value(&narrow, "lv_concavity"), Some(0.0));
    }

    #[test]
    fn it_keeps_what_metrics_promise() {
        conformance::check_validity_metric(&Shape::default(), &[heart(48)]).unwrap();
    }
}

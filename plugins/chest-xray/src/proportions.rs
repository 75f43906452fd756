//! Whether lungs and heart lie and measure as they do in people.
//!
//! | finding | what it is | accepted |
//! |---|---|---|
//! | `cardiothoracic_ratio` | width of the heart over that of the chest within the ribs (Danzer 1919) | 0.25 to 0.8 |
//! | `lung_area_ratio` | area of the right lung over that of the left | 0.6 to 2.5 |
//! | `lung_height_ratio` | height of the right lung over that of the left | 0.6 to 1.6 |
//! | `heart_between_lungs` | where the heart's centre lies from the right lung's (0) to the left lung's (1) | 0.2 to 1 |
//!
//! The ranges are wide on purpose: above a cardiothoracic ratio of 0.5 a heart is enlarged, not impossible. The width
//! of the chest is that of both lungs together. Where a structure is absent, what it is part of cannot be measured.

use rl4seg_sdk::{measure::Mask, prelude::*, sources::ImageKind};

use crate::{ChestXray, HEART, LEFT_LUNG, RIGHT_LUNG};

/// The validity metric `proportions`: what it accepts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct Proportions {
    /// Accepted `cardiothoracic_ratio`.
    pub cardiothoracic_ratio: AcceptedRange,
    /// Accepted `lung_area_ratio`.
    pub lung_area_ratio: AcceptedRange,
    /// Accepted `lung_height_ratio`.
    pub lung_height_ratio: AcceptedRange,
    /// Accepted `heart_between_lungs`.
    pub heart_between_lungs: AcceptedRange,
}

impl Default for Proportions {
    fn default() -> Self {
        let between = |min, max| AcceptedRange { min: Some(min), max: Some(max) };
        Self {
            cardiothoracic_ratio: between(0.25, 0.8),
            lung_area_ratio: between(0.6, 2.5),
            lung_height_ratio: between(0.6, 1.6),
            heart_between_lungs: between(0.2, 1.0),
        }
    }
}

impl Component for Proportions {
    const ID: &'static str = "proportions";
    const DOC: &'static str = "Cardiothoracic ratio, symmetry of the lungs, and the heart's place between them";
    type Config = Self;

    fn new(config: Self) -> Result<Self> {
        Ok(config)
    }
}

impl ValidityMetric for Proportions {
    fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
        if labels.grid().slow() != SlowAxis::Single {
            let message =
                "the proportions of the chest are measured in single images; this label map has several planes";
            return Err(ComponentError::new(ErrorKind::Unsupported, message));
        }
        labels.require_labels(&ChestXray::labels()?)?;
        let extent = |label| Extent::of(&Mask::of_label(labels, label));
        let (right, left, heart) = (extent(RIGHT_LUNG), extent(LEFT_LUNG), extent(HEART));
        let lungs = right.zip(left);
        let all = lungs.zip(heart);
        let finding = |metric: &str, value: Option<f64>, accepted| {
            let note = match value {
                None => Some("a structure that it takes is absent"),
                Some(value) if !value.is_finite() => Some("the lungs have one centre"),
                Some(_) => None,
            };
            Finding {
                metric: metric.to_owned(),
                value: value.filter(|value| value.is_finite()),
                unit: "1".to_owned(),
                accepted,
                plane: None,
                note: note.map(str::to_owned),
            }
        };
        let ratio =
            all.map(|((right, left), heart)| heart.width() / (right.last.max(left.last) - right.first.min(left.first)));
        let place = all.map(|((right, left), heart)| (heart.centre - right.centre) / (left.centre - right.centre));
        Ok(vec![
            finding("cardiothoracic_ratio", ratio, self.cardiothoracic_ratio),
            finding("lung_area_ratio", lungs.map(|(right, left)| right.pixels / left.pixels), self.lung_area_ratio),
            finding("lung_height_ratio", lungs.map(|(right, left)| right.rows / left.rows), self.lung_height_ratio),
            finding("heart_between_lungs", place, self.heart_between_lungs),
        ])
    }
}

/// How far a structure reaches, in pixels: ratios of one axis have no unit.
#[derive(Debug, Clone, Copy)]
struct Extent {
    pixels: f64,
    rows: f64,
    /// First column.
    first: f64,
    /// Column behind the last.
    last: f64,
    /// Mean column.
    centre: f64,
}

impl Extent {
    fn of(structure: &Mask) -> Option<Self> {
        let [_, rows, columns] = structure.bounds()?;
        let pixels = structure.count() as f64;
        let width = structure.shape()[2];
        let sum: usize = structure.indices().map(|index| index % width).sum();
        Some(Self {
            pixels,
            rows: rows.len() as f64,
            first: columns.start as f64,
            last: columns.end as f64,
            centre: sum as f64 / pixels,
        })
    }

    fn width(self) -> f64 {
        self.last - self.first
    }
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::{conformance, fixtures::label_map};

    use super::*;

    fn values(labels: &LabelMap) -> Vec<Option<f64>> {
        Proportions::default().assess(labels).unwrap().into_iter().map(|finding| finding.value).collect()
    }

    fn chest() -> LabelMap {
        label_map(&[
            "............",
            ".111...222..",
            ".111...2222.",
            ".1113332222.",
            ".1113333222.",
            ".111...2222.",
            "............",
        ])
    }

    #[test]
    fn a_chest_is_measured_along_its_axes() {
        let [ctr, area, height, place] = values(&chest())[..] else { panic!("four findings") };
        assert_eq!(ctr, Some(0.4));
        assert_eq!(area, Some(15.0 / 18.0));
        assert_eq!(height, Some(1.0));
        assert!(place.unwrap() > 0.4 && place.unwrap() < 0.7);
        assert_eq!(Verdict::of(&Proportions::default().assess(&chest()).unwrap()), Verdict::Valid);
    }

    #[test]
    fn swapped_lungs_and_a_lung_that_is_absent_are_not_valid() {
        let swapped = chest().labels().iter().map(|&label| [0, 2, 1, 3][usize::from(label)]).collect();
        let swapped = LabelMap::new(*chest().grid(), swapped).unwrap();
        let place = values(&swapped)[3].unwrap();
        assert!((place + values(&chest())[3].unwrap() - 1.0).abs() < 1e-12);
        let moved = label_map(&["33.11.22", "33.11.22"]);
        assert_eq!(Verdict::of(&Proportions::default().assess(&moved).unwrap()), Verdict::Invalid);
        let one = label_map(&["11.33...", "11.33..."]);
        assert_eq!(values(&one), [None; 4]);
        assert_eq!(Verdict::of(&Proportions::default().assess(&one).unwrap()), Verdict::Unmeasurable);
    }

    #[test]
    fn it_keeps_what_metrics_promise() {
        conformance::check_validity_metric(&Proportions::default(), &[chest()]).unwrap();
    }
}

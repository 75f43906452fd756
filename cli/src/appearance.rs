//! What the images of a folder look like, so that a new configuration fits them.

use std::collections::BTreeSet;

use anyhow::Context;
use rl4seg_core::component::DataSource;
use rl4seg_core::domain::CaseEntry;

use crate::configuration::Configuration;

/// How many images are looked at; data sets are alike within themselves.
const LOOKED_AT: usize = 8;
/// Sides that the network's five halvings divide.
const MULTIPLE: usize = 32;

/// Spacings that differ by less are those of one kind of image at several depths.
const SIMILAR: f64 = 1.5;

/// What the first images of a folder have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Appearance {
    /// The largest intensity.
    pub brightest: f32,
    /// The smallest intensity.
    pub darkest: f32,
    /// In-plane shapes `[y, x]` with their spacings, mm.
    pub planes: Vec<([usize; 2], [f64; 2])>,
}

impl Appearance {
    /// Looks at the first images of `source`.
    pub fn of(source: &dyn DataSource, cases: &[CaseEntry]) -> anyhow::Result<Self> {
        let mut seen = Self { brightest: f32::NEG_INFINITY, darkest: f32::INFINITY, planes: Vec::new() };
        for case in cases.iter().take(LOOKED_AT) {
            let image = source.image(&case.id).with_context(|| format!("case {}", case.id))?;
            for &value in image.values() {
                seen.brightest = seen.brightest.max(value);
                seen.darkest = seen.darkest.min(value);
            }
            seen.planes.push((image.grid().plane_shape(), image.grid().spacing_mm()));
        }
        Ok(seen)
    }

    /// Whether intensities are those that a network takes.
    fn is_prepared(&self) -> bool {
        self.darkest >= 0.0 && self.brightest <= 1.0
    }
}

/// Makes a preset's `[preprocess]` fit the images of both domains.
///
/// # Errors
/// If the preset cannot be changed.
pub fn fit(configuration: &mut Configuration, source: &Appearance, target: &Appearance) -> anyhow::Result<()> {
    match (source.is_prepared(), target.is_prepared()) {
        (true, true) => configuration.take_intensities_as_they_are()?,
        (false, false) => {}
        // No one divisor brings both to [0, 1].
        _ => configuration.stretch_intensities()?,
    }
    let planes: Vec<_> = source.planes.iter().chain(&target.planes).copied().collect();
    let spacing = common_spacing(&planes);
    if let Some(spacing) = spacing {
        configuration.set_spacing(spacing)?;
    }
    let shapes: BTreeSet<[usize; 2]> = planes.iter().map(|plane| shape_at(*plane, spacing)).collect();
    if shapes.len() > 1 {
        let side = |axis: usize| shapes.iter().map(|shape| shape[axis]).max().unwrap_or(MULTIPLE);
        configuration.set_size([side(0).next_multiple_of(MULTIPLE), side(1).next_multiple_of(MULTIPLE)])?;
    }
    Ok(())
}

/// Where spacings differ so much that a heart of one image is twice that of another: the median.
fn common_spacing(planes: &[([usize; 2], [f64; 2])]) -> Option<[f64; 2]> {
    let sorted = [0, 1].map(|axis| {
        let mut spacings: Vec<f64> = planes.iter().map(|(_, spacing)| spacing[axis]).collect();
        spacings.sort_by(f64::total_cmp);
        spacings
    });
    let differ = |spacings: &Vec<f64>| {
        spacings.last().zip(spacings.first()).is_some_and(|(most, least)| most > &(SIMILAR * least))
    };
    // Rounded to what a person would write.
    let median = |spacings: &Vec<f64>| (spacings[spacings.len() / 2] * 1e3).round().max(1.0) / 1e3;
    sorted.iter().any(differ).then(|| [median(&sorted[0]), median(&sorted[1])])
}

/// The shape of a plane after resampling.
fn shape_at((shape, old): ([usize; 2], [f64; 2]), spacing: Option<[f64; 2]>) -> [usize; 2] {
    spacing
        .map_or(shape, |new| [0, 1].map(|axis| ((shape[axis] as f64 * old[axis] / new[axis]).round() as usize).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_spacings_stay_and_different_ones_meet_in_the_middle() {
        let plane = |side: usize, spacing: f64| ([side, side], [spacing, spacing]);
        assert_eq!(common_spacing(&[plane(128, 1.3), plane(128, 1.5)]), None);
        let planes = [plane(600, 0.2), plane(120, 1.0), plane(130, 1.0)];
        let spacing = common_spacing(&planes);
        assert_eq!(spacing, Some([1.0, 1.0]));
        assert_eq!(planes.map(|plane| shape_at(plane, spacing)[0]), [120, 120, 130]);
    }
}

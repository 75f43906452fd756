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

/// What the first images of a folder have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Appearance {
    /// The largest intensity.
    pub brightest: f32,
    /// The smallest intensity.
    pub darkest: f32,
    /// In-plane shapes `[y, x]`.
    pub shapes: BTreeSet<[usize; 2]>,
}

impl Appearance {
    /// Looks at the first images of `source`.
    pub fn of(source: &dyn DataSource, cases: &[CaseEntry]) -> anyhow::Result<Self> {
        let mut seen = Self { brightest: f32::NEG_INFINITY, darkest: f32::INFINITY, shapes: BTreeSet::new() };
        for case in cases.iter().take(LOOKED_AT) {
            let image = source.image(&case.id).with_context(|| format!("case {}", case.id))?;
            for &value in image.values() {
                seen.brightest = seen.brightest.max(value);
                seen.darkest = seen.darkest.min(value);
            }
            seen.shapes.insert(image.grid().plane_shape());
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
/// If one domain's images are in [0, 1] and the other's are not: one rule cannot serve both.
pub fn fit(configuration: &mut Configuration, source: &Appearance, target: &Appearance) -> anyhow::Result<()> {
    anyhow::ensure!(
        source.is_prepared() == target.is_prepared(),
        "the source's intensities lie in [{}, {}], the target's in [{}, {}]: one [preprocess] cannot serve both; \
         bring the two folders to the same range first",
        source.darkest,
        source.brightest,
        target.darkest,
        target.brightest
    );
    if source.is_prepared() {
        configuration.take_intensities_as_they_are()?;
    }
    let shapes: BTreeSet<_> = source.shapes.union(&target.shapes).collect();
    if shapes.len() > 1 {
        let side = |axis: usize| shapes.iter().map(|shape| shape[axis]).max().unwrap_or(MULTIPLE);
        configuration.set_size([side(0).next_multiple_of(MULTIPLE), side(1).next_multiple_of(MULTIPLE)])?;
    }
    Ok(())
}

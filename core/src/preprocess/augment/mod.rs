//! Random changes of training images that make a network indifferent to the scanner: its gain, its
//! dynamic range, its noise, its sharpness, and how the patient lay.

mod intensity;
mod motion;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    intensity::{add_field, blur, lose_signal},
    motion::Motion,
};
use super::PreprocessError;
use crate::{
    domain::{Image, LabelMap, Seed},
    random,
};

/// How strongly training images are changed; all zero by default, which changes nothing.
///
/// Every change is made with `probability`: movements are drawn anew for every image, changes of intensity for
/// every plane of it. Intensities are changed between the image's own smallest and largest value, so that
/// a change means the same whatever the image's units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Chance of each change.
    pub probability: f64,
    /// Exponents from 1 / (1 + gamma) to 1 + gamma, evenly in their logarithm: the dynamic range.
    pub gamma: f64,
    /// Factors from 1 - contrast to 1 + contrast about the mean.
    pub contrast: f64,
    /// Largest share of the range that is added or taken away.
    pub brightness: f64,
    /// Standard deviation of a smooth field that is added, as a share of the range: gain that
    /// differs from place to place.
    pub field: f64,
    /// Largest share of the range that is lost at the heart of each of up to four blurred spots, drawn
    /// from 0 on: drop-outs, shadows. What is labelled there stays labelled.
    pub dropout: f64,
    /// Largest standard deviation of white noise, as a share of the range.
    pub noise: f64,
    /// Largest standard deviation of a Gaussian blur, in voxels.
    pub blur: f64,
    /// Largest rotation in the plane, degrees.
    pub rotation_deg: f64,
    /// Scales from 1 / (1 + scale) to 1 + scale.
    pub scale: f64,
    /// Largest shift along each side, as a share of it.
    pub shift: f64,
}

/// A value of [`Augment`], and where it may lie: from 0 on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SettingRange {
    /// Its name.
    pub key: &'static str,
    /// Its value.
    pub found: f64,
    /// The largest that is accepted.
    pub most: f64,
    /// The range in words.
    pub expected: &'static str,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            probability: 0.5,
            gamma: 0.0,
            contrast: 0.0,
            brightness: 0.0,
            field: 0.0,
            dropout: 0.0,
            noise: 0.0,
            blur: 0.0,
            rotation_deg: 0.0,
            scale: 0.0,
            shift: 0.0,
        }
    }
}

impl Augment {
    /// Looks at every value.
    ///
    /// # Errors
    /// If one is not finite or out of its range.
    pub fn check(&self) -> Result<(), PreprocessError> {
        for SettingRange { key, found, most, expected } in self.ranges() {
            if !(0.0..=most).contains(&found) {
                return Err(PreprocessError::Setting { key, found: found.to_string(), expected });
            }
        }
        Ok(())
    }

    /// Every value with the range that it may lie in.
    #[must_use]
    pub fn ranges(&self) -> [SettingRange; 11] {
        let Self { probability, gamma, contrast, brightness, field, dropout, noise, blur, rotation_deg, scale, shift } =
            *self;
        let up_to = |key, found, most, expected| SettingRange { key, found, most, expected };
        let share = |key, found| up_to(key, found, 1.0, "a share from 0 to 1");
        [
            share("probability", probability),
            up_to("gamma", gamma, 10.0, "a number from 0 to 10"),
            share("contrast", contrast),
            share("brightness", brightness),
            share("field", field),
            share("dropout", dropout),
            share("noise", noise),
            up_to("blur", blur, 100.0, "voxels from 0 to 100"),
            up_to("rotation_deg", rotation_deg, 180.0, "degrees from 0 to 180"),
            up_to("scale", scale, 10.0, "a number from 0 to 10"),
            share("shift", shift),
        ]
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self { probability: self.probability, ..Self::default() }
    }

    /// A changed image with its label map, which moves along. What comes into view from outside
    /// repeats the border in the image and is background in the label map.
    #[must_use]
    pub fn apply(&self, image: &Image, labels: &LabelMap, seed: Seed) -> (Image, LabelMap) {
        let (mut image, mut labels) = (image.clone(), labels.clone());
        if self.is_none() {
            return (image, labels);
        }
        let mut draw = Draw { generator: random::generator(seed), probability: self.probability };
        let [_, height, width] = image.grid().shape();
        if let Some(motion) = self.motion(&mut draw, [height, width]) {
            motion.apply(&mut image, &mut labels);
        }
        for channel in image.values_mut().chunks_exact_mut(labels.labels().len()) {
            self.change_intensities(&mut draw, channel, [height, width]);
        }
        (image, labels)
    }

    fn motion(&self, draw: &mut Draw, [height, width]: [usize; 2]) -> Option<Motion> {
        let angle = draw.within(self.rotation_deg).unwrap_or(0.0).to_radians();
        let scale = draw.factor(self.scale).unwrap_or(1.0);
        let shift = [height, width].map(|side| draw.within(self.shift).unwrap_or(0.0) * side as f64);
        let moves = angle != 0.0 || scale != 1.0 || shift != [0.0; 2];
        let (sin, cos) = (angle.sin() / scale, angle.cos() / scale);
        let centre = [height, width].map(|side| (side as f64 - 1.0) / 2.0);
        moves.then_some(Motion { sin, cos, shift, centre, sides: [height, width] })
    }

    fn change_intensities(&self, draw: &mut Draw, values: &mut [f32], sides: [usize; 2]) {
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let range = high - low;
        if !(range.is_finite() && range > 0.0) {
            return;
        }
        values.iter_mut().for_each(|value| *value = (*value - low) / range);
        for plane in values.chunks_exact_mut(sides[0] * sides[1]) {
            self.change_plane(draw, plane, sides);
        }
        values.iter_mut().for_each(|value| *value = low + value.clamp(0.0, 1.0) * range);
    }

    /// Intensities of one plane, from 0 to 1.
    fn change_plane(&self, draw: &mut Draw, plane: &mut [f32], sides: [usize; 2]) {
        if let Some(sigma) = draw.up_to(self.blur) {
            blur(plane, sides, sigma);
        }
        if let Some(exponent) = draw.factor(self.gamma) {
            plane.iter_mut().for_each(|value| *value = value.max(0.0).powf(exponent as f32));
        }
        if let Some(change) = draw.within(self.contrast) {
            let mean = plane.iter().map(|value| f64::from(*value)).sum::<f64>() / plane.len() as f64;
            plane.iter_mut().for_each(|value| *value += (change * (f64::from(*value) - mean)) as f32);
        }
        if let Some(offset) = draw.within(self.brightness) {
            plane.iter_mut().for_each(|value| *value += offset as f32);
        }
        if self.field > 0.0 && draw.happens() {
            add_field(&mut draw.generator, plane, sides, self.field);
        }
        if self.dropout > 0.0 && draw.happens() {
            lose_signal(&mut draw.generator, plane, sides, self.dropout);
        }
        if let Some(std) = draw.up_to(self.noise) {
            for value in plane {
                let noise: f64 = StandardNormal.sample(&mut draw.generator);
                *value += (std * noise) as f32;
            }
        }
    }
}

/// Where chances come from.
struct Draw {
    generator: ChaCha8Rng,
    probability: f64,
}

impl Draw {
    fn happens(&mut self) -> bool {
        self.generator.random_bool(self.probability)
    }

    /// From 0 to `most`, if at all.
    fn up_to(&mut self, most: f64) -> Option<f64> {
        (most > 0.0 && self.happens()).then(|| self.generator.random_range(0.0..=most))
    }

    /// From -`most` to `most`, if at all.
    fn within(&mut self, most: f64) -> Option<f64> {
        (most > 0.0 && self.happens()).then(|| self.generator.random_range(-most..=most))
    }

    /// From 1 / (1 + `most`) to 1 + `most`, if at all.
    fn factor(&mut self, most: f64) -> Option<f64> {
        self.within(most.ln_1p()).map(f64::exp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grid;

    fn sample() -> (Image, LabelMap) {
        let grid = Grid::plane([24, 32], [1.0, 1.0]).unwrap();
        let inside = |at: usize| (6..18).contains(&(at / 32)) && (8..24).contains(&(at % 32));
        let values = (0..grid.len()).map(|at| if inside(at) { 180.0 } else { 20.0 + (at % 7) as f32 }).collect();
        let labels = (0..grid.len()).map(|at| u8::from(inside(at))).collect();
        (Image::new(grid, 1, values).unwrap(), LabelMap::new(grid, labels).unwrap())
    }

    fn strong() -> Augment {
        Augment {
            probability: 1.0,
            gamma: 0.5,
            contrast: 0.3,
            brightness: 0.1,
            field: 0.1,
            dropout: 1.0,
            noise: 0.05,
            blur: 1.0,
            rotation_deg: 15.0,
            scale: 0.2,
            shift: 0.1,
        }
    }

    #[test]
    fn nothing_is_changed_by_default() {
        let (image, labels) = sample();
        assert!(Augment::default().is_none());
        let (changed, moved) = Augment { probability: 1.0, ..Augment::default() }.apply(&image, &labels, Seed(1));
        assert_eq!((changed, moved), (image, labels));
    }

    #[test]
    fn changes_follow_from_the_seed_and_stay_in_range() {
        let (image, labels) = sample();
        let (changed, moved) = strong().apply(&image, &labels, Seed(1));
        assert_eq!((changed.clone(), moved.clone()), strong().apply(&image, &labels, Seed(1)));
        assert_ne!(changed, strong().apply(&image, &labels, Seed(2)).0);
        assert!(changed.values().iter().all(|value| (20.0..=180.0).contains(value)));
        assert_ne!(moved, labels);
    }

    #[test]
    fn the_label_map_moves_with_the_image() {
        let (image, labels) = sample();
        let motion = Augment { probability: 1.0, rotation_deg: 20.0, scale: 0.2, shift: 0.1, ..Augment::default() };
        for seed in 0..20 {
            let (changed, moved) = motion.apply(&image, &labels, Seed(seed));
            let bright = changed.values().iter().map(|value| u8::from(*value > 100.0));
            let differ = bright.zip(moved.labels()).filter(|(bright, label)| bright != *label).count();
            assert!(differ < 30, "{differ} voxels differ with seed {seed}");
        }
    }

    #[test]
    fn signal_is_lost_in_places_and_its_labels_stay() {
        let (image, labels) = sample();
        let lost = Augment { probability: 1.0, dropout: 1.0, ..Augment::default() };
        for seed in 0..10 {
            let (changed, kept) = lost.apply(&image, &labels, Seed(seed));
            assert_eq!(kept, labels);
            let pairs = || changed.values().iter().zip(image.values());
            assert!(pairs().all(|(found, before)| *found <= before + 1e-3));
            assert!(pairs().any(|(found, before)| before - found > 5.0), "nothing is lost with seed {seed}");
        }
    }

    #[test]
    fn impossible_settings_are_named() {
        assert!(strong().check().is_ok());
        let error = Augment { noise: f64::NAN, ..strong() }.check().unwrap_err().to_string();
        assert!(error.contains("noise"), "{error}");
        assert!(Augment { probability: 1.5, ..strong() }.check().is_err());
        assert!(Augment { rotation_deg: 1e308, ..strong() }.check().is_err());
        assert!(Augment { blur: 1e300, ..strong() }.check().is_err());
        assert!(Augment { blur: -1.0, ..strong() }.check().is_err());
    }
}

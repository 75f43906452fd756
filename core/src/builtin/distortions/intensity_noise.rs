use rand_distr::{Distribution, Normal};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{require_positive, require_unit_range};
use crate::{
    builtin::{PLUGIN, configuration, setting_error},
    component::{
        ComponentError, DistortionGenerator, DistortionRequest, ErrorKind, Factory, Registration, Result, WrongMap,
        settings_schema,
    },
    domain::{Image, LabelMap, Seed},
    random,
};

const ID: &str = "intensity-noise";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Segmentations of the image with Gaussian noise on every voxel.",
        settings: Some(settings_schema::<IntensityNoiseConfig>),
        factory: Factory::DistortionGenerator(|json| Ok(Box::new(IntensityNoise::new(configuration(ID, json)?)?))),
    }
}

/// The configuration of [`IntensityNoise`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntensityNoiseConfig {
    /// Standard deviations of the noise on intensities in [0, 1], one request for each.
    pub stds: Vec<f64>,
}

impl Default for IntensityNoiseConfig {
    fn default() -> Self {
        Self { stds: vec![0.05, 0.1] }
    }
}

/// Asks for segmentations of the image with Gaussian noise on every voxel, divided by its new
/// maximum. What falls below 0 becomes 0, so that intensities stay in [0, 1]; the published code
/// leaves it negative.
#[derive(Debug, Clone, PartialEq)]
pub struct IntensityNoise {
    noises: Vec<Normal<f64>>,
}

impl IntensityNoise {
    /// A generator with this configuration.
    ///
    /// # Errors
    /// If there is no standard deviation, or one is not finite and above 0.
    pub fn new(config: IntensityNoiseConfig) -> Result<Self> {
        require_positive(ID, "stds", &config.stds)?;
        let noise =
            |&std: &f64| Normal::new(0.0, std).map_err(|error| setting_error(ID, "stds", std, &error.to_string()));
        Ok(Self { noises: config.stds.iter().map(noise).collect::<Result<_>>()? })
    }
}

impl DistortionGenerator for IntensityNoise {
    fn requests(&self, image: &Image, _accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        require_unit_range(ID, image)?;
        let request = |(index, noise): (usize, &Normal<f64>)| {
            let altered = noisy(image, noise, seed.indexed(index))?;
            let name = format!("{ID}-{}", noise.std_dev());
            Ok(DistortionRequest { name, wrong_map: WrongMap::OfAlteredImage(altered) })
        };
        self.noises.iter().enumerate().map(request).collect()
    }
}

fn noisy(image: &Image, noise: &Normal<f64>, seed: Seed) -> Result<Image> {
    let mut generator = random::generator(seed);
    let mut altered = image.clone();
    for value in altered.values_mut() {
        *value += noise.sample(&mut generator) as f32;
    }
    let max = altered.values().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if max <= 0.0 {
        let message =
            format!("`{ID}`: no voxel is above 0 after noise of {}; expected an image with content", noise.std_dev());
        return Err(ComponentError::new(ErrorKind::Inconsistent, message));
    }
    altered.values_mut().iter_mut().for_each(|value| *value = (*value / max).max(0.0));
    Ok(altered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        builtin::distortions::example::{image, names, requests},
        domain::Grid,
    };

    fn altered(request: &DistortionRequest) -> &Image {
        match &request.wrong_map {
            WrongMap::OfAlteredImage(image) => image,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn noise_has_its_spread_and_stays_in_the_unit_range() {
        let grid = Grid::plane([100, 100], [1.0, 1.0]).unwrap();
        let grey = Image::new(grid, 1, vec![0.5; grid.len()]).unwrap();
        let generator = IntensityNoise::new(IntensityNoiseConfig::default()).unwrap();
        let asked = requests(&generator, &grey, 1).unwrap();
        assert_eq!(names(&asked), ["intensity-noise-0.05", "intensity-noise-0.1"]);
        for (request, std) in asked.iter().zip([0.05, 0.1]) {
            let values = altered(request).values();
            assert!(values.iter().all(|value| (0.0..=1.0).contains(value)) && values.contains(&1.0));
            let count = values.len() as f64;
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
            let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
            assert!((variance.sqrt() / mean - std / 0.5).abs() < 0.05 * std, "{} for {std}", variance.sqrt() / mean);
        }
    }

    #[test]
    fn the_seed_decides_the_noise() {
        let generator = IntensityNoise::new(IntensityNoiseConfig { stds: vec![0.1, 0.1] }).unwrap();
        let grey = image(&[0.5; 4]);
        let asked = requests(&generator, &grey, 1).unwrap();
        assert_eq!(asked, requests(&generator, &grey, 1).unwrap());
        assert_ne!(asked, requests(&generator, &grey, 2).unwrap());
        assert_ne!(altered(&asked[0]), altered(&asked[1]));
    }

    #[test]
    fn what_is_no_image_in_the_unit_range_is_refused() {
        let generator = IntensityNoise::new(IntensityNoiseConfig::default()).unwrap();
        for bad in [f32::NAN, -0.1, 255.0] {
            assert!(requests(&generator, &image(&[0.0, bad, 0.0, 0.0]), 1).is_err(), "{bad}");
        }
    }
}

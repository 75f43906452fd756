use schemars::JsonSchema;
use serde::Deserialize;

use super::require_positive;
use crate::{
    builtin::{PLUGIN, configuration},
    component::{DistortionGenerator, DistortionRequest, Factory, Registration, Result, WrongMap, settings_schema},
    domain::{Image, LabelMap, Seed},
};

const ID: &str = "weight-noise";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Segmentations of the image by copies of the policy with Gaussian noise on every weight.",
        settings: Some(settings_schema::<WeightNoiseConfig>),
        factory: Factory::DistortionGenerator(|json| Ok(Box::new(WeightNoise::new(configuration(ID, json)?)?))),
    }
}

/// The configuration of [`WeightNoise`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeightNoiseConfig {
    /// Standard deviations of the noise, one request for each.
    pub stds: Vec<f64>,
}

impl Default for WeightNoiseConfig {
    fn default() -> Self {
        Self { stds: vec![0.005, 0.01, 0.015, 0.02] }
    }
}

/// Asks for segmentations by copies of the policy with noise on every weight.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightNoise {
    stds: Vec<f64>,
}

impl WeightNoise {
    /// A generator with this configuration.
    ///
    /// # Errors
    /// If there is no standard deviation, or one is not finite and above 0.
    pub fn new(config: WeightNoiseConfig) -> Result<Self> {
        require_positive(ID, "stds", &config.stds)?;
        Ok(Self { stds: config.stds })
    }
}

impl DistortionGenerator for WeightNoise {
    fn requests(&self, _image: &Image, _accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        let request = |(index, &std): (usize, &f64)| DistortionRequest {
            name: format!("{ID}-{std}"),
            wrong_map: WrongMap::OfNoisyPolicy { std, seed: seed.indexed(index) },
        };
        Ok(self.stds.iter().enumerate().map(request).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::distortions::example::{image, names, requests};

    #[test]
    fn every_request_has_noise_of_its_own() {
        let generator = WeightNoise::new(WeightNoiseConfig::default()).unwrap();
        let asked = requests(&generator, &image(&[0.0; 4]), 1).unwrap();
        assert_eq!(
            names(&asked),
            ["weight-noise-0.005", "weight-noise-0.01", "weight-noise-0.015", "weight-noise-0.02"]
        );
        let seeds: Vec<Seed> = asked
            .iter()
            .map(|request| match request.wrong_map {
                WrongMap::OfNoisyPolicy { seed, .. } => seed,
                ref other => panic!("{other:?}"),
            })
            .collect();
        assert!((1..seeds.len()).all(|at| !seeds[..at].contains(&seeds[at])));
    }

    #[test]
    fn a_spread_must_be_above_zero_and_keys_must_be_known() {
        for stds in [vec![], vec![0.0], vec![f64::NAN], vec![0.01, -0.01]] {
            assert!(WeightNoise::new(WeightNoiseConfig { stds }).is_err());
        }
        assert!(configuration::<WeightNoiseConfig>(ID, r#"{"std": [0.1]}"#).is_err());
        assert_eq!(configuration::<WeightNoiseConfig>(ID, "{}").unwrap(), WeightNoiseConfig::default());
    }
}

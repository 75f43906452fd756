use schemars::JsonSchema;
use serde::Deserialize;

use super::{require_positive, require_unit_range};
use crate::{
    builtin::{PLUGIN, configuration},
    component::{DistortionGenerator, DistortionRequest, Factory, Registration, Result, WrongMap, settings_schema},
    domain::{Image, LabelMap, Seed},
    preprocess,
};

const ID: &str = "contrast";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "Segmentations of the image at other contrasts.",
        settings: Some(settings_schema::<ContrastConfig>),
        factory: Factory::DistortionGenerator(|json| Ok(Box::new(Contrast::new(configuration(ID, json)?)?))),
    }
}

/// The configuration of [`Contrast`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContrastConfig {
    /// Factors of [`preprocess::contrast`], one request for each.
    pub factors: Vec<f64>,
}

impl Default for ContrastConfig {
    fn default() -> Self {
        Self { factors: vec![0.7, 0.8] }
    }
}

/// Asks for segmentations of the image at other contrasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    factors: Vec<f64>,
}

impl Contrast {
    /// A generator with this configuration.
    ///
    /// # Errors
    /// If there is no factor, or one is not finite and above 0.
    pub fn new(config: ContrastConfig) -> Result<Self> {
        require_positive(ID, "factors", &config.factors)?;
        Ok(Self { factors: config.factors })
    }
}

impl DistortionGenerator for Contrast {
    fn requests(&self, image: &Image, _accepted: &LabelMap, _seed: Seed) -> Result<Vec<DistortionRequest>> {
        require_unit_range(ID, image)?;
        let request = |&factor: &f64| {
            let altered = preprocess::contrast(image, factor)?;
            Ok(DistortionRequest { name: format!("{ID}-{factor}"), wrong_map: WrongMap::OfAlteredImage(altered) })
        };
        self.factors.iter().map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::distortions::example::{image, names, requests};

    #[test]
    fn the_image_is_drawn_towards_its_mean() {
        let generator = Contrast::new(ContrastConfig { factors: vec![0.5, 0.8] }).unwrap();
        let asked = requests(&generator, &image(&[0.0, 0.0, 1.0, 1.0]), 1).unwrap();
        assert_eq!(names(&asked), ["contrast-0.5", "contrast-0.8"]);
        assert_eq!(asked[0].wrong_map, WrongMap::OfAlteredImage(image(&[0.25, 0.25, 0.75, 0.75])));
    }

    #[test]
    fn nan_does_not_pass() {
        let generator = Contrast::new(ContrastConfig::default()).unwrap();
        assert!(requests(&generator, &image(&[0.0, f32::NAN, 0.0, 0.0]), 1).is_err());
    }
}

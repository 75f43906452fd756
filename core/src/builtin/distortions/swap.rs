use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    builtin::{PLUGIN, configuration},
    component::{DistortionGenerator, DistortionRequest, Factory, Registration, Result, WrongMap, settings_schema},
    domain::{Image, LabelMap, Seed},
};

const ID: &str = "swap";

inventory::submit! {
    Registration {
        plugin: PLUGIN,
        id: ID,
        doc: "The segmentation of another case.",
        settings: Some(settings_schema::<SwapConfig>),
        factory: Factory::DistortionGenerator(|json| {
            let SwapConfig {} = configuration(ID, json)?;
            Ok(Box::new(Swap))
        }),
    }
}

/// The configuration of [`Swap`], which has no keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapConfig {}

/// Asks for the segmentation of another case: anatomically sound, but not of this image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swap;

impl DistortionGenerator for Swap {
    fn requests(&self, _image: &Image, _accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        Ok(vec![DistortionRequest { name: ID.to_owned(), wrong_map: WrongMap::OfAnotherCase { seed } }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::distortions::example::{image, requests};

    #[test]
    fn another_case_is_asked_for_with_the_seed_given() {
        let asked = requests(&Swap, &image(&[0.0; 4]), 7).unwrap();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].wrong_map, WrongMap::OfAnotherCase { seed: Seed(7) });
    }

    #[test]
    fn swap_has_no_keys() {
        assert!(configuration::<SwapConfig>(ID, "{}").is_ok());
        assert!(configuration::<SwapConfig>(ID, r#"{"share": 0.5}"#).is_err());
    }
}

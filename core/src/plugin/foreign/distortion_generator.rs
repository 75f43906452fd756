use rl4seg_abi::DistortionGeneratorTable;

use super::{Foreign, Origin};
use crate::{
    component::{ComponentError, DistortionGenerator, DistortionRequest, ErrorKind, Result, WrongMap},
    domain::{Image, LabelMap, Seed},
    plugin::wire::{read_request, with_image, with_label_map},
};

/// Makes the distortion generator of a plugin.
pub(in crate::plugin) fn distortion_generator(origin: &Origin, config: &str) -> Result<Box<dyn DistortionGenerator>> {
    Ok(Box::new(Foreign::<DistortionGeneratorTable>::new(origin, config)?))
}

impl DistortionGenerator for Foreign<DistortionGeneratorTable> {
    fn requests(&self, image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>> {
        let requests = self.required(self.table.requests, "requests")?;
        let mut given = Vec::new();
        with_image(image, |pixels| {
            with_label_map(accepted, |labels| {
                self.items(
                    // SAFETY: called as the ABI says.
                    |object, items, errors| unsafe { requests(object, pixels, labels, seed.0, items, errors) },
                    |json, voxels| {
                        // SAFETY: the plugin vouches for what it puts.
                        let request = unsafe { read_request(json, voxels) }?;
                        check(&request, image, accepted)
                            .map_err(|error| error.context(format!("distortion request `{}`", request.name)))?;
                        given.push(request);
                        Ok(())
                    },
                )
            })
        })?;
        Ok(given)
    }
}

/// Refuses a request that does not lie on the grid it was asked for.
fn check(request: &DistortionRequest, image: &Image, accepted: &LabelMap) -> Result<()> {
    match &request.wrong_map {
        WrongMap::Given(labels) => {
            Ok(labels.grid().require_same(accepted.grid(), ["the wrong label map", "the accepted one"])?)
        }
        WrongMap::OfAlteredImage(altered) if altered.channels() != image.channels() => {
            let message =
                format!("the altered image has {} channels, the original {}", altered.channels(), image.channels());
            Err(ComponentError::new(ErrorKind::Inconsistent, message))
        }
        WrongMap::OfAlteredImage(altered) => {
            Ok(altered.grid().require_same(image.grid(), ["the altered image", "the original"])?)
        }
        WrongMap::OfNoisyPolicy { .. } | WrongMap::OfAnotherCase { .. } => Ok(()),
    }
}

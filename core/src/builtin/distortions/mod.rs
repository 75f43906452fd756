//! Wrong label maps from right ones: each generator asks for what the published method does to an
//! image whose segmentation was accepted.

mod contrast;
mod intensity_noise;
mod swap;
mod weight_noise;

pub use contrast::{Contrast, ContrastConfig};
pub use intensity_noise::{IntensityNoise, IntensityNoiseConfig};
pub use swap::{Swap, SwapConfig};
pub use weight_noise::{WeightNoise, WeightNoiseConfig};

use super::setting_error;
use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::Image,
};

/// Refuses an empty list, and numbers that are not finite and above 0.
fn require_positive(id: &str, key: &str, values: &[f64]) -> Result<()> {
    if values.is_empty() {
        return Err(setting_error(id, key, "empty", "at least one number; leave the distortion out to ask for none"));
    }
    match values.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
        None => Ok(()),
        Some(value) => Err(setting_error(id, key, value, "finite numbers above 0")),
    }
}

/// Refuses an image that is not in [0, 1].
fn require_unit_range(id: &str, image: &Image) -> Result<()> {
    match image.values().iter().position(|value| !(0.0..=1.0).contains(value)) {
        None => Ok(()),
        Some(index) => {
            let found = image.values()[index];
            let kind = if found.is_finite() { ErrorKind::Inconsistent } else { ErrorKind::NotFinite };
            let message = format!(
                "`{id}` needs intensities in [0, 1]; found {found} at index {index} [channel, slow, y, x]: check the \
                 rescaling of the preprocessing"
            );
            Err(ComponentError::new(kind, message))
        }
    }
}

/// What the generators' tests share.
#[cfg(test)]
mod example {
    use crate::{
        component::{DistortionGenerator, DistortionRequest, Result},
        domain::{Grid, Image, LabelMap, Seed},
    };

    pub fn image(values: &[f32]) -> Image {
        Image::new(Grid::plane([2, 2], [1.0, 1.0]).unwrap(), 1, values.to_vec()).unwrap()
    }

    pub fn requests(generator: &dyn DistortionGenerator, image: &Image, seed: u64) -> Result<Vec<DistortionRequest>> {
        generator.requests(image, &LabelMap::background(*image.grid()), Seed(seed))
    }

    pub fn names(requests: &[DistortionRequest]) -> Vec<&str> {
        requests.iter().map(|request| request.name.as_str()).collect()
    }
}

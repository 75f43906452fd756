use super::Result;
use crate::domain::{Image, LabelMap, Seed};

/// Makes wrong label maps from right ones.
///
/// A generator runs no network: it asks, and the loop answers for many cases at once.
pub trait DistortionGenerator: Send + Sync {
    /// What to do with an image whose segmentation `accepted` was judged right, both on the grid of
    /// the network's input, intensities in [0, 1]. The same seed gives the same requests.
    ///
    /// # Errors
    /// If image and labels cannot be distorted by this generator.
    fn requests(&self, image: &Image, accepted: &LabelMap, seed: Seed) -> Result<Vec<DistortionRequest>>;
}

/// One wrong label map that a generator asks for, and what to call the way it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct DistortionRequest {
    /// The name of the distortion, as `contrast-0.7`.
    pub name: String,
    /// How the label map is made.
    pub wrong_map: WrongMap,
}

/// How a wrong label map is made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum WrongMap {
    /// It is this one, on the grid of the accepted map.
    Given(LabelMap),
    /// The policy segments this image instead, which lies on the grid of the original.
    OfAlteredImage(Image),
    /// The policy segments the image after Gaussian noise of this standard deviation was added to
    /// every weight.
    OfNoisyPolicy {
        /// Standard deviation of the noise.
        std: f64,
        /// The seed of the noise.
        seed: Seed,
    },
    /// A segmentation of another case, drawn by the loop.
    OfAnotherCase {
        /// The seed of the draw.
        seed: Seed,
    },
}

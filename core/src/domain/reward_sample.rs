use serde::{Deserialize, Serialize};

use super::{CaseId, LabelMap};

/// How the wrong label map of a [`RewardSample`] came about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum SampleOrigin {
    /// A distortion generator made it from an accepted segmentation; holds the distortion's name.
    Distorted(String),
    /// The policy made it, and a corrector gave the right one; holds the corrector's name.
    Corrected(String),
}

/// One training example of the reward model: an image, a label map, and the label map that is
/// held to be right. The reward of a voxel is 1 where the two agree, 0 where they do not.
///
/// Both label maps lie on the grid of the network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardSample {
    /// The image's case in the target data source.
    pub case: CaseId,
    /// How it came about.
    pub origin: SampleOrigin,
    /// The label map to be judged.
    pub judged: LabelMap,
    /// The label map that is held to be right.
    pub right: LabelMap,
}

impl RewardSample {
    /// 1 where the judged label is right, 0 where it is wrong, `[slow, y, x]`.
    #[must_use]
    pub fn correctness(&self) -> Vec<f32> {
        let pairs = self.judged.labels().iter().zip(self.right.labels());
        pairs.map(|(judged, right)| if judged == right { 1.0 } else { 0.0 }).collect()
    }
}

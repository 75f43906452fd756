use serde::{Deserialize, Serialize};

use super::{CaseId, LabelMap, Seed};

/// How the wrong label map of a [`RewardSample`] came about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum SampleOrigin {
    /// A distortion generator made it from a label map held to be right; holds the distortion's name.
    Distorted(String),
    /// The policy made it, and a corrector gave the right one; holds the corrector's name.
    Corrected(String),
    /// The policy made it of a source image, and an expert drew the right one.
    Drawn,
}

/// The image that a [`RewardSample`] belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SampleImage {
    /// The case, of the target where there is no `source_view`.
    pub case: CaseId,
    /// The seed of the random change of a source image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_view: Option<Seed>,
}

impl SampleImage {
    /// An image of the target as it is.
    #[must_use]
    pub fn of_target(case: &CaseId) -> Self {
        Self { case: case.clone(), source_view: None }
    }

    /// An image of the source after the random change that `view` stands for.
    #[must_use]
    pub fn of_source(case: &CaseId, view: Seed) -> Self {
        Self { case: case.clone(), source_view: Some(view) }
    }
}

/// One training example of the reward model: an image, a label map, and the label map that is
/// held to be right. The reward of a voxel is 1 where the two agree, 0 where they do not.
///
/// Both label maps lie on the grid of the network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardSample {
    /// What was segmented.
    pub image: SampleImage,
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

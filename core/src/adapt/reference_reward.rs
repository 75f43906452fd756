//! Rewards that are known and not learnt: of images that an expert has labelled. They turn the loop into supervised
//! reinforcement learning, which shows what the policy's updates can do with a reward that is right.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{SourceDomain, TargetDomain, prepare_image};
use crate::{
    component::{ComponentError, ErrorKind, Result, RewardBatch, RewardModel},
    config::{KnownReward, Plan},
    domain::{CaseEntry, CaseId, Image, ImageBatch, LabelBatch, LabelMap, LabelSet, Seed, Split},
    measure::mean_dice,
};

/// SHA-256 of an image's values.
type Fingerprint = [u8; 32];

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];
/// The logit of a reward of 1: its sigmoid is 1 in single precision.
const CERTAIN: f64 = 20.0;

/// A [`RewardModel`] that compares with the expert's label map of the same image. It knows an image by its
/// values on the network's grid, so it must not be changed.
pub(super) struct ReferenceReward {
    measure: KnownReward,
    labels: LabelSet,
    references: HashMap<Fingerprint, LabelMap>,
}

impl ReferenceReward {
    /// Reads every case of the source that has a reference.
    ///
    /// # Errors
    /// If a case cannot be read, or an image of the target is none of theirs.
    pub fn load(
        measure: KnownReward,
        (source, target): (&SourceDomain, &TargetDomain),
        labels: &LabelSet,
        plan: &Plan,
    ) -> Result<Self> {
        let seen = |id: &CaseId, image: &Image| -> Result<Fingerprint> {
            Ok(fingerprint(prepare_image(id, image, &plan.preprocess)?.image.values()))
        };
        let read = |entry: &CaseEntry| {
            let reference = plan.preprocess.apply_labels(&source.reference(&entry.id)?)?;
            Ok((seen(&entry.id, &source.image(&entry.id)?)?, reference))
        };
        let cases: Vec<&CaseEntry> = SPLITS.iter().flat_map(|&split| source.cases(split)).collect();
        let references: HashMap<Fingerprint, LabelMap> = cases.into_par_iter().map(read).collect::<Result<_>>()?;
        let require_known = |entry: &CaseEntry| {
            let is_known = references.contains_key(&seen(&entry.id, &target.image(&entry.id)?)?);
            if is_known { Ok(()) } else { Err(unknown_image().context(format!("target case {}", entry.id))) }
        };
        let cases: Vec<&CaseEntry> = SPLITS.iter().flat_map(|&split| target.cases(split)).collect();
        cases.into_par_iter().try_for_each(require_known)?;
        Ok(Self { measure, labels: labels.clone(), references })
    }

    /// What each voxel of `found` is worth.
    fn rewards(&self, found: &LabelMap, reference: &LabelMap) -> Result<Vec<f64>> {
        let pairs = found.labels().iter().zip(reference.labels());
        let right = pairs.map(|(found, reference)| if found == reference { 1.0 } else { 0.0 });
        let voxels = found.labels().len();
        Ok(match self.measure {
            KnownReward::AccuracyMap => right.collect(),
            KnownReward::Accuracy => vec![right.sum::<f64>() / voxels as f64; voxels],
            KnownReward::Dice => vec![mean_dice(found, reference, &self.labels)?; voxels],
        })
    }
}

impl RewardModel for ReferenceReward {
    fn is_learnt(&self) -> bool {
        false
    }

    fn reset(&mut self, _: Seed) -> Result<()> {
        Ok(())
    }

    fn fit_step(&mut self, _: &RewardBatch, _: f64) -> Result<f64> {
        Err(ComponentError::new(ErrorKind::Unsupported, "a reward that is known has nothing to learn"))
    }

    fn logits(&self, images: &ImageBatch, labels: &LabelBatch) -> Result<Vec<f32>> {
        let voxels = images.voxels();
        let mut logits = Vec::with_capacity(labels.labels.len());
        for (image, labels) in
            images.values.chunks_exact(images.channels * voxels).zip(labels.labels.chunks_exact(voxels))
        {
            let reference = self.references.get(&fingerprint(image)).ok_or_else(unknown_image)?;
            let found = LabelMap::new(*reference.grid(), labels.to_vec())?;
            logits.extend(self.rewards(&found, reference)?.into_iter().map(logit));
        }
        Ok(logits)
    }

    fn state(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn fingerprint(values: &[f32]) -> Fingerprint {
    let mut digest = Sha256::new();
    values.iter().for_each(|value| digest.update(value.to_le_bytes()));
    digest.finalize().into()
}

fn logit(probability: f64) -> f32 {
    (probability / (1.0 - probability)).ln().clamp(-CERTAIN, CERTAIN) as f32
}

fn unknown_image() -> ComponentError {
    ComponentError::new(
        ErrorKind::NotFound,
        "an image is none of the source's that have an expert's label map, so its reward is not known: name the same \
         folder as source and target, or set reward.model = \"network\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Grid, Label};

    /// One image of four voxels, labelled 0 1 1 2.
    fn reward(measure: KnownReward) -> ReferenceReward {
        let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
        let labels = LabelSet::new(vec![label(0, "background"), label(1, "left"), label(2, "right")]).unwrap();
        let reference = LabelMap::new(Grid::plane([1, 4], [1.0, 1.0]).unwrap(), vec![0, 1, 1, 2]).unwrap();
        ReferenceReward { measure, labels, references: [(fingerprint(&[0.1, 0.2, 0.3, 0.4]), reference)].into() }
    }

    fn ask(measure: KnownReward, values: Vec<f32>, labels: [u8; 4]) -> Result<Vec<f64>> {
        let images = ImageBatch { batch: 1, channels: 1, shape: [1, 1, 4], values };
        let labels = LabelBatch { batch: 1, shape: [1, 1, 4], labels: labels.to_vec() };
        let logits = reward(measure).logits(&images, &labels)?;
        Ok(logits.into_iter().map(|logit| 1.0 / (1.0 + (-f64::from(logit)).exp())).collect())
    }

    #[test]
    fn each_measure_gives_what_it_says() {
        let image = vec![0.1, 0.2, 0.3, 0.4];
        for (measure, expected) in [
            (KnownReward::AccuracyMap, [1.0, 1.0, 0.0, 1.0]),
            (KnownReward::Accuracy, [0.75; 4]),
            (KnownReward::Dice, [(2.0 / 3.0 + 2.0 / 3.0) / 2.0; 4]),
        ] {
            let found = ask(measure, image.clone(), [0, 1, 2, 2]).unwrap();
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{measure:?}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn an_image_without_a_reference_has_no_reward() {
        let message = ask(KnownReward::Dice, vec![0.1, 0.2, 0.3, 0.5], [0; 4]).unwrap_err().to_string();
        assert!(message.contains("reward.model"), "{message}");
    }
}

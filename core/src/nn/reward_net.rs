//! The reward network: how likely each voxel's label is right.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::{
    NetworkSettings,
    batch::{BatchShape, finite_values, images_tensor, labels_tensor, require_fit},
    batch_norm::Normalization,
    device::require_precision,
    learner::{Learner, Step, Trained},
    loss::Loss,
    network::Tracked,
    weights::Weights,
};
use crate::{
    component::{
        Channels, ComponentError, ErrorKind, InferenceMemory, Result, RewardBatch, RewardModel, TrainingMemory,
        TrainingState,
    },
    domain::{ImageBatch, LabelBatch, Seed},
};

/// What the network is called in a training state.
const REWARD: &str = "reward";

/// A [`RewardModel`] of one network. Its input is the image with the label map as a further channel,
/// labels as the numbers 0, 1, 2, ...; its output is one logit a voxel (RL4Seg).
pub struct NetworkReward {
    settings: NetworkSettings,
    device: Device,
    learner: Learner,
}

impl NetworkReward {
    /// Fresh weights that follow from `seed`.
    ///
    /// # Errors
    /// If the settings do not make a network.
    pub fn new(settings: &NetworkSettings, seed: Seed, device: &Device) -> Result<Self> {
        settings.check()?;
        require_precision(settings.precision, device)?;
        Ok(Self { settings: settings.clone(), device: device.clone(), learner: fresh(settings, seed, device)? })
    }

    /// Takes weights from elsewhere, as a checkpoint of RL4Seg.
    ///
    /// # Errors
    /// If they do not belong to this architecture; names the first tensor that differs.
    pub fn import(&mut self, weights: &Weights) -> Result<()> {
        let network = weights.load_into(self.learner.network().clone())?;
        self.learner.edit(|_| network);
        Ok(())
    }

    /// `[batch · slow, channel + 1, y, x]` on `device`.
    fn input(&self, images: &ImageBatch, labels: &LabelBatch, device: &Device) -> Result<Tensor<4>> {
        let expected = (self.settings.input_channels, self.learner.network().least_side());
        require_fit(images.channels, images.shape, expected)?;
        let planes = images_tensor(images, device)?;
        let labels = labels_tensor(labels, BatchShape::of(images), self.settings.classes, device)?;
        let [planes_len, _, height, width] = planes.dims();
        Ok(Tensor::cat(vec![planes, labels.float().reshape([planes_len, 1, height, width])], 1))
    }
}

impl RewardModel for NetworkReward {
    fn reset(&mut self, seed: Seed) -> Result<()> {
        self.learner = fresh(&self.settings, seed, &self.device)?;
        Ok(())
    }

    fn fit_step(&mut self, batch: &RewardBatch, learning_rate: f64) -> Result<f64> {
        let device = self.device.clone().autodiff();
        let shape = BatchShape::of(&batch.images);
        if let Some(value) = batch.correctness.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            let message = format!("a voxel's correctness is {value}; expected 0 to 1");
            return Err(ComponentError::new(ErrorKind::Inconsistent, message));
        }
        let Tracked { logits, pass } =
            self.learner.forward_train(self.input(&batch.images, &batch.labels, &device)?)?;
        let Loss { followed: loss, value } = Loss::of_correctness(logits, shape, &batch.correctness)?;
        self.learner.step(Step { loss, pass, learning_rate, max_grad_norm: None, trained: Trained::All })?;
        Ok(value)
    }

    fn inference_memory(&self, planes: usize, shape: [usize; 2]) -> Option<InferenceMemory> {
        self.learner.network().inference_memory([planes, shape[0], shape[1]], &self.device)
    }

    fn training_memory(&self, planes: usize, [height, width]: [usize; 2]) -> Option<TrainingMemory> {
        /// Numbers that a loss holds of a voxel.
        const LOSS: usize = 12;
        let TrainingMemory { held, step } =
            self.learner.network().training_memory([planes, height, width], &self.device)?;
        Some(TrainingMemory { held, step: step + (planes * height * width * LOSS * size_of::<f32>()) as u64 })
    }

    fn logits(&self, images: &ImageBatch, labels: &LabelBatch) -> Result<Vec<f32>> {
        let input = self.input(images, labels, &self.device)?;
        let logits = self.learner.frozen().forward(input, &mut Normalization::Running)?;
        finite_values("a reward logit", BatchShape::of(images).unfold(logits))
    }

    fn state(&self) -> Result<Vec<u8>> {
        Weights::of(self.learner.network(), "the reward network").to_safetensors()
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        self.import(&Weights::from_safetensors(state, "the saved reward network")?)
    }

    fn training_state(&self) -> Result<Option<TrainingState>> {
        let mut parts = BTreeMap::new();
        self.learner.save_into(&mut parts, REWARD)?;
        Ok(Some(TrainingState(parts)))
    }

    fn resume_training(&mut self, state: &TrainingState) -> Result<()> {
        self.learner = self.learner.resumed(state, REWARD, &self.device)?;
        Ok(())
    }
}

fn fresh(settings: &NetworkSettings, seed: Seed, device: &Device) -> Result<Learner> {
    let channels = Channels { input: settings.input_channels + 1, output: 1 };
    Learner::new(settings, channels, seed.named("reward"), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: NetworkSettings = NetworkSettings::new(8, 1, 2);

    /// A dark and a bright half; the label map is right in the first image, inverted in the second.
    fn batch() -> RewardBatch {
        let shape = [1, 64, 64];
        let half: Vec<u8> = (0..4096).map(|index| u8::from(index % 64 < 32)).collect();
        let values: Vec<f32> = half.iter().map(|label| 0.2 + 0.6 * f32::from(*label)).collect();
        let labels = half.iter().copied().chain(half.iter().map(|label| 1 - label)).collect();
        let correctness = (0..8192).map(|index| f32::from(u8::from(index < 4096))).collect();
        RewardBatch {
            images: ImageBatch { batch: 2, channels: 1, shape, values: [values.clone(), values].concat() },
            labels: LabelBatch { batch: 2, shape, labels },
            correctness,
        }
    }

    #[test]
    fn right_labels_come_to_be_told_from_wrong_ones() {
        let mut model = NetworkReward::new(&SETTINGS, Seed(1), &Device::flex()).unwrap();
        let batch = batch();
        let losses: Vec<f64> = (0..40).map(|_| model.fit_step(&batch, 1e-2).unwrap()).collect();
        assert!(losses[39] < 0.2 * losses[0], "{losses:?}");
        let logits = model.logits(&batch.images, &batch.labels).unwrap();
        let wrong = logits.iter().zip(&batch.correctness).filter(|(logit, right)| (**logit > 0.0) != (**right > 0.5));
        assert!(wrong.count() < 400);
    }

    #[test]
    fn an_image_is_judged_alone() {
        let model = NetworkReward::new(&SETTINGS, Seed(1), &Device::flex()).unwrap();
        let RewardBatch { images, labels, .. } = batch();
        let both = model.logits(&images, &labels).unwrap();
        let first = ImageBatch { batch: 1, values: images.values[..4096].to_vec(), ..images };
        let first_labels = LabelBatch { batch: 1, labels: labels.labels[..4096].to_vec(), ..labels };
        assert_eq!(model.logits(&first, &first_labels).unwrap(), both[..4096]);
    }

    #[test]
    fn reset_starts_from_the_seed_alone() {
        let mut model = NetworkReward::new(&SETTINGS, Seed(1), &Device::flex()).unwrap();
        let fresh = model.state().unwrap();
        model.fit_step(&batch(), 1e-2).unwrap();
        assert_ne!(model.state().unwrap(), fresh);
        model.reset(Seed(1)).unwrap();
        assert_eq!(model.state().unwrap(), fresh);
    }

    #[test]
    fn training_goes_on_from_its_state_as_if_nothing_had_been_in_between() {
        let mut model = NetworkReward::new(&SETTINGS, Seed(1), &Device::flex()).unwrap();
        for _ in 0..3 {
            model.fit_step(&batch(), 1e-2).unwrap();
        }
        let state = model.training_state().unwrap().unwrap();
        let mut resumed = NetworkReward::new(&SETTINGS, Seed(2), &Device::flex()).unwrap();
        resumed.resume_training(&state).unwrap();
        for model in [&mut model, &mut resumed] {
            for _ in 0..2 {
                model.fit_step(&batch(), 1e-2).unwrap();
            }
        }
        assert_eq!(model.training_state().unwrap(), resumed.training_state().unwrap());
        let narrow = NetworkReward::new(&NetworkSettings::new(4, 1, 2), Seed(1), &Device::flex());
        assert!(narrow.unwrap().resume_training(&state).unwrap_err().to_string().contains("shape"));
    }

    #[test]
    fn a_label_without_a_class_is_refused() {
        let mut model = NetworkReward::new(&SETTINGS, Seed(1), &Device::flex()).unwrap();
        let mut batch = batch();
        batch.labels.labels[7] = 2;
        assert!(model.fit_step(&batch, 1e-2).unwrap_err().to_string().contains("holds 2"));
    }
}

//! The policy that RL4Seg trains: an actor and a critic of the same network, and a frozen actor.

mod improve;
mod losses;
mod state;
#[cfg(test)]
mod tests;
mod without_reward;

use burn::tensor::{Device, Tensor, activation::softmax};
use rayon::prelude::*;

use super::{
    NetworkSettings,
    batch::{BatchShape, finite_values, images_tensor, labels_tensor, require_fit},
    batch_norm::Normalization,
    device::require_precision,
    initialize::{perturbed, shrunk_and_perturbed},
    learner::{Learner, Step, Trained},
    loss::Loss,
    network::{Network, Tracked},
    weights::Weights,
};
use crate::{
    component::{
        Channels, ComponentError, ErrorKind, ImitationStep, InferenceMemory, Policy, PolicyState, PolicyUpdate, Result,
        Segmentation, TrainingMemory, TrainingState, UpdateStats,
    },
    domain::{Actions, ImageBatch, LabelBatch, LabelMap, Rollout, Seed, most_likely},
    rl::distribution::{Categorical, sample},
};

/// Numbers that a rollout and its losses hold of a voxel, and of each of its classes.
const EXPERIENCE: usize = 16;
const OF_A_CLASS: usize = 8;

/// A [`Policy`] of networks: the actor and the critic, and a frozen actor.
pub struct NetworkPolicy {
    settings: NetworkSettings,
    device: Device,
    actor: Learner,
    critic: Learner,
    reference: Option<Network>,
}

impl NetworkPolicy {
    /// Fresh weights that follow from `seed`; no reference policy yet.
    ///
    /// # Errors
    /// If the settings do not make a network.
    pub fn new(settings: &NetworkSettings, seed: Seed, device: &Device) -> Result<Self> {
        settings.check()?;
        require_precision(settings.precision, device)?;
        let NetworkSettings { input_channels, classes, .. } = *settings;
        let channels = |output| Channels { input: input_channels, output };
        Ok(Self {
            settings: settings.clone(),
            device: device.clone(),
            actor: Learner::new(settings, channels(classes), seed.named("actor"), device)?,
            critic: Learner::new(settings, channels(1), seed.named("critic"), device)?,
            reference: None,
        })
    }

    /// Takes an actor's weights from elsewhere, as a checkpoint of RL4Seg.
    ///
    /// # Errors
    /// If they do not belong to this architecture; names the first tensor that differs.
    pub fn import_actor(&mut self, weights: &Weights) -> Result<()> {
        let network = weights.load_into(self.actor.network().clone())?;
        self.actor.edit(|_| network);
        Ok(())
    }

    /// The same for the critic.
    ///
    /// # Errors
    /// As [`NetworkPolicy::import_actor`].
    pub fn import_critic(&mut self, weights: &Weights) -> Result<()> {
        let network = weights.load_into(self.critic.network().clone())?;
        self.critic.edit(|_| network);
        Ok(())
    }

    /// `[batch, class, voxel]`.
    fn logits(&self, network: &Network, images: &ImageBatch, normalization: &mut Normalization) -> Result<Tensor<3>> {
        let planes = self.planes(images, &self.device)?;
        Ok(BatchShape::of(images).unfold(network.forward(planes, normalization)?))
    }

    /// `[batch · slow, channel, y, x]` of images that fit.
    fn planes(&self, images: &ImageBatch, device: &Device) -> Result<Tensor<4>> {
        self.accepts(images.channels, images.shape)?;
        images_tensor(images, device)
    }

    fn segment_by(&self, network: &Network, images: &ImageBatch) -> Result<LabelBatch> {
        self.most_likely(images, self.logits(network, images, &mut Normalization::Running)?)
    }

    /// Of `[batch, class, voxel]` logits.
    fn most_likely(&self, images: &ImageBatch, logits: Tensor<3>) -> Result<LabelBatch> {
        let logits = finite_values("a logit", logits)?;
        Ok(self.label_batch(images, &logits, |_, logits| most_likely(logits, self.settings.classes)))
    }

    fn draw(&self, images: &ImageBatch, probabilities: &[f32], seed: Seed) -> LabelBatch {
        let classes = self.settings.classes;
        self.label_batch(images, probabilities, |image, scores| sample(scores, classes, seed.indexed(image)))
    }

    /// `choose(image, scores)` of each image's `[class, voxel]` scores.
    fn label_batch(
        &self,
        images: &ImageBatch,
        scores: &[f32],
        choose: impl Fn(usize, &[f32]) -> Vec<u8> + Sync,
    ) -> LabelBatch {
        let by_image = scores.par_chunks_exact(self.settings.classes * images.voxels()).enumerate();
        let labels: Vec<Vec<u8>> = by_image.map(|(image, scores)| choose(image, scores)).collect();
        LabelBatch { batch: images.batch, shape: images.shape, labels: labels.concat() }
    }

    fn step_to(&mut self, images: &ImageBatch, labels: &LabelBatch, step: &ImitationStep) -> Result<f64> {
        let device = self.device.clone().autodiff();
        let shape = BatchShape::of(images);
        let planes = self.planes(images, &device)?;
        let Tracked { logits, pass } = self.actor.forward_train(planes)?;
        let Loss { followed: loss, value } = Loss::of_labels(logits, shape, labels, step.label_smoothing)?;
        self.actor.step(Step {
            loss,
            pass,
            learning_rate: step.learning_rate,
            max_grad_norm: None,
            trained: Trained::All,
        })?;
        Ok(value)
    }
}

impl Policy for NetworkPolicy {
    fn accepts(&self, channels: usize, shape: [usize; 3]) -> Result<()> {
        require_fit(channels, shape, (self.settings.input_channels, self.actor.network().least_side()))
    }

    fn segment(&self, images: &ImageBatch) -> Result<LabelBatch> {
        self.segment_by(&self.actor.frozen(), images)
    }

    fn probabilities(&self, images: &ImageBatch) -> Result<Vec<f32>> {
        let logits = self.logits(&self.actor.frozen(), images, &mut Normalization::Running)?;
        finite_values("a probability", softmax(logits, 1))
    }

    fn inference_memory(&self, planes: usize, shape: [usize; 2]) -> Option<InferenceMemory> {
        let [height, width] = shape;
        let of_actor = self.actor.network().inference_memory([planes, height, width], &self.device)?;
        // Of actor and critic, which differ in the last layer alone, and of the frozen actor.
        let weights = of_actor.weights * if self.reference.is_some() { 3 } else { 2 };
        // Logits and what is made of them, beside those that the pass counts.
        let scores = (2 * planes * height * width * self.settings.classes * size_of::<f32>()) as u64;
        Some(InferenceMemory { weights, pass: of_actor.pass + scores, unshared: of_actor.unshared })
    }

    fn training_memory(&self, planes: usize, [height, width]: [usize; 2]) -> Option<TrainingMemory> {
        let of_actor = self.actor.network().training_memory([planes, height, width], &self.device)?;
        // Actor and critic with their optimisers, and the frozen actor.
        let held = 2 * of_actor.held + of_actor.held / 3;
        let numbers = EXPERIENCE + OF_A_CLASS * self.settings.classes;
        let scores = (planes * height * width * numbers * size_of::<f32>()) as u64;
        Some(TrainingMemory { held, step: of_actor.step + scores })
    }

    fn segment_and_sample(&self, images: &ImageBatch, seed: Seed) -> Result<Segmentation> {
        let logits = self.logits(&self.actor.frozen(), images, &mut Normalization::Running)?;
        let probabilities = finite_values("a probability", softmax(logits.clone(), 1))?;
        let drawn = self.draw(images, &probabilities, seed);
        Ok(Segmentation { most_likely: self.most_likely(images, logits)?, drawn })
    }

    fn segment_perturbed(&self, images: &ImageBatch, std: f64, seed: Seed) -> Result<LabelBatch> {
        self.segment_by(&perturbed(self.actor.frozen(), std, seed), images)
    }

    fn imitate(&mut self, images: &ImageBatch, labels: &LabelBatch, step: &ImitationStep) -> Result<f64> {
        self.step_to(images, labels, step)
    }

    fn act(&mut self, images: &ImageBatch, replaced: &[Option<&LabelMap>], seed: Seed) -> Result<Actions> {
        let logits = self.logits(&self.actor.frozen(), images, &mut Normalization::batch())?;
        let policy = Categorical::from_logits(logits);
        let mut labels = self.draw(images, &finite_values("a probability", policy.probabilities())?, seed);
        replace(&mut labels, replaced)?;
        let actions = labels_tensor(&labels, BatchShape::of(images), self.settings.classes, &self.device)?;
        let reference = match &self.reference {
            None => None,
            Some(network) => {
                let logits = self.logits(network, images, &mut Normalization::Running)?;
                let log_probs = Categorical::from_logits(logits).log_prob(actions.clone());
                Some(finite_values("a reference log-probability", log_probs)?)
            }
        };
        let log_probs = finite_values("a log-probability", policy.log_prob(actions))?;
        Ok(Actions { labels, log_probs, reference_log_probs: reference })
    }

    fn update(&mut self, rollout: &Rollout, update: &PolicyUpdate) -> Result<UpdateStats> {
        self.improve(rollout, update)
    }

    fn renormalize(&mut self, images: &ImageBatch) -> Result<()> {
        self.absorb_statistics(images)
    }

    fn lower_entropy(&mut self, images: &ImageBatch, learning_rate: f64) -> Result<f64> {
        self.minimize_entropy(images, learning_rate)
    }

    fn segment_by_reference(&self, images: &ImageBatch) -> Result<LabelBatch> {
        self.labels_of_reference(images)
    }

    fn blend_reference(&mut self, keep: f64) -> Result<()> {
        self.move_reference(keep)
    }

    fn freeze_reference(&mut self) -> Result<()> {
        self.reference = Some(self.actor.frozen());
        Ok(())
    }

    fn shrink_and_perturb(&mut self, shrink: f64, std: f64, seed: Seed) -> Result<()> {
        self.actor.edit(|network| shrunk_and_perturbed(network, shrink, std, seed.named("actor")));
        self.critic.edit(|network| shrunk_and_perturbed(network, shrink, std, seed.named("critic")));
        Ok(())
    }

    fn reset_optimizers(&mut self) {
        self.actor.reset_optimizer();
        self.critic.reset_optimizer();
    }

    fn state(&self) -> Result<PolicyState> {
        let actor = Weights::of(self.actor.network(), "the actor").to_safetensors()?;
        let critic = Weights::of(self.critic.network(), "the critic").to_safetensors()?;
        Ok(PolicyState { actor, critic: Some(critic) })
    }

    fn restore(&mut self, state: &PolicyState) -> Result<()> {
        let critic = state.critic.as_ref().map(|bytes| Weights::from_safetensors(bytes, "the saved critic"));
        let critic = critic.transpose()?;
        let network = critic.map(|weights| weights.load_into(self.critic.network().clone())).transpose()?;
        self.import_actor(&Weights::from_safetensors(&state.actor, "the saved actor")?)?;
        if let Some(network) = network {
            self.critic.edit(|_| network);
        }
        Ok(())
    }

    fn training_state(&self) -> Result<Option<TrainingState>> {
        self.all_state().map(Some)
    }

    fn resume_training(&mut self, state: &TrainingState) -> Result<()> {
        self.resume(state)
    }
}

fn missing_reference() -> ComponentError {
    ComponentError::new(ErrorKind::NotFound, "there is no reference policy: freeze one first")
}

/// Puts the label maps that are given in place of the drawn ones.
fn replace(labels: &mut LabelBatch, replaced: &[Option<&LabelMap>]) -> Result<()> {
    let inconsistent = |message| Err(ComponentError::new(ErrorKind::Inconsistent, message));
    if replaced.len() != labels.batch {
        return inconsistent(format!("{} replacements for {} images; expected one each", replaced.len(), labels.batch));
    }
    let (shape, voxels) = (labels.shape, labels.voxels());
    for (drawn, given) in labels.labels.chunks_exact_mut(voxels).zip(replaced) {
        let Some(given) = given else { continue };
        if given.grid().shape() != shape {
            let found = given.grid().shape();
            return inconsistent(format!(
                "a pseudo-reference has shape {found:?}, its image {shape:?}; expected the same"
            ));
        }
        drawn.copy_from_slice(given.labels());
    }
    Ok(())
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComponentError, ErrorKind, InferenceMemory, Result, TrainingMemory, TrainingState};
use crate::domain::{Actions, ImageBatch, LabelBatch, LabelMap, Rollout, Seed};

/// A segmentation network that reinforcement learning improves: π(label | image), voxel by voxel,
/// with its critic V(image) and its frozen copy π_ref, the reference policy.
pub trait Policy: Send {
    /// Whether images of `channels` channels and shape `[slow, y, x]` fit the network.
    ///
    /// # Errors
    /// If they do not; tells what would.
    fn accepts(&self, channels: usize, shape: [usize; 3]) -> Result<()>;

    /// The most likely label of every voxel, in inference mode.
    ///
    /// # Errors
    /// If the images do not fit the network, or its output is not finite.
    fn segment(&self, images: &ImageBatch) -> Result<LabelBatch>;

    /// The probability of each label in inference mode, `[batch, label, voxel]`.
    ///
    /// # Errors
    /// As [`Policy::segment`], or if the network cannot tell.
    fn probabilities(&self, _images: &ImageBatch) -> Result<Vec<f32>> {
        Err(unsupported("probabilities"))
    }

    /// What [`Policy::segment`] takes for as many planes of shape `[y, x]` at once; nothing where that is not known, as
    /// on a GPU and for networks that a plugin computes.
    fn inference_memory(&self, _planes: usize, _shape: [usize; 2]) -> Option<InferenceMemory> {
        None
    }

    /// What training takes with as many planes of shape `[y, x]` at once; nothing where that is not known.
    fn training_memory(&self, _planes: usize, _shape: [usize; 2]) -> Option<TrainingMemory> {
        None
    }

    /// The most likely label of every voxel and one drawn from π, of one pass in inference mode.
    ///
    /// # Errors
    /// As [`Policy::segment`].
    fn segment_and_sample(&self, images: &ImageBatch, seed: Seed) -> Result<Segmentation>;

    /// The most likely label of every voxel after N(0, `std`²) was added to every weight of a
    /// copy of the network.
    ///
    /// # Errors
    /// As [`Policy::segment`].
    fn segment_perturbed(&self, images: &ImageBatch, std: f64, seed: Seed) -> Result<LabelBatch>;

    /// One supervised step towards `labels` (cross-entropy). Returns the loss before the step.
    ///
    /// # Errors
    /// As [`Policy::segment`], or if the loss is not finite; the weights are then unchanged.
    fn imitate(&mut self, images: &ImageBatch, labels: &LabelBatch, step: &ImitationStep) -> Result<f64>;

    /// Draws a label for every voxel as [`Policy::update`] will see the images, in training mode.
    /// Where `replaced` holds a label map, that one is taken instead of the drawn one.
    ///
    /// # Errors
    /// As [`Policy::segment`].
    fn act(&mut self, images: &ImageBatch, replaced: &[Option<&LabelMap>], seed: Seed) -> Result<Actions>;

    /// Improves actor and critic on one rollout.
    ///
    /// # Errors
    /// As [`Policy::segment`], or if a loss or a gradient is not finite; the weights are then those of the last
    /// update for which both were.
    fn update(&mut self, rollout: &Rollout, update: &PolicyUpdate) -> Result<UpdateStats>;

    /// Moves what normalisation layers remember of their inputs towards these images; no weight changes
    /// (AdaBN: Li et al. 2018).
    ///
    /// # Errors
    /// As [`Policy::segment`], or if the network cannot do it.
    fn renormalize(&mut self, _images: &ImageBatch) -> Result<()> {
        Err(unsupported("renormalize"))
    }

    /// One step of Adam towards a smaller mean entropy of π, by scales and shifts of normalisation layers alone,
    /// in training mode (TENT: Wang et al. 2021). Returns the entropy before the step, nats.
    ///
    /// # Errors
    /// As [`Policy::segment`], or if the network cannot do it.
    fn lower_entropy(&mut self, _images: &ImageBatch, _learning_rate: f64) -> Result<f64> {
        Err(unsupported("lower_entropy"))
    }

    /// The label of every voxel that the reference policy holds to be most likely, in inference mode.
    ///
    /// # Errors
    /// As [`Policy::segment`], or if there is no reference policy.
    fn segment_by_reference(&self, _images: &ImageBatch) -> Result<LabelBatch> {
        Err(unsupported("segment_by_reference"))
    }

    /// Moves the reference policy towards the network: π_ref ← `keep` · π_ref + (1 − `keep`) · π, weight by
    /// weight (mean teacher: Tarvainen and Valpola 2017).
    ///
    /// # Errors
    /// If there is no reference policy, or the network cannot do it.
    fn blend_reference(&mut self, _keep: f64) -> Result<()> {
        Err(unsupported("blend_reference"))
    }

    /// Makes the network as it is now the reference policy π_ref.
    ///
    /// # Errors
    /// If the network cannot be copied.
    fn freeze_reference(&mut self) -> Result<()>;

    /// Shrink and perturb (Ash and Adams 2020): every convolution weight w becomes
    /// `shrink` · w + N(0, `std`²), in actor and critic. Normalisation layers keep scale and shift;
    /// what they remember of their inputs shrinks with the weights.
    ///
    /// # Errors
    /// If the weights cannot be reached.
    fn shrink_and_perturb(&mut self, shrink: f64, std: f64, seed: Seed) -> Result<()>;

    /// Forgets what the optimisers have accumulated.
    fn reset_optimizers(&mut self);

    /// All weights, as safetensors.
    ///
    /// # Errors
    /// If a weight is NaN or infinite.
    fn state(&self) -> Result<PolicyState>;

    /// Takes all weights back. The reference policy stays as it is.
    ///
    /// # Errors
    /// If they do not belong to this architecture; names the first tensor that differs.
    fn restore(&mut self, state: &PolicyState) -> Result<()>;

    /// Everything that further training depends on: actor, critic, reference policy and what the optimisers have accumulated.
    /// Nothing where the policy cannot tell; a step that is interrupted is then begun again.
    ///
    /// # Errors
    /// If a number of it is NaN or infinite.
    fn training_state(&self) -> Result<Option<TrainingState>> {
        Ok(None)
    }

    /// Goes on from what [`Policy::training_state`] gave, as if nothing had been in between.
    ///
    /// # Errors
    /// If it does not belong to this architecture.
    fn resume_training(&mut self, _state: &TrainingState) -> Result<()> {
        Err(unsupported("resume_training"))
    }
}

fn unsupported(what: &str) -> ComponentError {
    ComponentError::new(
        ErrorKind::Unsupported,
        format!("this policy does not have `{what}`: choose another policy.baseline"),
    )
}

/// Two label maps for each image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmentation {
    /// As [`Policy::segment`] gives them.
    pub most_likely: LabelBatch,
    /// Labels drawn from π, voxel by voxel.
    pub drawn: LabelBatch,
}

/// The weights of a policy, each network in the safetensors format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyState {
    /// The network π.
    pub actor: Vec<u8>,
    /// The critic V; `None` leaves it as it is.
    pub critic: Option<Vec<u8>>,
}

/// One supervised step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImitationStep {
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Probability mass spread over all classes (Szegedy et al. 2016); 0 is none.
    pub label_smoothing: f64,
}

/// How the policy is improved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateRule {
    /// Clipped surrogate (Schulman et al. 2017, eq. 7), several updates a rollout.
    Ppo,
    /// Log-likelihood weighted by the advantage (Williams 1992), one update a rollout.
    Reinforce,
}

/// The numbers of a policy update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyUpdate {
    /// Which rule.
    pub rule: UpdateRule,
    /// Updates on each rollout (k). REINFORCE takes one.
    pub update_epochs: usize,
    /// ε of the clipped surrogate.
    pub clip_range: f64,
    /// Weight of the entropy bonus.
    pub entropy_coef: f64,
    /// Weight of log π − log π_ref in the reward.
    pub divergence_coef: f64,
    /// Learning rate of the actor's Adam.
    pub actor_learning_rate: f64,
    /// Learning rate of the critic's Adam.
    pub critic_learning_rate: f64,
    /// Largest norm of the actor's gradient, clipped above.
    pub max_grad_norm: f64,
}

/// What a policy update reports: means over its update epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateStats {
    /// Surrogate loss less the entropy bonus.
    pub policy_loss: f64,
    /// Mean squared error of the critic.
    pub value_loss: f64,
    /// Mean entropy of π over voxels, nats.
    pub entropy: f64,
    /// Mean of (ρ − 1) − log ρ (Schulman's k3 estimator of the divergence from the rollout policy).
    pub approx_kl: f64,
    /// Share of voxels whose ratio was clipped.
    pub clip_fraction: f64,
    /// Mean of log π − log π_ref over voxels.
    pub reference_divergence: f64,
    /// Norm of the actor's gradient before clipping.
    pub grad_norm: f64,
}

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::{OverIterations, Schedule};
use crate::{
    component::UpdateRule,
    preprocess::{Augment, Preprocess},
};

/// The configuration file with every default filled in. Unknown keys are refused.
///
/// Defaults are the published numbers (Judge et al., MICCAI 2024, and its code) wherever the
/// paper gives one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// The modality, as `echo`: gives the labels.
    pub modality: String,
    /// The run directory; relative to the configuration file.
    pub output: PathBuf,
    /// Everything random follows from this number.
    #[serde(default)]
    pub seed: u64,
    /// How often collect, fit-reward and improve-policy are repeated.
    #[serde(default = "four")]
    pub iterations: usize,
    /// The labelled domain.
    pub source: ComponentTable,
    /// The domain without labels. References that its test cases may have are used for reporting alone.
    pub target: ComponentTable,
    /// How cases are split where the data set does not say.
    #[serde(default)]
    pub splits: SplitSettings,
    /// What happens to an image before the network sees it.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// The networks.
    #[serde(default)]
    pub network: NetworkTable,
    /// The supervised start on the source domain.
    #[serde(default)]
    pub pretrain: PretrainSettings,
    /// Step 1: the reward data set.
    #[serde(default)]
    pub collect: CollectSettings,
    /// The metrics that judge a segmentation; all must hold.
    pub validity: Vec<ComponentTable>,
    /// What makes wrong label maps from right ones.
    pub distortion: Vec<ComponentTable>,
    /// What makes right label maps from wrong ones.
    pub corrector: ComponentTable,
    /// Step 2: the reward network.
    #[serde(default)]
    pub reward: RewardSettings,
    /// Step 3: the policy.
    #[serde(default)]
    pub policy: PolicySettings,
}

fn four() -> usize {
    4
}

/// A component and its own settings, which go to it as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentTable {
    /// `plugin/component`, or the name alone for a built-in one.
    pub component: String,
    /// The component's own keys.
    #[serde(flatten)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: toml::Table,
}

impl ComponentTable {
    /// The component's own keys as a JSON object.
    #[must_use]
    pub fn settings_json(&self) -> String {
        json_of(&self.settings)
    }
}

fn json_of(settings: &toml::Table) -> String {
    serde_json::to_string(settings).unwrap_or_else(|_| "{}".to_owned())
}

/// Shares of the cases, patient by patient, where the data set itself has no split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SplitSettings {
    /// Share of patients on which checkpoints are chosen.
    pub validation: f64,
    /// Share of patients on which results are reported.
    pub test: f64,
}

impl Default for SplitSettings {
    fn default() -> Self {
        Self { validation: 0.1, test: 0.2 }
    }
}

/// What actor, critic and reward network are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkTable {
    /// A network that a plugin brings, as `plugin/component`, in place of the U-Net.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Of the U-Net: channels named `init_channels` in the published code; the first level has half of it.
    pub width: usize,
    /// What convolutions compute in; all else is float32.
    pub precision: Precision,
    /// Own keys of `component`.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: toml::Table,
}

impl NetworkTable {
    /// The component's own keys as a JSON object.
    #[must_use]
    pub fn settings_json(&self) -> String {
        json_of(&self.settings)
    }
}

/// The numbers that a convolution multiplies. Sums are float32 in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// IEEE 754 single precision.
    #[default]
    Float32,
    /// The upper half of a float32: its range, with 8 significant bits. Half the memory traffic and the
    /// fastest units of a GPU; for GPUs alone.
    Bfloat16,
}

impl Default for NetworkTable {
    fn default() -> Self {
        Self { component: None, width: 32, precision: Precision::Float32, settings: toml::Table::new() }
    }
}

/// The supervised start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainSettings {
    /// Weights to start from (`.ckpt`, `.pt`, `.safetensors`), relative to the configuration file.
    pub checkpoint: Option<PathBuf>,
    /// What stands before `layer1.` in the names of the policy's tensors, as `actor.net.`, where the
    /// checkpoint holds several networks.
    pub checkpoint_prefix: Option<String>,
    /// Passes over the source's training cases; 0 with a checkpoint takes it as it is.
    pub epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Label smoothing of the cross-entropy.
    pub label_smoothing: f64,
    /// Random changes of the source's training images.
    pub augment: Augment,
}

impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            checkpoint: None,
            checkpoint_prefix: None,
            epochs: 50,
            batch: 32,
            learning_rate: 1e-3,
            label_smoothing: 0.0,
            augment: Augment::default(),
        }
    }
}

/// Step 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CollectSettings {
    /// Target training images segmented in each iteration.
    pub cases: usize,
    /// Images a network call.
    pub batch: usize,
    /// A valid segmentation is accepted if its mean Dice with its own correction is above this.
    pub agreement: f64,
    /// A correction whose mean Dice with what it corrects is below this is not held to be right.
    pub correction_agreement: f64,
    /// Which label maps of target images are distorted into wrong ones; those of `source_cases` always are.
    pub distort: Trusted,
    /// Source training images that are segmented and distorted too, changed at random as in
    /// pretraining: there the right label map is an expert's and not a correction.
    pub source_cases: usize,
    /// At most this many reward samples are kept; the oldest go first.
    pub max_samples: usize,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self {
            cases: 2500,
            source_cases: 0,
            batch: 8,
            agreement: 0.95,
            correction_agreement: 0.0,
            distort: Trusted::Accepted,
            max_samples: 100_000,
        }
    }
}

/// Label maps that are held to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// None at all.
    None,
    /// Segmentations that are valid and agree with their own correction, as published.
    Accepted,
    /// Those, and the valid corrections of all others.
    Corrected,
}

/// Step 2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RewardSettings {
    /// Where rewards come from.
    pub model: RewardKind,
    /// Passes over the reward samples.
    pub epochs: usize,
    /// Samples a step.
    pub batch: usize,
    /// Learning rate of Adam at the start.
    pub learning_rate: f64,
    /// Factor on the learning rate when the validation loss stands still.
    pub plateau_factor: f64,
    /// Epochs without a better validation loss before that.
    pub plateau_patience: usize,
    /// Share of the cases on which the reward network is tested.
    pub test: f64,
    /// Share of the other cases on which its checkpoint and temperature are chosen.
    pub validation: f64,
}

impl Default for RewardSettings {
    fn default() -> Self {
        Self {
            model: RewardKind::Network,
            epochs: 50,
            batch: 64,
            learning_rate: 1e-3,
            plateau_factor: 0.1,
            plateau_patience: 10,
            test: 0.1,
            validation: 0.1,
        }
    }
}

/// Where rewards come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RewardKind {
    /// A network that is fitted to the reward samples.
    Network,
    /// The source's reference of the same image: supervised reinforcement learning.
    #[serde(untagged)]
    Known(KnownReward),
}

/// How a label map is compared with the reference of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownReward {
    /// Every voxel: the share of the image's voxels that are right.
    Accuracy,
    /// Each voxel: 1 where it is right, else 0.
    AccuracyMap,
    /// Every voxel: the mean Dice of the structures.
    Dice,
}

/// Step 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// How the policy is improved.
    pub rule: UpdateRule,
    /// What others do on images without labels, in place of the updates against the reward: to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Which of the epochs' policies the step ends with.
    pub checkpoint: Checkpoint,
    /// Passes over the target images that were collected so far.
    pub epochs: usize,
    /// Images a rollout.
    pub batch: Schedule,
    /// Updates a rollout (k).
    pub update_epochs: usize,
    /// ε of the clipped surrogate.
    pub clip_range: f64,
    /// Weight of the entropy bonus.
    pub entropy_coef: Schedule,
    /// Weight of log π − log π_ref in the reward.
    pub divergence_coef: Schedule,
    /// Learning rate of the actor's Adam.
    pub actor_learning_rate: f64,
    /// Learning rate of the critic's Adam.
    pub critic_learning_rate: f64,
    /// Largest norm of a gradient.
    pub max_grad_norm: f64,
    /// Whether learning rates fall over the step's epochs, evenly, towards nothing.
    pub anneal: bool,
    /// Which label maps stand in for drawn ones, with reward 1.
    pub pseudo_references: Trusted,
    /// Chance that the label map stands in where there is one. Where it does not, the policy is
    /// rewarded for what it draws.
    pub pseudo_share: f64,
    /// Supervised steps on source images after each rollout, changed at random as in pretraining.
    pub rehearsal_steps: usize,
    /// For which target images these steps are taken too, towards what is held to be right for them.
    pub rehearse_target: Trusted,
    /// What the run's last iteration takes in place of `pseudo_references` and `rehearse_target`, where these are not
    /// `none`; absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_iteration_trusts: Option<Trusted>,
    /// Whether the target's images are changed at random before each rollout, as the source's in
    /// pretraining. What stands in for drawn labels moves along.
    pub augment: bool,
    /// Weights are shrunk and perturbed before the step; absent: they are taken as they are.
    pub shrink_perturb: Option<ShrinkPerturb>,
}

impl PolicySettings {
    /// Which label maps stand in for drawn ones, and which are rehearsed, in the run's last iteration or before.
    #[must_use]
    pub fn trusted(&self, in_last_iteration: bool) -> [Trusted; 2] {
        let last = self.last_iteration_trusts.filter(|_| in_last_iteration);
        [self.pseudo_references, self.rehearse_target].map(|trusted| match (trusted, last) {
            (Trusted::None, _) | (_, None) => trusted,
            (_, Some(last)) => last,
        })
    }
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            rule: UpdateRule::Ppo,
            baseline: None,
            checkpoint: Checkpoint::HeldOut,
            epochs: 5,
            batch: Schedule::varying(8.0, OverIterations::Linear),
            update_epochs: 5,
            clip_range: 0.2,
            entropy_coef: Schedule::varying(0.15, OverIterations::Inverse),
            divergence_coef: Schedule::varying(0.05, OverIterations::Inverse),
            actor_learning_rate: 5e-4,
            critic_learning_rate: 5e-4,
            anneal: false,
            max_grad_norm: 0.5,
            pseudo_references: Trusted::Accepted,
            pseudo_share: 1.0,
            rehearsal_steps: 0,
            rehearse_target: Trusted::None,
            last_iteration_trusts: None,
            augment: false,
            shrink_perturb: None,
        }
    }
}

/// Adaptation without a reward: rules of other methods, as far as they are rules for the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Normalisation layers take the target's statistics (AdaBN: Li et al. 2018).
    BatchNorm,
    /// And their scales and shifts are trained for a small entropy (TENT: Wang et al. 2021).
    Tent,
    /// Supervised steps towards what is held to be right, `pseudo_references` (Lee 2013).
    SelfTraining,
    /// Supervised steps on changed images towards what an average of past networks makes of them unchanged, moved
    /// along (mean teacher: Tarvainen and Valpola 2017; transformation consistency: Li et al. 2021). The
    /// teacher's labels are its most likely ones.
    MeanTeacher,
}

/// Which policy a step ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpoint {
    /// The one that is best by validity and reward on held-out target images; the start is one of them.
    HeldOut,
    /// That of the last epoch.
    Last,
}

/// w ← shrink · w + N(0, std²) (Ash and Adams 2020). Published: 0.5 and 0.01.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShrinkPerturb {
    /// The factor.
    pub shrink: f64,
    /// The standard deviation.
    pub std: f64,
}

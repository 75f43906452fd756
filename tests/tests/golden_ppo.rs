//! Rollout, reward, PPO losses, gradients and three updates against recorded answers of a torch
//! implementation without the published code's mistakes (the recording calls it `corrected`).

use anyhow::{Context, Result, ensure};
use burn::tensor::{Bool, Device, Tensor};
use rl4seg_core::component::{Policy, PolicyUpdate, RewardModel, UpdateRule};
use rl4seg_core::domain::{Grid, ImageBatch, LabelBatch, LabelMap, Rollout, Seed};
use rl4seg_core::nn::{NetworkPolicy, NetworkReward, NetworkSettings, Normalization, Unet, Weights, device};
use rl4seg_core::rl::advantage::{AdvantageTerms, advantages};
use rl4seg_core::rl::distribution::Categorical;
use rl4seg_core::rl::{mean, ppo};
use rl4seg_tests::fixtures::Set;
use rl4seg_tests::tensors::{Tensors, close, close_to_scale, gradients, values};
use serde::Deserialize;

const LOSSES: f64 = 1e-5;
const MAPS: f64 = 1e-4;
const GRADIENTS: f64 = 1e-3;
/// Adam amplifies the noise in the sign of tiny gradients.
const UPDATED_WEIGHTS: f64 = 2e-4;

#[derive(Deserialize)]
struct Recording {
    clip: f64,
    entropy_coeff: f64,
    divergence_coeff: f64,
    actor_lr: f64,
    critic_lr: f64,
    grad_clip: f64,
    init_channels: usize,
    steps: Steps,
}

#[derive(Deserialize)]
struct Steps {
    corrected: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    critic_loss: f64,
    actor_grad_norm: f64,
    entropy: f64,
    /// Mean of log π − log π_ref, in spite of its name.
    approx_kl_div: f64,
}

struct Fixture {
    set: Set,
    io: Tensors,
    recording: Recording,
    settings: NetworkSettings,
    images: ImageBatch,
    labels: LabelBatch,
}

impl Fixture {
    fn open() -> Result<Self> {
        let set = Set::open("ppo")?;
        let io = Tensors::read(&set.path("io.safetensors"))?;
        let recording: Recording = set.json("ppo.json")?;
        let image = io.get("img")?;
        let [batch, channels, height, width] = image.shape[..] else { anyhow::bail!("img has not 4 axes") };
        let shape = [1, height, width];
        let labels = io.get("corrected.actions")?.values.iter().map(|&label| label as u8).collect();
        let layer12 = Weights::read(&set.path("actor.safetensors"))?;
        let classes = layer12.tensor("layer12.bias").context("no layer12.bias")?.1.len();
        Ok(Self {
            settings: NetworkSettings::new(recording.init_channels, channels, classes),
            images: ImageBatch { batch, channels, shape, values: image.values.clone() },
            labels: LabelBatch { batch, shape, labels },
            set,
            io,
            recording,
        })
    }

    fn weights(&self, network: &str) -> Result<Weights> {
        Ok(Weights::read(&self.set.path(&format!("{network}.safetensors")))?.part(None)?)
    }

    /// The recorded actor, critic and reference policy.
    fn policy(&self) -> Result<NetworkPolicy> {
        let mut policy = NetworkPolicy::new(&self.settings, Seed(0), &device("cpu")?)?;
        policy.import_actor(&self.weights("reference")?)?;
        policy.freeze_reference()?;
        policy.import_actor(&self.weights("actor")?)?;
        policy.import_critic(&self.weights("critic")?)?;
        Ok(policy)
    }

    fn reward(&self) -> Result<Vec<f32>> {
        let mut reward = NetworkReward::new(&self.settings, Seed(0), &device("cpu")?)?;
        reward.import(&self.weights("reward")?)?;
        let logits = reward.logits(&self.images, &self.labels)?;
        Ok(logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }

    /// The recorded actions in the form of a rollout.
    fn rollout(&self, policy: &mut NetworkPolicy) -> Result<Rollout> {
        let grids = vec![Grid::plane([self.images.shape[1], self.images.shape[2]], [1.0, 1.0])?; self.labels.batch];
        let maps = self.labels.unstack(&grids)?;
        let replaced: Vec<Option<&LabelMap>> = maps.iter().map(Some).collect();
        Ok(Rollout {
            images: self.images.clone(),
            actions: policy.act(&self.images, &replaced, Seed(0))?,
            rewards: self.reward()?,
            is_pseudo_reference: self.io.get("use_gt")?.values.iter().map(|&flag| flag != 0.0).collect(),
        })
    }

    fn update(&self) -> PolicyUpdate {
        PolicyUpdate {
            rule: UpdateRule::Ppo,
            update_epochs: 1,
            clip_range: self.recording.clip,
            entropy_coef: self.recording.entropy_coeff,
            divergence_coef: self.recording.divergence_coeff,
            actor_learning_rate: self.recording.actor_lr,
            critic_learning_rate: self.recording.critic_lr,
            max_grad_norm: self.recording.grad_clip,
        }
    }

    /// A recorded `[batch, y, x]` map as `[batch, voxel]`.
    fn map(&self, name: &str, device: &Device) -> Result<Tensor<2>> {
        Ok(self.io.on::<3>(name, device)?.flatten(1, 2))
    }

    fn require_map(&self, name: &str, found: &[f32]) -> Result<()> {
        close(name, found, &self.io.get(name)?.values, MAPS)
    }

    /// Requires the recorded tensors under `prefix`.
    fn require_tensors(
        &self,
        prefix: &str,
        found: &Weights,
        close: impl Fn(&str, &[f32], &[f32]) -> Result<()>,
    ) -> Result<()> {
        for (name, recorded) in self.io.under(prefix)? {
            let (_, found) = found.tensor(name).context("no such tensor")?;
            close(&format!("{prefix}{name}"), found, &recorded.values)?;
        }
        Ok(())
    }
}

#[test]
fn log_probabilities_and_rewards_of_the_rollout() -> Result<()> {
    let fixture = Fixture::open()?;
    let rollout = fixture.rollout(&mut fixture.policy()?)?;
    fixture.require_map("corrected.log_probs", &rollout.actions.log_probs)?;
    let reference = rollout.actions.reference_log_probs.context("there is a reference policy")?;
    fixture.require_map("corrected.step0.ref_log_probs", &reference)?;
    fixture.require_map("corrected.rewards", &rollout.rewards)
}

#[test]
fn losses_norms_and_weights_of_the_updates() -> Result<()> {
    let fixture = Fixture::open()?;
    let mut policy = fixture.policy()?;
    let rollout = fixture.rollout(&mut policy)?;
    ensure!(!fixture.recording.steps.corrected.is_empty(), "no step was recorded");
    for (index, step) in fixture.recording.steps.corrected.iter().enumerate() {
        let stats = policy.update(&rollout, &fixture.update())?;
        for (name, found, recorded) in [
            ("policy loss", stats.policy_loss, step.loss),
            ("value loss", stats.value_loss, step.critic_loss),
            ("entropy", stats.entropy, step.entropy),
            ("reference divergence", stats.reference_divergence, step.approx_kl_div),
        ] {
            let difference = (found - recorded).abs();
            ensure!(difference <= LOSSES, "step {index}, {name}: {found}, recorded {recorded}");
        }
        let (found, recorded) = (stats.grad_norm, step.actor_grad_norm);
        ensure!((found - recorded).abs() <= GRADIENTS * recorded, "step {index}, norm: {found}, recorded {recorded}");
    }
    let state = policy.state()?;
    let critic = state.critic.context("there is a critic")?;
    for (prefix, state) in [("corrected.after3.actor.", state.actor), ("corrected.after3.critic.", critic)] {
        let weights = Weights::from_safetensors(&state, prefix)?;
        fixture
            .require_tensors(prefix, &weights, |name, found, recorded| close(name, found, recorded, UPDATED_WEIGHTS))?;
    }
    Ok(())
}

#[test]
fn maps_and_gradients_of_the_first_update() -> Result<()> {
    let fixture = Fixture::open()?;
    let device = Device::flex().autodiff();
    let NetworkSettings { width, input_channels, classes, .. } = fixture.settings;
    let load = |name: &str, outputs| -> Result<Unet> {
        Ok(fixture.weights(name)?.load_into(Unet::zeroed(width, input_channels, outputs, &device))?)
    };
    let (actor, critic) = (load("actor", classes)?, load("critic", 1)?);
    let maps = |network: &Unet| -> Result<Tensor<3>> {
        Ok(network.forward(fixture.io.on("img", &device)?, &mut Normalization::batch()).flatten(2, 3))
    };

    let policy = Categorical::from_logits(maps(&actor)?);
    let log_probs = policy.log_prob(fixture.map("corrected.actions", &device)?.int());
    let state_values = ppo::values(maps(&critic)?.squeeze_dim(1));
    fixture.require_map("corrected.step0.entropy", &values(policy.entropy()))?;
    fixture.require_map("corrected.step0.v", &values(state_values.clone()))?;

    let rewards = fixture.map("corrected.rewards", &device)?;
    let pseudo_reference: Tensor<2, Bool> = fixture.io.on::<1>("use_gt", &device)?.unsqueeze_dim(1).greater_scalar(0.5);
    let terms = AdvantageTerms {
        rewards: rewards.clone(),
        values: state_values.clone(),
        log_probs: log_probs.clone(),
        reference_log_probs: Some(fixture.map("corrected.step0.ref_log_probs", &device)?),
        pseudo_reference,
    };
    let recording = &fixture.recording;
    let advantages = advantages(terms, recording.divergence_coeff);
    let old = fixture.map("corrected.log_probs", &device)?;
    let surrogate = ppo::clipped_surrogate(log_probs, old, advantages, recording.clip);
    let actor_loss = surrogate.loss - mean(policy.entropy()).mul_scalar(recording.entropy_coeff);
    let to_scale = |name: &str, found: &[f32], recorded: &[f32]| close_to_scale(name, found, recorded, GRADIENTS);
    let found = gradients(&actor, actor_loss.backward());
    fixture.require_tensors("corrected.grad_actor_preclip.", &found, to_scale)?;
    let found = gradients(&critic, ppo::value_loss(state_values, rewards).backward());
    fixture.require_tensors("corrected.grad_critic.", &found, to_scale)
}

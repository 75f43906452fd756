//! A network with the optimiser that trains it.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Device, Tensor},
};

use super::{
    adam::Adam,
    batch::finite_scalar,
    cpu::{contiguous, numbers, sum_of_squares},
    initialize::xavier,
    network::{Network, Pass, Tracked},
    settings::NetworkSettings,
    weights::Weights,
};
use crate::{
    component::{Channels, ComponentError, ErrorKind, Result, TrainingState},
    domain::Seed,
};

/// Keeps clipping by norm from dividing by zero; torch's `clip_grad_norm_`.
const CLIP_EPSILON: f64 = 1e-6;

/// A network under training. A clone keeps the state of its moment.
#[derive(Clone)]
pub(super) struct Learner {
    network: Network,
    optimizer: Adam,
}

/// One step of a [`Learner`].
pub(super) struct Step {
    pub loss: Tensor<1>,
    /// What the forward pass of the loss left.
    pub pass: Pass,
    pub learning_rate: f64,
    /// The gradient's norm over all weights is clipped here, if anywhere.
    pub max_grad_norm: Option<f64>,
    /// Which weights follow.
    pub trained: Trained,
}

/// The weights that a [`Step`] changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trained {
    All,
    /// Scales and shifts of normalisation layers.
    Normalization,
}

impl Learner {
    /// Fresh weights on `device`, with gradients.
    ///
    /// # Errors
    /// If a plugin has no network of these channels.
    pub fn new(settings: &NetworkSettings, channels: Channels, seed: Seed, device: &Device) -> Result<Self> {
        let network = Network::zeroed(settings, channels, &device.clone().autodiff())?;
        Ok(Self { network: xavier(network, seed), optimizer: Adam::default() })
    }

    /// Logits with gradients, normalised by the batch, and what [`Learner::step`] needs.
    ///
    /// # Errors
    /// If a plugin's network fails.
    pub fn forward_train(&self, images: Tensor<4>) -> Result<Tracked> {
        self.network.forward_tracked(images)
    }

    /// The network as it is.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network as it is, without gradients.
    pub fn frozen(&self) -> Network {
        self.network.valid()
    }

    /// Follows the loss's gradient; returns the gradient's norm before clipping.
    ///
    /// # Errors
    /// [`ErrorKind::NotFinite`] if the gradient is not finite; nothing has changed then.
    pub fn step(&mut self, step: Step) -> Result<f64> {
        finite_scalar("the loss", &step.loss)?;
        let found = step.loss.backward();
        let mut gradients = match (&step.pass.elsewhere, &self.network) {
            (Some(asked), Network::Brought(network)) => network.gradients(asked, &found)?,
            _ => GradientsParams::from_grads(found, &self.network),
        };
        if step.trained == Trained::Normalization {
            gradients = self.of_normalization(gradients);
        }
        let mut norm = SquaredNorm { gradients: &gradients, on_host: 0.0, on_device: Vec::new() };
        self.network.visit(&mut norm);
        let norm = norm.total().sqrt();
        if !norm.is_finite() {
            let message = format!("the gradient's norm is {norm}; lower the learning rate");
            return Err(ComponentError::new(ErrorKind::NotFinite, message));
        }
        let factor = step.max_grad_norm.map_or(1.0, |max| max / (norm + CLIP_EPSILON));
        if factor < 1.0 {
            self.network.visit(&mut Scale { gradients: &mut gradients, factor });
        }
        self.network = self.optimizer.step(step.learning_rate, self.network.clone(), gradients);
        self.network.absorb(step.pass.moments);
        Ok(norm)
    }

    fn of_normalization(&self, mut gradients: GradientsParams) -> GradientsParams {
        let mut kept = GradientsParams::new();
        for id in self.network.scaling_ids() {
            if let Some(gradient) = gradients.remove::<1>(id) {
                kept.register(id, gradient);
            }
        }
        kept
    }

    /// Puts the network through `edit`.
    pub fn edit(&mut self, edit: impl FnOnce(Network) -> Network) {
        self.network = edit(self.network.clone());
    }

    /// Adds the weights, and what Adam has accumulated, to a training state; `name` tells them from those of other networks.
    ///
    /// # Errors
    /// If a number of them is NaN or infinite.
    pub fn save_into(&self, parts: &mut BTreeMap<String, Vec<u8>>, name: &str) -> Result<()> {
        let optimizer = self.optimizer.to_weights(&self.network, &format!("the optimiser of the {name}"));
        parts.insert(optimizer_of(name), optimizer.to_safetensors()?);
        let weights = Weights::of(&self.network, &format!("the {name}"));
        parts.insert(name.to_owned(), weights.to_safetensors()?);
        Ok(())
    }

    /// This network as it was when [`Learner::save_into`] was called.
    ///
    /// # Errors
    /// If the state is of another network.
    pub fn resumed(&self, state: &TrainingState, name: &str, device: &Device) -> Result<Self> {
        let read = |part: &str| Weights::from_safetensors(state.part(part)?, &format!("the saved {part}"));
        let optimizer = Adam::from_weights(&read(&optimizer_of(name))?, &self.network, device)?;
        Ok(Self { network: read(name)?.load_into(self.network.clone())?, optimizer })
    }

    /// Forgets what Adam has accumulated.
    pub fn reset_optimizer(&mut self) {
        self.optimizer = Adam::default();
    }
}

fn optimizer_of(name: &str) -> String {
    format!("{name}-optimizer")
}

/// Σ x² of all gradients. On a device other than the CPU the sums stay there until all are known: to
/// wait for each of a hundred tensors costs more than a step.
struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    on_host: f64,
    on_device: Vec<Tensor<1>>,
}

impl SquaredNorm<'_> {
    fn total(self) -> f64 {
        if self.on_device.is_empty() {
            return self.on_host;
        }
        self.on_host + f64::from(Tensor::cat(self.on_device, 0).sum().into_scalar::<f32>())
    }
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            if let Some(gradient) = contiguous(gradient.clone()) {
                self.on_host += sum_of_squares(numbers(&gradient));
                return;
            }
            let rows = param.dims()[0];
            let squares = gradient.square().reshape([rows as i32, -1]);
            let by_row: Tensor<2> = squares.sum_dim(1);
            self.on_device.push(by_row.sum());
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

//! The networks that a learner can train: our U-Net, and those that plugins bring.

use std::{fmt, sync::Arc};

use burn::{
    module::{Module, ParamId},
    tensor::{Device, Tensor},
};

use super::{
    batch_norm::{BatchNorm, Moments, Normalization},
    brought::{Brought, Planes},
    settings::NetworkSettings,
    unet::{MIN_SIDE, Unet},
};
use crate::component::{Channels, DifferentiableNetwork, InferenceMemory, NetworkArchitecture, Result, TrainingMemory};

/// What networks are made of.
#[derive(Clone, Default)]
pub enum NetworkKind {
    /// The U-Net that RL4Seg trains.
    #[default]
    Unet,
    /// The layers that a plugin describes, built here.
    Architecture(Arc<dyn NetworkArchitecture>),
    /// A function that a plugin computes.
    Differentiable(Arc<dyn DifferentiableNetwork>),
}

impl fmt::Debug for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unet => "Unet",
            Self::Architecture(_) => "Architecture",
            Self::Differentiable(_) => "Differentiable",
        })
    }
}

/// A network of any kind: `[plane, input channel, y, x]` to logits `[plane, output channel, y, x]`.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are a few in a run, and all but always the large one")]
pub(super) enum Network {
    Unet(Unet),
    Brought(Brought),
}

/// Logits with gradients, and what a step on them needs.
pub(super) struct Tracked {
    pub logits: Tensor<4>,
    pub pass: Pass,
}

/// What a forward pass in training leaves for the step behind it.
#[derive(Default)]
pub(super) struct Pass {
    /// What it normalised with.
    pub moments: Vec<Moments>,
    /// What a network that is computed elsewhere was asked, and the leaf that stands for its answer.
    pub elsewhere: Option<(Planes, Tensor<4>)>,
}

impl Network {
    /// A network whose kernels and biases are all zero.
    ///
    /// # Errors
    /// If a plugin has no network of these channels.
    pub fn zeroed(settings: &NetworkSettings, channels: Channels, device: &Device) -> Result<Self> {
        let Channels { input, output } = channels;
        Ok(match &settings.kind {
            NetworkKind::Unet => {
                let network = Unet::zeroed(settings.width, input, output, device);
                Self::Unet(network.computing_in(settings.precision))
            }
            NetworkKind::Architecture(layers) => {
                Self::Brought(Brought::built(layers.as_ref(), channels, settings.precision, device)?)
            }
            NetworkKind::Differentiable(function) => Self::Brought(Brought::computed(function, channels, device)?),
        })
    }

    /// Least voxels along y and along x.
    pub fn least_side(&self) -> usize {
        match self {
            Self::Unet(_) => MIN_SIDE,
            Self::Brought(network) => network.least_side(),
        }
    }

    /// What [`Network::forward`] takes for `[plane, y, x]`; nothing where that is not known.
    pub fn inference_memory(&self, shape: [usize; 3], device: &Device) -> Option<InferenceMemory> {
        match self {
            Self::Unet(network) if *device == Device::flex() => Some(network.inference_memory(shape)),
            _ => None,
        }
    }

    /// What training takes for `[plane, y, x]`; nothing where that is not known.
    pub fn training_memory(&self, shape: [usize; 3], device: &Device) -> Option<TrainingMemory> {
        match self {
            Self::Unet(network) if *device == Device::flex() => Some(network.training_memory(shape)),
            _ => None,
        }
    }

    /// Logits without gradients.
    ///
    /// # Errors
    /// If a plugin's network fails.
    pub fn forward(&self, images: Tensor<4>, normalization: &mut Normalization) -> Result<Tensor<4>> {
        match self {
            Self::Unet(network) => Ok(network.forward(images, normalization)),
            Self::Brought(network) => network.forward(images, normalization),
        }
    }

    /// Logits with gradients, normalised by the batch.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_tracked(&self, images: Tensor<4>) -> Result<Tracked> {
        let mut normalization = Normalization::batch();
        let (logits, elsewhere) = match self {
            Self::Unet(network) => (network.forward(images, &mut normalization), None),
            Self::Brought(network) => network.forward_tracked(images, &mut normalization)?,
        };
        Ok(Tracked { logits, pass: Pass { moments: normalization.into_moments(), elsewhere } })
    }

    /// Moves all running statistics towards what a forward pass saw.
    pub fn absorb(&mut self, moments: Vec<Moments>) {
        match self {
            Self::Unet(network) => network.absorb(moments),
            Self::Brought(network) => network.absorb(moments),
        }
    }

    /// What scales and shifts of normalisation layers are called in gradients.
    pub fn scaling_ids(&self) -> Vec<ParamId> {
        match self {
            Self::Unet(network) => network.norms().flat_map(BatchNorm::scaling_ids).collect(),
            Self::Brought(network) => network.scaling_ids(),
        }
    }
}

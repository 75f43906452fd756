//! The network as one operation of burn's CPU backend, with its gradient.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, BackendTypes, Flex, TensorData,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{Device, Tensor},
};

use super::{
    lanes::Isa,
    network::{Architecture, Keep, Normalizing, PARAMETERS, Seen, Trace, backward, forward},
};
use crate::nn::{
    batch_norm::{Moments, Normalization},
    cpu::{CpuTensor, contiguous, contiguous_values, numbers},
};

type TrackedTensor = <Autodiff<Flex> as BackendTypes>::FloatTensorPrimitive;

/// A tensor of a module, as this operation takes it.
pub enum Parameter {
    /// Without gradient.
    Frozen(CpuTensor),
    /// With gradient.
    Tracked(TrackedTensor),
}

impl Parameter {
    /// `tensor` for this operation; nothing if it is not on the CPU.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        if tensor.device().is_autodiff() {
            tensor.try_into_primitive::<Autodiff<Flex>>().ok().map(Self::Tracked)
        } else {
            tensor.try_into_primitive::<Flex>().ok().map(Self::Frozen)
        }
    }

    fn frozen(self) -> Option<CpuTensor> {
        match self {
            Self::Frozen(tensor) => Some(tensor.to_contiguous()),
            Self::Tracked(_) => None,
        }
    }

    fn tracked(self) -> Option<TrackedTensor> {
        match self {
            Self::Frozen(_) => None,
            Self::Tracked(tensor) => Some(tensor),
        }
    }
}

fn tensor_of<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> CpuTensor {
    CpuTensor::from_data(TensorData::new(values, shape))
}

/// Logits `[batch, class, y, x]` of images without gradients; `running` has mean and variance of
/// each normalisation. Nothing if the images are not on the CPU.
pub fn run_frozen(
    architecture: &Architecture,
    parameters: Vec<Parameter>,
    running: Vec<Parameter>,
    images: Tensor<4>,
    normalization: &mut Normalization,
) -> Option<Tensor<4>> {
    let [batch, _, height, width] = images.dims();
    let images = contiguous(images)?;
    let parameters = parameters.into_iter().map(Parameter::frozen).collect::<Option<Vec<_>>>()?;
    let running = running.into_iter().map(Parameter::frozen).collect::<Option<Vec<_>>>()?;
    let slices: Vec<&[f32]> = parameters.iter().map(numbers).collect();
    let statistics: Vec<[&[f32]; 2]> =
        running.chunks_exact(2).map(|pair| [numbers(&pair[0]), numbers(&pair[1])]).collect();
    let normalizing = match normalization {
        Normalization::Running => Normalizing::Running(&statistics),
        Normalization::Batch(_) => Normalizing::Batch,
    };
    let shape = [batch, height, width];
    let how = (normalizing, Keep::Nothing);
    let pass = forward(Isa::detect(), architecture, &slices, numbers(&images), shape, how);
    if let Normalization::Batch(moments) = normalization {
        moments.extend(pass.moments.into_iter().map(|seen| seen.into_tensors(&Device::flex())));
    }
    let logits = tensor_of(pass.logits, [batch, architecture.output, height, width]);
    Some(Tensor::from_primitive::<Flex>(logits))
}

/// The same with the batch's statistics and with gradients to all parameters; the images have none.
pub fn run_tracked(
    architecture: &Architecture,
    parameters: Vec<Parameter>,
    images: Tensor<4>,
    moments: &mut Vec<Moments>,
) -> Option<Tensor<4>> {
    let [batch, _, height, width] = images.dims();
    let device = images.device();
    let images = contiguous_values(images)?;
    let tracked = parameters.into_iter().map(Parameter::tracked).collect::<Option<Vec<_>>>()?;
    let nodes = tracked.iter().map(TrackedTensor::node).collect::<Vec<_>>().try_into().ok()?;
    let parameters: Vec<CpuTensor> =
        tracked.into_iter().map(|tensor| tensor.into_primitive().to_contiguous()).collect();
    let slices: Vec<&[f32]> = parameters.iter().map(numbers).collect();
    let shape = [batch, height, width];
    let how = (Normalizing::Batch, Keep::ForGradient);
    let pass = forward(Isa::detect(), architecture, &slices, numbers(&images), shape, how);
    moments.extend(pass.moments.into_iter().map(|seen| seen.into_tensors(&device)));
    let logits = tensor_of(pass.logits, [batch, architecture.output, height, width]);
    let logits = match UnetBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let saved = Saved { architecture: *architecture, parameters, trace: pass.trace };
            prepared.finish(Arc::new(saved), logits)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(logits),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(logits))
}

impl Seen {
    fn into_tensors(self, device: &Device) -> Moments {
        let tensor = |values: Vec<f32>| Tensor::from_floats(values.as_slice(), device);
        Moments::of_batch(tensor(self.mean), tensor(self.variance), self.values)
    }
}

/// What the gradient needs.
struct Saved {
    architecture: Architecture,
    parameters: Vec<CpuTensor>,
    trace: Trace,
}

impl std::fmt::Debug for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saved").field("architecture", &self.architecture).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct UnetBackward;

impl Backward<Flex, PARAMETERS> for UnetBackward {
    type State = Arc<Saved>;

    fn backward(self, ops: Ops<Self::State, PARAMETERS>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let saved = ops.state;
        let slices: Vec<&[f32]> = saved.parameters.iter().map(numbers).collect();
        let found = backward(Isa::detect(), &saved.architecture, &slices, &saved.trace, numbers(&gradient));
        for ((parent, parameter), values) in ops.parents.into_iter().zip(&saved.parameters).zip(found) {
            if let Some(node) = parent {
                let shape = parameter.layout().shape().clone();
                grads.register::<Flex>(node.id, CpuTensor::from_data(TensorData::new(values, shape)));
            }
        }
    }
}

//! Batch normalisation with torch's running statistics.
//!
//! burn has a layer of its own. This one differs in three ways: running variances are unbiased
//! as in torch (burn's are not), running statistics are plain values that a copy of the network
//! does not share, and which statistics are used is the caller's word, not a property of the
//! device.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{
        Device, Tensor,
        module::{batch_norm, batch_norm_train},
    },
};

/// Added to the variance before its root is taken; torch's default.
pub(super) const EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics; torch's default.
const MOMENTUM: f64 = 0.1;

/// Which statistics a forward pass normalises with.
#[derive(Debug)]
pub enum Normalization {
    /// The running statistics: what comes out for one image does not depend on its batch.
    Running,
    /// The batch's own statistics, each layer's kept here in the order of the forward pass.
    Batch(Vec<Moments>),
}

impl Normalization {
    /// The batch's own statistics, none seen yet.
    #[must_use]
    pub fn batch() -> Self {
        Self::Batch(Vec::new())
    }

    /// What was seen; nothing under [`Normalization::Running`].
    #[must_use]
    pub fn into_moments(self) -> Vec<Moments> {
        match self {
            Self::Running => Vec::new(),
            Self::Batch(moments) => moments,
        }
    }
}

/// Mean and unbiased variance of one layer's input, `[channel]` each.
#[derive(Debug, Clone)]
pub struct Moments {
    pub(super) mean: Tensor<1>,
    pub(super) variance: Tensor<1>,
}

impl Moments {
    /// From a batch's mean and variance, that one divided by `values`, the number of values a channel.
    pub(super) fn of_batch(mean: Tensor<1>, variance: Tensor<1>, values: usize) -> Self {
        let values = values as f64;
        Self { mean, variance: variance.mul_scalar(values / (values - 1.0).max(1.0)) }
    }

    /// The same numbers on another device, which may be one that tracks gradients.
    pub(super) fn copied_to(self, device: &Device) -> Self {
        let copy = |tensor: Tensor<1>| Tensor::from_data(tensor.into_data(), device);
        Self { mean: copy(self.mean), variance: copy(self.variance) }
    }
}

/// A batch normalisation layer (Ioffe and Szegedy 2015) over `[batch, channel, y, x]`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

impl BatchNorm {
    /// Scale 1, shift 0, running mean 0, running variance 1.
    #[must_use]
    pub fn new(channels: usize, device: &Device) -> Self {
        let buffer = |tensor: Tensor<1>| Param::from_tensor(tensor).set_require_grad(false);
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: buffer(Tensor::zeros([channels], device)),
            running_var: buffer(Tensor::ones([channels], device)),
        }
    }

    /// Scale and shift.
    pub(super) fn scaling(&self) -> [Tensor<1>; 2] {
        [self.weight.val(), self.bias.val()]
    }

    /// What scale and shift are called in gradients.
    pub(super) fn scaling_ids(&self) -> [ParamId; 2] {
        [self.weight.id, self.bias.id]
    }

    /// Running mean and variance.
    pub(super) fn running(&self) -> [Tensor<1>; 2] {
        [self.running_mean.val(), self.running_var.val()]
    }

    /// `[batch, channel, y, x]` normalised, of the same shape.
    #[must_use]
    pub fn forward(&self, input: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        normalized(input, self.scaling(), self.running(), normalization)
    }

    /// Moves the running statistics towards a batch's.
    pub fn absorb(&mut self, seen: Moments) {
        self.running_mean = blended(self.running_mean.clone(), seen.mean);
        self.running_var = blended(self.running_var.clone(), seen.variance);
    }
}

/// `[batch, channel, y, x]` normalised, of the same shape.
pub(super) fn normalized(
    input: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    normalization: &mut Normalization,
) -> Tensor<4> {
    match normalization {
        Normalization::Running => batch_norm(input, weight, bias, mean, variance, EPSILON),
        Normalization::Batch(moments) => {
            let [batch, _, height, width] = input.dims();
            let normalized = batch_norm_train(input, weight, bias, EPSILON);
            let (mean, variance) = (normalized.mean.detach(), normalized.variance.detach());
            moments.push(Moments::of_batch(mean, variance, batch * height * width));
            normalized.output
        }
    }
}

/// A running statistic, moved towards a batch's.
pub(super) fn blended(running: Param<Tensor<1>>, seen: Tensor<1>) -> Param<Tensor<1>> {
    running.map(|old| {
        let blended = old.detach().mul_scalar(1.0 - MOMENTUM) + seen.mul_scalar(MOMENTUM);
        blended.set_require_grad(false)
    })
}

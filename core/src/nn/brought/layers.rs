//! The forward pass of layers that a plugin described.

use burn::{
    module::Param,
    nn::pool::MaxPool2dConfig,
    tensor::{Tensor, activation::relu},
};

use crate::{
    component::{Operation, ParameterInfo, Resolved},
    config::Precision,
    nn::{
        batch_norm::{Normalization, normalized},
        convolution::{LayerWeights, convolve, upsample},
        unet::pad_to,
    },
};

/// Logits of images.
pub(super) fn forward(
    resolved: &Resolved,
    parameters: &[Param<Tensor<1>>],
    images: Tensor<4>,
    (normalization, precision): (&mut Normalization, Precision),
) -> Tensor<4> {
    let mut values = vec![images];
    for step in &resolved.steps {
        let own = Own {
            infos: &resolved.description.parameters[step.parameter..],
            parameters: &parameters[step.parameter..],
            precision,
        };
        let taken: Vec<Tensor<4>> = step.from.iter().map(|&place| values[place].clone()).collect();
        values.push(own.value(&step.operation, taken, normalization));
    }
    values.swap_remove(resolved.steps.len())
}

/// A layer's parameters, which those of later layers follow.
struct Own<'a> {
    infos: &'a [ParameterInfo],
    parameters: &'a [Param<Tensor<1>>],
    precision: Precision,
}

impl Own<'_> {
    fn value(&self, operation: &Operation, taken: Vec<Tensor<4>>, normalization: &mut Normalization) -> Tensor<4> {
        let first = taken[0].clone();
        match operation {
            Operation::Convolution { .. } => convolve(first, self.weights(), self.precision),
            Operation::Upsample { .. } => pad_to(upsample(first, self.weights(), self.precision), &taken[1]),
            Operation::BatchNormalization => {
                let [scale, shift, mean, variance] = std::array::from_fn(|place| self.parameters[place].val());
                normalized(first, [scale, shift], [mean, variance], normalization)
            }
            Operation::Relu => relu(first),
            Operation::MaxPool => MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(first),
            Operation::Concatenation => Tensor::cat(taken, 1),
            Operation::Sum => taken.into_iter().skip(1).fold(first, |sum, value| sum + value),
        }
    }

    fn weights(&self) -> LayerWeights {
        let shape: [usize; 4] = std::array::from_fn(|axis| self.infos[0].shape[axis]);
        LayerWeights { weight: self.parameters[0].val().reshape(shape), bias: Some(self.parameters[1].val()) }
    }
}

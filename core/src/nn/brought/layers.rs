//! The forward pass of layers that a plugin described.

use burn::{
    module::Param,
    nn::pool::MaxPool2dConfig,
    tensor::{
        FloatDType, Tensor,
        activation::relu,
        module::{conv_transpose2d, conv2d},
        ops::{ConvOptions, ConvTransposeOptions},
    },
};

use crate::{
    component::{Operation, ParameterInfo, Resolved},
    config::Precision,
    nn::{
        batch_norm::{Normalization, normalized},
        unet::{low, pad_to},
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
            Operation::Convolution { kernel, .. } => {
                let border = (kernel - 1) / 2;
                let options = ConvOptions::new([1, 1], [border, border], [1, 1], 1);
                self.convolved(first, |x, weight, bias| conv2d(x, weight, Some(bias), options))
            }
            Operation::Upsample { .. } => {
                let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
                let larger = self.convolved(first, |x, weight, bias| conv_transpose2d(x, weight, Some(bias), options));
                pad_to(larger, &taken[1])
            }
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

    fn convolved(
        &self,
        x: Tensor<4>,
        convolve: impl FnOnce(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
    ) -> Tensor<4> {
        let shape: [usize; 4] = std::array::from_fn(|axis| self.infos[0].shape[axis]);
        let (weight, bias) = (self.parameters[0].val().reshape(shape), self.parameters[1].val());
        match self.precision {
            Precision::Float32 => convolve(x, weight, bias),
            Precision::Bfloat16 => convolve(low(x), low(weight), low(bias)).cast(FloatDType::F32),
        }
    }
}

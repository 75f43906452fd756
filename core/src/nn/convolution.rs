//! Convolutions layer by layer, by burn's own operations.

use burn::tensor::{
    FloatDType, Tensor,
    module::{conv_transpose2d, conv2d},
    ops::{ConvOptions, ConvTransposeOptions},
};

use crate::config::Precision;

/// Weights and bias of a layer.
pub(super) struct LayerWeights {
    /// `[output, input, y, x]`; `[input, output, y, x]` of a transposed convolution.
    pub weight: Tensor<4>,
    /// `[output]`
    pub bias: Option<Tensor<1>>,
}

/// A convolution with zeros around `x`, `[batch, input, y, x]`, so that its size stays; weights have odd sides.
pub(super) fn convolve(x: Tensor<4>, weights: LayerWeights, precision: Precision) -> Tensor<4> {
    let [_, _, height, width] = weights.weight.dims();
    let options = ConvOptions::new([1, 1], [height / 2, width / 2], [1, 1], 1);
    in_precision(x, weights, precision, |x, LayerWeights { weight, bias }| conv2d(x, weight, bias, options))
}

/// A transposed convolution with weights of 2x2 in steps of 2: twice the size.
pub(super) fn upsample(x: Tensor<4>, weights: LayerWeights, precision: Precision) -> Tensor<4> {
    let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
    in_precision(x, weights, precision, |x, LayerWeights { weight, bias }| conv_transpose2d(x, weight, bias, options))
}

/// `layer` of float32 planes, computed in `precision`, as float32 planes.
fn in_precision(
    x: Tensor<4>,
    weights: LayerWeights,
    precision: Precision,
    layer: impl FnOnce(Tensor<4>, LayerWeights) -> Tensor<4>,
) -> Tensor<4> {
    match precision {
        Precision::Float32 => layer(x, weights),
        Precision::Bfloat16 => {
            let LayerWeights { weight, bias } = weights;
            layer(low(x), LayerWeights { weight: low(weight), bias: bias.map(low) }).cast(FloatDType::F32)
        }
    }
}

fn low<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.cast(FloatDType::BF16)
}

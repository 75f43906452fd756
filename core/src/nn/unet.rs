//! The U-Net of vital (Ronneberger et al. 2015 with batch normalisation), as RL4Seg trains it.
//!
//! Six levels of width/2, width, 2, 4, 8 and 16 times width channels: two 3x3 convolutions with
//! batch normalisation and ReLU at each, 2x2 max-pooling on the way down, 2x2 transposed
//! convolutions on the way up, skip connections by concatenation, a 1x1 convolution at the end.
//! Any image of at least [`MIN_SIDE`] voxels a side passes: where a level's side is odd, the way
//! up is padded with zeros to the size of the skip connection.

use burn::{
    module::{Module, Param},
    nn::{
        Initializer, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig},
        pool::{MaxPool2d, MaxPool2dConfig},
    },
    tensor::{Device, Tensor, activation::relu, ops::PadMode},
};

use super::{
    batch_norm::{BatchNorm, Moments, Normalization},
    convolution::{LayerWeights, convolve, upsample},
    kernels::{self, Architecture, Parameter},
};
use crate::{
    component::{InferenceMemory, TrainingMemory},
    config::Precision,
};

/// Bytes of the matrices that threads multiply at a time, about; each thread's stay in its cache.
const OF_THREADS: u64 = 4 << 20;

/// Five halvings leave one voxel of 32.
pub const MIN_SIDE: usize = 32;

/// The network: `[batch, input channel, y, x]` to logits `[batch, output channel, y, x]`.
#[derive(Module, Debug)]
pub struct Unet {
    first: DoubleConv,
    down: Vec<Down>,
    up: Vec<Up>,
    last: Conv2d,
    /// Of the convolutions, where they are burn's own.
    #[module(skip)]
    precision: Precision,
}

impl Unet {
    /// A network whose convolution weights are all zero; see
    /// [`initialize`](super::xavier).
    #[must_use]
    pub fn zeroed(width: usize, input_channels: usize, output_channels: usize, device: &Device) -> Self {
        let level = |level: usize| (width << level) / 2;
        Self {
            first: DoubleConv::new(input_channels, level(0), device),
            down: (0..5).map(|i| Down::new(level(i), level(i + 1), device)).collect(),
            up: (0..5).rev().map(|i| Up::new(level(i + 1), level(i), device)).collect(),
            last: Conv2dConfig::new([level(0), output_channels], [1, 1])
                .with_initializer(Initializer::Zeros)
                .init(device),
            precision: Precision::Float32,
        }
    }

    /// The same network with convolutions in `precision`; weights stay float32.
    #[must_use]
    pub fn computing_in(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Logits `[batch, output channel, y, x]` of images `[batch, input channel, y, x]`.
    ///
    /// On the CPU all of it is one operation of our own kernels, elsewhere burn's own.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        let in_one = match self.precision {
            Precision::Float32 => self.forward_in_one(&images, normalization),
            Precision::Bfloat16 => None,
        };
        in_one.unwrap_or_else(|| self.forward_by_layers(images, normalization))
    }

    /// The pass as one operation; nothing where there is none for it.
    fn forward_in_one(&self, images: &Tensor<4>, normalization: &mut Normalization) -> Option<Tensor<4>> {
        let architecture = self.architecture();
        let parameters = self.parameters()?;
        if !images.device().is_autodiff() {
            let running = self.norms().flat_map(BatchNorm::running);
            let running = running.map(Parameter::of).collect::<Option<Vec<_>>>()?;
            return kernels::run_frozen(&architecture, parameters, running, images.clone(), normalization);
        }
        match normalization {
            Normalization::Batch(moments) if !images.is_require_grad() => {
                kernels::run_tracked(&architecture, parameters, images.clone(), moments)
            }
            _ => None,
        }
    }

    /// What a pass on the CPU takes for `[plane, y, x]`.
    pub(super) fn inference_memory(&self, shape: [usize; 3]) -> InferenceMemory {
        let architecture = self.architecture();
        let weights = (self.num_params() * size_of::<f32>()) as u64;
        let unshared = architecture.patch_bytes(shape);
        // Transformed weights have 16 numbers where a filter has 9 (F(2x2, 3x3): Lavin and Gray 2016).
        let pass = unshared + architecture.plane_bytes(shape) + weights * 16 / 9 + OF_THREADS;
        InferenceMemory { weights, pass, unshared }
    }

    /// What training takes for `[plane, y, x]` on the CPU: weights with both moments, and a pass with its gradient.
    pub(super) fn training_memory(&self, shape: [usize; 3]) -> TrainingMemory {
        let weights = (self.num_params() * size_of::<f32>()) as u64;
        // A step holds the gradients, the weights before and after it, and a layer's transformed ones (F(4x4, 3x3): 36 for 9; the
        // largest layer has a quarter of all).
        let step = self.architecture().training_bytes(shape) + 3 * weights + OF_THREADS;
        TrainingMemory { held: 3 * weights, step }
    }

    fn architecture(&self) -> Architecture {
        let [width, input, ..] = self.first.conv1.weight.dims();
        let [output, ..] = self.last.weight.dims();
        Architecture { width: 2 * width, input, output }
    }

    /// All parameters in the order of [`Architecture`]; nothing if they are not on the CPU.
    fn parameters(&self) -> Option<Vec<Parameter>> {
        let mut found: Vec<Option<Parameter>> = Vec::new();
        for convs in self.convs() {
            for (conv, norm) in [(&convs.conv1, &convs.norm1), (&convs.conv2, &convs.norm2)] {
                found.push(Parameter::of(conv.weight.val()));
                found.push(conv.bias.as_ref().and_then(|bias| Parameter::of(bias.val())));
                found.extend(norm.scaling().map(Parameter::of));
            }
        }
        let ups = self.up.iter().map(|up| (up.upsample.weight.val(), &up.upsample.bias));
        for (weight, bias) in ups.chain([(self.last.weight.val(), &self.last.bias)]) {
            found.push(Parameter::of(weight));
            found.push(bias.as_ref().and_then(|bias| Parameter::of(bias.val())));
        }
        found.into_iter().collect()
    }

    /// The pass layer by layer, on any device.
    pub(super) fn forward_by_layers(&self, images: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        let precision = self.precision;
        let mut x = self.first.forward(images, (normalization, precision));
        let mut skips = Vec::with_capacity(self.down.len());
        for down in &self.down {
            skips.push(x.clone());
            x = down.forward(x, (normalization, precision));
        }
        for (up, skip) in self.up.iter().zip(skips.into_iter().rev()) {
            x = up.forward(x, skip, (normalization, precision));
        }
        convolve(x, weights(&self.last.weight, self.last.bias.as_ref()), precision)
    }

    /// Moves all running statistics towards what a forward pass saw.
    pub fn absorb(&mut self, moments: Vec<Moments>) {
        for (norm, seen) in self.norms_mut().zip(moments) {
            norm.absorb(seen);
        }
    }

    /// All pairs of convolutions, in the order of the forward pass.
    fn convs(&self) -> impl Iterator<Item = &DoubleConv> {
        let down = self.down.iter().map(|down| &down.convs);
        std::iter::once(&self.first).chain(down).chain(self.up.iter().map(|up| &up.convs))
    }

    /// All normalisation layers, in the order of the forward pass.
    pub(super) fn norms(&self) -> impl Iterator<Item = &BatchNorm> {
        self.convs().flat_map(DoubleConv::norms)
    }

    /// The same, to be changed.
    fn norms_mut(&mut self) -> impl Iterator<Item = &mut BatchNorm> {
        let down = self.down.iter_mut().map(|down| &mut down.convs);
        let up = self.up.iter_mut().map(|up| &mut up.convs);
        std::iter::once(&mut self.first).chain(down).chain(up).flat_map(|convs| [&mut convs.norm1, &mut convs.norm2])
    }
}

/// Convolution, normalisation, ReLU, twice.
#[derive(Module, Debug)]
struct DoubleConv {
    conv1: Conv2d,
    norm1: BatchNorm,
    conv2: Conv2d,
    norm2: BatchNorm,
}

impl DoubleConv {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        let conv = |input| {
            Conv2dConfig::new([input, output], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_initializer(Initializer::Zeros)
                .init(device)
        };
        Self {
            conv1: conv(input),
            norm1: BatchNorm::new(output, device),
            conv2: conv(output),
            norm2: BatchNorm::new(output, device),
        }
    }

    fn norms(&self) -> [&BatchNorm; 2] {
        [&self.norm1, &self.norm2]
    }

    fn forward(&self, x: Tensor<4>, (normalization, precision): How<'_>) -> Tensor<4> {
        [(&self.conv1, &self.norm1), (&self.conv2, &self.norm2)].into_iter().fold(x, |x, (conv, norm)| {
            let x = convolve(x, weights(&conv.weight, conv.bias.as_ref()), precision);
            relu(norm.forward(x, normalization))
        })
    }
}

/// Half the size, then [`DoubleConv`].
#[derive(Module, Debug)]
struct Down {
    pool: MaxPool2d,
    convs: DoubleConv,
}

impl Down {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        Self {
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            convs: DoubleConv::new(input, output, device),
        }
    }

    fn forward(&self, x: Tensor<4>, how: How<'_>) -> Tensor<4> {
        self.convs.forward(self.pool.forward(x), how)
    }
}

/// Twice the size and half the channels, beside the skip connection, then [`DoubleConv`].
#[derive(Module, Debug)]
struct Up {
    upsample: ConvTranspose2d,
    convs: DoubleConv,
}

impl Up {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        Self {
            upsample: ConvTranspose2dConfig::new([input, output], [2, 2])
                .with_stride([2, 2])
                .with_initializer(Initializer::Zeros)
                .init(device),
            convs: DoubleConv::new(input, output, device),
        }
    }

    fn forward(&self, x: Tensor<4>, skip: Tensor<4>, how: How<'_>) -> Tensor<4> {
        let larger = upsample(x, weights(&self.upsample.weight, self.upsample.bias.as_ref()), how.1);
        let x = pad_to(larger, &skip);
        self.convs.forward(Tensor::cat(vec![skip, x], 1), how)
    }
}

/// What a layer normalises with, and what it convolves in.
type How<'a> = (&'a mut Normalization, Precision);

fn weights(weight: &Param<Tensor<4>>, bias: Option<&Param<Tensor<1>>>) -> LayerWeights {
    LayerWeights { weight: weight.val(), bias: bias.map(Param::val) }
}

/// Zeros around `x` up to the size of `skip`; of an odd number the smaller half goes first.
pub(super) fn pad_to(x: Tensor<4>, skip: &Tensor<4>) -> Tensor<4> {
    let ([_, _, height, width], [_, _, full_height, full_width]) = (x.dims(), skip.dims());
    let (rows, columns) = (full_height - height, full_width - width);
    if rows == 0 && columns == 0 {
        return x;
    }
    let halves = |missing: usize| (missing / 2, missing - missing / 2);
    x.pad([halves(rows), halves(columns)], PadMode::Constant(0.0))
}

#[cfg(test)]
mod tests {
    use burn::{
        module::{ModuleVisitor, ParamId},
        optim::GradientsParams,
    };
    use rand::RngExt;

    use super::*;
    use crate::{domain::Seed, nn::initialize::xavier, random};

    fn network(width: usize, channels: [usize; 2], device: &Device) -> Unet {
        xavier(Unet::zeroed(width, channels[0], channels[1], device), Seed(3))
    }

    fn noise(shape: [usize; 4], device: &Device) -> Tensor<4> {
        let mut generator = random::generator(Seed(4));
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| generator.random_range(-1.0..1.0)).collect();
        Tensor::from_data(burn::tensor::TensorData::new(values, shape), device)
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    /// Largest difference as a share of the largest value.
    fn difference(found: &[f32], expected: &[f32]) -> f32 {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1e-6_f32, |largest, value| largest.max(value.abs()));
        found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs())) / largest
    }

    struct Collect<'a> {
        gradients: &'a GradientsParams,
        found: Vec<(ParamId, Vec<f32>)>,
    }

    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                self.found.push((param.id, values(gradient)));
            }
        }
    }

    /// All gradients of a loss that weighs each logit, and the logits.
    fn gradients(network: &Unet, logits: Tensor<4>) -> Vec<(ParamId, Vec<f32>)> {
        let loss = (logits.clone() * noise(logits.dims(), &logits.device())).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), network);
        let mut collect = Collect { gradients: &gradients, found: Vec::new() };
        network.visit(&mut collect);
        collect.found
    }

    #[test]
    fn one_operation_gives_what_the_layers_give() {
        let device = Device::flex();
        for (width, channels, shape) in
            [(2, [1, 3], [2, 1, 32, 32]), (8, [2, 1], [1, 2, 44, 57]), (16, [1, 4], [3, 1, 33, 40])]
        {
            let network = network(width, channels, &device);
            let images = noise(shape, &device);
            for kind in [|| Normalization::Running, Normalization::batch] {
                let (mut one, mut layers) = (kind(), kind());
                let found = values(network.forward(images.clone(), &mut one));
                let expected = values(network.forward_by_layers(images.clone(), &mut layers));
                assert!(difference(&found, &expected) < 1e-4, "{width} {shape:?}");
                let pairs = one.into_moments().into_iter().zip(layers.into_moments());
                for (found, expected) in pairs {
                    assert!(difference(&values(found.mean), &values(expected.mean)) < 1e-4);
                    assert!(difference(&values(found.variance), &values(expected.variance)) < 1e-4);
                }
            }
        }
    }

    #[test]
    fn bfloat16_is_close_and_has_gradients() {
        let device = Device::flex().autodiff();
        let exact = network(8, [1, 3], &device);
        let low = exact.clone().computing_in(Precision::Bfloat16);
        let images = noise([4, 1, 64, 96], &device);
        let [found, expected] = [&low, &exact].map(|network| {
            let logits = network.forward_by_layers(images.clone(), &mut Normalization::batch());
            (values(logits.clone()), gradients(network, logits))
        });
        // 8 bits are lost a little more at each of 22 layers.
        let most = difference(&found.0, &expected.0);
        assert!(most > 1e-5 && most < 0.1, "{most}");
        let all =
            |gradients: &[(ParamId, Vec<f32>)]| gradients.iter().flat_map(|(_, of)| of.clone()).collect::<Vec<_>>();
        let (found, expected) = (all(&found.1), all(&expected.1));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let cosine = dot(&found, &expected) / (dot(&found, &found) * dot(&expected, &expected)).sqrt();
        // Rounding moves values across the corner of a ReLU; 0.91 was measured.
        assert!(cosine > 0.85, "{cosine}");
    }

    #[test]
    fn one_operation_has_the_gradients_of_the_layers() {
        let device = Device::flex().autodiff();
        let network = network(8, [1, 3], &device);
        let images = noise([2, 1, 44, 48], &device);
        let found = gradients(&network, network.forward(images.clone(), &mut Normalization::batch()));
        let expected = gradients(&network, network.forward_by_layers(images, &mut Normalization::batch()));
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().flat_map(|(_, values)| values).fold(0.0_f32, |most, value| most.max(value.abs()));
        for ((id, found), (expected_id, expected)) in found.iter().zip(&expected) {
            assert_eq!(id, expected_id);
            let most = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            // Rounding moves some values across the corner of a ReLU.
            assert!(most < 3e-3 * scale, "{most} of {scale}");
        }
    }
}

//! The U-Net of vital (Ronneberger et al. 2015 with batch normalisation), as RL4Seg trains it.
//!
//! Six levels of width/2, width, 2, 4, 8 and 16 times width channels: two 3x3 convolutions with
//! batch normalisation and ReLU at each, 2x2 max-pooling on the way down, 2x2 transposed
//! convolutions on the way up, skip connections by concatenation, a 1x1 convolution at the end.
//! Any image of at least [`MIN_SIDE`] voxels a side passes: where a level's side is odd, the way
//! up is padded with zeros to the size of the skip connection.

use burn::{
    module::Module,
    nn::{
        Initializer, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig},
        pool::{MaxPool2d, MaxPool2dConfig},
    },
    tensor::{Device, Tensor, activation::relu, ops::PadMode},
};

use super::{
    batch_norm::{BatchNorm, Moments, Normalization},
    kernels::{self, Architecture, Parameter},
};

/// Five halvings leave one voxel of 32.
pub const MIN_SIDE: usize = 32;

/// The network: `[batch, input channel, y, x]` to logits `[batch, output channel, y, x]`.
#[derive(Module, Debug)]
pub struct Unet {
    first: DoubleConv,
    down: Vec<Down>,
    up: Vec<Up>,
    last: Conv2d,
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
        }
    }

    /// Logits `[batch, output channel, y, x]` of images `[batch, input channel, y, x]`.
    ///
    /// On the CPU all of it is one operation (see [`kernels`]), elsewhere burn's own.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        match self.forward_in_one(&images, normalization) {
            Some(logits) => logits,
            None => self.forward_by_layers(images, normalization),
        }
    }

    /// The pass as one operation; nothing where there is none for it.
    fn forward_in_one(&self, images: &Tensor<4>, normalization: &mut Normalization) -> Option<Tensor<4>> {
        let architecture = self.architecture();
        let parameters = self.parameters()?;
        if !images.device().is_autodiff() {
            let running = self.convs().flat_map(DoubleConv::norms).flat_map(BatchNorm::running);
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
        let mut x = self.first.forward(images, normalization);
        let mut skips = Vec::with_capacity(self.down.len());
        for down in &self.down {
            skips.push(x.clone());
            x = down.forward(x, normalization);
        }
        for (up, skip) in self.up.iter().zip(skips.into_iter().rev()) {
            x = up.forward(x, skip, normalization);
        }
        self.last.forward(x)
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

    fn forward(&self, x: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        let x = relu(self.norm1.forward(self.conv1.forward(x), normalization));
        relu(self.norm2.forward(self.conv2.forward(x), normalization))
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

    fn forward(&self, x: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        self.convs.forward(self.pool.forward(x), normalization)
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

    fn forward(&self, x: Tensor<4>, skip: Tensor<4>, normalization: &mut Normalization) -> Tensor<4> {
        let x = pad_to(self.upsample.forward(x), &skip);
        self.convs.forward(Tensor::cat(vec![skip, x], 1), normalization)
    }
}

/// Zeros around `x` up to the size of `skip`; of an odd number the smaller half goes first.
fn pad_to(x: Tensor<4>, skip: &Tensor<4>) -> Tensor<4> {
    let ([_, _, height, width], [_, _, full_height, full_width]) = (x.dims(), skip.dims());
    let (rows, columns) = (full_height - height, full_width - width);
    if rows == 0 && columns == 0 {
        return x;
    }
    let halves = |missing: usize| (missing / 2, missing - missing / 2);
    x.pad([halves(rows), halves(columns)], PadMode::Constant(0.0))
}

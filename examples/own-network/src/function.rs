use rl4seg_sdk::prelude::*;

use crate::Config;

/// Voxels of a 3 x 3 neighbourhood.
const TAPS: usize = 9;

/// The network as a function: a 3 x 3 convolution, ReLU, a 1 x 1 convolution.
pub struct TwoConvolutions {
    hidden: usize,
}

impl Component for TwoConvolutions {
    const ID: &'static str = "function";
    const DOC: &'static str = "Two convolutions, computed by the plugin";
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { hidden: config.checked()? })
    }
}

impl DifferentiableNetwork for TwoConvolutions {
    fn describe(&self, Channels { input, output }: Channels) -> Result<NetworkDescription> {
        let parameter =
            |name: &str, role, shape: &[usize]| ParameterInfo { name: name.into(), role, shape: shape.into() };
        let parameters = vec![
            parameter("first.weight", ParameterRole::Kernel, &[self.hidden, input, 3, 3]),
            parameter("first.bias", ParameterRole::Bias, &[self.hidden]),
            parameter("last.weight", ParameterRole::Kernel, &[output, self.hidden, 1, 1]),
            parameter("last.bias", ParameterRole::Bias, &[output]),
        ];
        Ok(NetworkDescription { parameters, least_side: 1 })
    }

    fn forward(&self, input: &NetworkInput<'_>) -> Result<NetworkOutput> {
        let [_, _, weight, bias] = *input.parameters else { return other_parameters(input) };
        let mut logits = Vec::with_capacity(input.shape[0] * input.channels.output * input.voxels());
        for plane in 0..input.shape[0] {
            let hidden = self.hidden(input, plane);
            for (weights, bias) in weight.chunks_exact(self.hidden).zip(bias) {
                let start = logits.len();
                logits.resize(start + input.voxels(), *bias);
                for (weight, channel) in weights.iter().zip(hidden.chunks_exact(input.voxels())) {
                    logits[start..]
                        .iter_mut()
                        .zip(channel)
                        .for_each(|(logit, value)| *logit += weight * value.max(0.0));
                }
            }
        }
        Ok(NetworkOutput { logits, seen: Vec::new() })
    }

    fn backward(&self, input: &NetworkInput<'_>, slope: &[f32]) -> Result<Vec<Vec<f32>>> {
        let [first_weight, first_bias, weight, bias] = *input.parameters else { return other_parameters(input) };
        let mut gradients: Vec<Vec<f32>> =
            [first_weight, first_bias, weight, bias].iter().map(|values| vec![0.0; values.len()]).collect();
        let of_plane = input.channels.output * input.voxels();
        for (plane, slope) in slope.chunks_exact(of_plane).enumerate() {
            let hidden = self.hidden(input, plane);
            let mut of_hidden = vec![0.0; hidden.len()];
            for (output, slope) in slope.chunks_exact(input.voxels()).enumerate() {
                gradients[3][output] += slope.iter().sum::<f32>();
                for channel in 0..self.hidden {
                    let (place, part) = (output * self.hidden + channel, channel * input.voxels()..);
                    let values = &hidden[part.clone()][..input.voxels()];
                    gradients[2][place] +=
                        values.iter().zip(slope).map(|(value, slope)| value.max(0.0) * slope).sum::<f32>();
                    for ((along, value), slope) in of_hidden[part].iter_mut().zip(values).zip(slope) {
                        *along += if *value > 0.0 { weight[place] * slope } else { 0.0 };
                    }
                }
            }
            for (channel, along) in of_hidden.chunks_exact(input.voxels()).enumerate() {
                gradients[1][channel] += along.iter().sum::<f32>();
                let kernel = &mut gradients[0][channel * input.channels.input * TAPS..];
                taps(input, plane, |tap, value, voxel| kernel[tap] += value * along[voxel]);
            }
        }
        Ok(gradients)
    }
}

impl TwoConvolutions {
    /// The first convolution of a plane, before ReLU: `[hidden, y, x]`.
    fn hidden(&self, input: &NetworkInput<'_>, plane: usize) -> Vec<f32> {
        let kernels = input.parameters[0].chunks_exact(input.channels.input * TAPS);
        let mut hidden = Vec::with_capacity(self.hidden * input.voxels());
        for (kernel, bias) in kernels.zip(input.parameters[1]) {
            let start = hidden.len();
            hidden.resize(start + input.voxels(), *bias);
            taps(input, plane, |tap, value, voxel| hidden[start + voxel] += kernel[tap] * value);
        }
        hidden
    }
}

/// Every product of a 3 x 3 convolution of a plane: `see(place in the kernel [channel, y, x], the image's value, voxel of
/// the result)`. Outside of the image there are zeros.
fn taps(input: &NetworkInput<'_>, plane: usize, mut see: impl FnMut(usize, f32, usize)) {
    let ([_, height, width], channels) = (input.shape, input.channels.input);
    for channel in 0..channels {
        let image = &input.images[(plane * channels + channel) * input.voxels()..][..input.voxels()];
        for tap in 0..TAPS {
            let (down, right) = (tap / 3, tap % 3);
            for y in 1_usize.saturating_sub(down)..height.min(height + 1 - down) {
                for x in 1_usize.saturating_sub(right)..width.min(width + 1 - right) {
                    let value = image[(y + down - 1) * width + x + right - 1];
                    see(channel * TAPS + tap, value, y * width + x);
                }
            }
        }
    }
}

fn other_parameters<T>(input: &NetworkInput<'_>) -> Result<T> {
    let message = format!("{} parameters were given; expected the 4 that it describes", input.parameters.len());
    Err(ComponentError::new(ErrorKind::Inconsistent, message))
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::conformance;

    use super::*;
    use crate::Layers;

    #[test]
    fn both_keep_what_networks_promise() {
        let function = TwoConvolutions::new(Config { hidden: 3 }).unwrap();
        assert_eq!(conformance::check_differentiable_network(&function).unwrap().answered, 4);
        let layers = Layers::new(Config { hidden: 3 }).unwrap();
        assert_eq!(conformance::check_network_architecture(&layers).unwrap().answered, 4);
        conformance::check_configuration::<TwoConvolutions>(r#"{"hidden": 3}"#).unwrap();
        conformance::check_configuration::<Layers>(r#"{"hidden": 3}"#).unwrap();
    }
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channels, NetworkDescription, ParameterInfo, ParameterRole, broken};
use crate::component::Result;

/// The version of the vocabulary of [`Operation`]. It grows with every operation that is added.
pub const ARCHITECTURE_VERSION: u32 = 1;

/// What the input is called among the values that layers take.
pub const IMAGE: &str = "image";

/// The layers of a network.
///
/// ```
/// use rl4seg_core::component::{Architecture, Channels, Layer, Operation};
///
/// let channels = Channels { input: 1, output: 3 };
/// let architecture = Architecture::new(vec![
///     Layer::new("first", &["image"], Operation::Convolution { channels: 8, kernel: 3 }),
///     Layer::new("active", &["first"], Operation::Relu),
///     Layer::new("logits", &["active"], Operation::Convolution { channels: channels.output, kernel: 1 }),
/// ]);
/// assert_eq!(architecture.resolve(channels)?.description.parameters.len(), 4);
/// # Ok::<(), rl4seg_core::component::ComponentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// [`ARCHITECTURE_VERSION`] of whoever wrote it.
    pub version: u32,
    /// In the order of the forward pass; the last gives the logits.
    pub layers: Vec<Layer>,
}

impl Architecture {
    /// These layers, in the words of this version.
    #[must_use]
    pub fn new(layers: Vec<Layer>) -> Self {
        Self { version: ARCHITECTURE_VERSION, layers }
    }
}

/// One layer: what it takes, what it does, and what the result is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Of the result, and the first part of its parameters' names.
    pub name: String,
    /// Names of earlier layers, or [`IMAGE`].
    pub from: Vec<String>,
    /// What it does.
    pub operation: Operation,
}

impl Layer {
    /// A layer.
    #[must_use]
    pub fn new(name: impl Into<String>, from: &[&str], operation: Operation) -> Self {
        Self { name: name.into(), from: from.iter().map(|&from| from.to_owned()).collect(), operation }
    }
}

/// What a layer does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// A convolution with bias that keeps the size.
    Convolution {
        /// Of the result.
        channels: usize,
        /// Voxels a side; an odd number.
        kernel: usize,
    },
    /// Batch normalisation with scale and shift (Ioffe and Szegedy 2015).
    BatchNormalization,
    /// The larger of a value and 0.
    Relu,
    /// The largest of each 2 x 2 voxels; half the size, rounded down.
    MaxPool,
    /// A transposed 2 x 2 convolution with bias. Takes two: what it makes twice as large, and a layer of the size that
    /// the result gets, with zeros at the border where that is one larger.
    Upsample {
        /// Of the result.
        channels: usize,
    },
    /// The channels of all that it takes, one after the other.
    Concatenation,
    /// The sum of all that it takes, voxel by voxel (He et al. 2016).
    Sum,
}

/// An [`Architecture`] that was checked for the channels of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// One for each layer.
    pub steps: Vec<Step>,
    /// The parameters of all layers.
    pub description: NetworkDescription,
}

/// A layer with places instead of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it takes: 0 for the image, `i + 1` for the layer `i`.
    pub from: Vec<usize>,
    /// What it does.
    pub operation: Operation,
    /// Its first parameter.
    pub parameter: usize,
}

/// What is known of a layer's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    channels: usize,
    /// How often the image was halved to its size.
    halvings: u32,
}

impl Architecture {
    /// The layers with places instead of names, and their parameters.
    ///
    /// # Errors
    /// If a layer takes what is not there, or does not fit what it takes; if the result has not the channels or the size
    /// of the logits; names the layer.
    pub fn resolve(&self, channels: Channels) -> Result<Resolved> {
        if self.version == 0 || self.version > ARCHITECTURE_VERSION {
            let Self { version, .. } = self;
            return broken(format!(
                "the architecture is of version {version}; this program knows 1 to {ARCHITECTURE_VERSION}: a newer one is needed"
            ));
        }
        let mut places = BTreeMap::from([(IMAGE, 0)]);
        let mut values = vec![Value { channels: channels.input, halvings: 0 }];
        let (mut steps, mut parameters) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            let from = layer.places(&places)?;
            let parameter = parameters.len();
            let taken: Vec<Value> = from.iter().map(|&place| values[place]).collect();
            values.push(layer.value(&taken)?);
            layer.add_parameters(&taken, &mut parameters);
            steps.push(Step { from, operation: layer.operation.clone(), parameter });
            if places.insert(&layer.name, steps.len()).is_some() {
                return broken(format!("two layers are called `{}`; expected a name of its own", layer.name));
            }
        }
        let last = values[values.len() - 1];
        if last != (Value { channels: channels.output, halvings: 0 }) {
            return broken(format!(
                "the last layer gives {} channels, of an image halved {} times; expected the logits: {} channels of the \
                 image's size",
                last.channels, last.halvings, channels.output
            ));
        }
        let least_side = 1 << values.iter().map(|value| value.halvings).max().unwrap_or_default();
        let description = NetworkDescription { parameters, least_side };
        description.check()?;
        Ok(Resolved { steps, description })
    }
}

impl Layer {
    fn broken<T>(&self, what: &str) -> Result<T> {
        broken(format!("layer `{}`: {what}", self.name))
    }

    fn places(&self, places: &BTreeMap<&str, usize>) -> Result<Vec<usize>> {
        let wanted = match self.operation {
            Operation::Concatenation | Operation::Sum => self.from.len().max(1),
            Operation::Upsample { .. } => 2,
            _ => 1,
        };
        if self.from.len() != wanted {
            return self.broken(&format!("it takes {:?}; expected {wanted} of them", self.from));
        }
        let place = |name: &String| match places.get(name.as_str()) {
            Some(&place) => Ok(place),
            None => self.broken(&format!("it takes `{name}`, and no layer before it is called so")),
        };
        self.from.iter().map(place).collect()
    }

    fn value(&self, taken: &[Value]) -> Result<Value> {
        let first = taken[0];
        let same = |what: fn(&Value) -> usize| taken.iter().all(|value| what(value) == what(&first));
        let size = |value: &Value| value.halvings as usize;
        match self.operation {
            Operation::Convolution { channels: 0, .. } | Operation::Upsample { channels: 0 } => {
                self.broken("it gives 0 channels")
            }
            Operation::Convolution { kernel, .. } if kernel % 2 == 0 => {
                self.broken(&format!("its kernel has {kernel} voxels a side; expected an odd number"))
            }
            Operation::Convolution { channels, .. } => Ok(Value { channels, ..first }),
            Operation::BatchNormalization | Operation::Relu => Ok(first),
            Operation::MaxPool if first.halvings >= 16 => self.broken("the image was halved 16 times before"),
            Operation::MaxPool => Ok(Value { halvings: first.halvings + 1, ..first }),
            Operation::Upsample { channels } => {
                let wanted = taken[1].halvings;
                if first.halvings != wanted + 1 {
                    return self.broken("the second that it takes has not twice the size of the first");
                }
                Ok(Value { channels, halvings: wanted })
            }
            Operation::Concatenation | Operation::Sum if !same(size) => self.broken("what it takes is not of one size"),
            Operation::Concatenation => Ok(Value { channels: taken.iter().map(|value| value.channels).sum(), ..first }),
            Operation::Sum if !same(|value| value.channels) => self.broken("what it adds has not as many channels"),
            Operation::Sum => Ok(first),
        }
    }

    fn add_parameters(&self, taken: &[Value], parameters: &mut Vec<ParameterInfo>) {
        let mut add = |name: &str, role: ParameterRole, shape: &[usize]| {
            parameters.push(ParameterInfo { name: format!("{}.{name}", self.name), role, shape: shape.to_vec() });
        };
        let input = taken[0].channels;
        match self.operation {
            Operation::Convolution { channels, kernel } => {
                add("weight", ParameterRole::Kernel, &[channels, input, kernel, kernel]);
                add("bias", ParameterRole::Bias, &[channels]);
            }
            Operation::Upsample { channels } => {
                add("weight", ParameterRole::Kernel, &[input, channels, 2, 2]);
                add("bias", ParameterRole::Bias, &[channels]);
            }
            Operation::BatchNormalization => {
                add("weight", ParameterRole::Scale, &[input]);
                add("bias", ParameterRole::Shift, &[input]);
                add("running_mean", ParameterRole::RunningMean, &[input]);
                add("running_var", ParameterRole::RunningVariance, &[input]);
            }
            Operation::Relu | Operation::MaxPool | Operation::Concatenation | Operation::Sum => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: Channels = Channels { input: 1, output: 2 };
    const CONVOLUTION: Operation = Operation::Convolution { channels: 2, kernel: 3 };

    fn layers(layers: &[(&str, &[&str], Operation)]) -> Architecture {
        Architecture::new(
            layers.iter().map(|(name, from, operation)| Layer::new(*name, from, operation.clone())).collect(),
        )
    }

    #[test]
    fn a_small_unet_resolves() {
        let resolved = layers(&[
            ("a", &[IMAGE], CONVOLUTION),
            ("norm", &["a"], Operation::BatchNormalization),
            ("pooled", &["norm"], Operation::MaxPool),
            ("up", &["pooled", "a"], Operation::Upsample { channels: 3 }),
            ("both", &["norm", "up"], Operation::Concatenation),
            ("logits", &["both"], Operation::Convolution { channels: 2, kernel: 1 }),
        ])
        .resolve(CHANNELS)
        .unwrap();
        assert_eq!(resolved.description.least_side, 2);
        let shapes: Vec<_> =
            resolved.description.parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
        assert_eq!(shapes[0], ("a.weight", [2, 1, 3, 3].as_slice()));
        assert_eq!(shapes[6], ("up.weight", [2, 3, 2, 2].as_slice()));
        assert_eq!(shapes[8], ("logits.weight", [2, 5, 1, 1].as_slice()));
        assert_eq!(resolved.steps[4], Step { from: vec![2, 4], operation: Operation::Concatenation, parameter: 8 });
    }

    #[test]
    fn what_does_not_fit_is_refused_by_the_name_of_its_layer() {
        let pool = || ("pooled", [IMAGE].as_slice(), Operation::MaxPool);
        for (broken, expected) in [
            (layers(&[]), "1 channels, of an image halved 0 times"),
            (layers(&[pool()]), "halved 1 times"),
            (layers(&[("a", &["b"], CONVOLUTION)]), "layer `a`: it takes `b`"),
            (layers(&[("a", &[IMAGE], CONVOLUTION), ("a", &[IMAGE], CONVOLUTION)]), "two layers are called `a`"),
            (layers(&[("a", &[IMAGE], Operation::Convolution { channels: 2, kernel: 2 })]), "an odd number"),
            (layers(&[("a", &[IMAGE], Operation::Convolution { channels: 0, kernel: 3 })]), "0 channels"),
            (layers(&[("a", &[IMAGE, IMAGE], CONVOLUTION)]), "expected 1 of them"),
            (layers(&[("a", &[], Operation::Sum)]), "expected 1 of them"),
            (layers(&[pool(), ("a", &["pooled", IMAGE], Operation::Sum)]), "not of one size"),
            (layers(&[("a", &[IMAGE], CONVOLUTION), ("b", &["a", IMAGE], Operation::Sum)]), "not as many channels"),
            (layers(&[("a", &[IMAGE, IMAGE], Operation::Upsample { channels: 2 })]), "twice the size"),
            (Architecture { version: 2, layers: Vec::new() }, "version 2"),
        ] {
            let message = broken.resolve(CHANNELS).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn it_is_written_as_json_and_read_back() {
        let architecture = layers(&[("a", &[IMAGE], CONVOLUTION), ("b", &["a"], Operation::Relu)]);
        let json = serde_json::to_string(&architecture).unwrap();
        assert!(
            json.contains(r#"{"name":"a","from":["image"],"operation":{"convolution":{"channels":2,"kernel":3}}}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
        assert!(serde_json::from_str::<Architecture>(&json.replace("\"kernel\"", "\"size\"")).is_err());
    }
}

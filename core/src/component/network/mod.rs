//! Networks that a plugin brings: as layers that the host builds, or as a function that the plugin computes.

mod architecture;

use serde::{Deserialize, Serialize};

use super::{ComponentError, ErrorKind, Result};

pub use architecture::{ARCHITECTURE_VERSION, Architecture, IMAGE, Layer, Operation, Resolved, Step};

/// Channels of what goes into a network and of what comes out.
///
/// The loop makes three of each: the actor (image to one channel a label), the critic (image to one channel) and the
/// reward network (image and label map to one channel).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// Of the images.
    pub input: usize,
    /// Of the logits.
    pub output: usize,
}

/// A network as data, which the host builds from its own layers, on any device that it has.
///
/// The first choice: nothing is copied across the boundary, and layers of the host are as fast as they get.
pub trait NetworkArchitecture: Send + Sync {
    /// The layers of a network with these channels. The same channels always give the same layers.
    ///
    /// # Errors
    /// If there is no such network.
    fn architecture(&self, channels: Channels) -> Result<Architecture>;
}

/// A network as a function of parameters and images, with its derivative, that the plugin computes with
/// whatever it likes, in host memory.
///
/// The host owns the parameters: it draws them, trains them (Adam), copies, disturbs and stores them. A component keeps
/// nothing from one call to the next, so every call may come from any thread.
pub trait DifferentiableNetwork: Send + Sync {
    /// What the function needs for these channels. The same channels always give the same answer.
    ///
    /// # Errors
    /// If there is no such network.
    fn describe(&self, channels: Channels) -> Result<NetworkDescription>;

    /// Logits of images.
    ///
    /// # Errors
    /// If the images do not fit the network.
    fn forward(&self, input: &NetworkInput<'_>) -> Result<NetworkOutput>;

    /// The gradient of Σ `slope` · logits to each parameter that learns ([`ParameterRole::learns`]), in the order of
    /// [`DifferentiableNetwork::describe`]; `slope` is of the shape of the logits. What the forward pass of the same
    /// input computed has to be computed again.
    ///
    /// # Errors
    /// As [`DifferentiableNetwork::forward`].
    fn backward(&self, input: &NetworkInput<'_>, slope: &[f32]) -> Result<Vec<Vec<f32>>>;
}

/// What a [`DifferentiableNetwork`] needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDescription {
    /// The parameters, in the order of the forward pass.
    pub parameters: Vec<ParameterInfo>,
    /// Least voxels along y and along x.
    pub least_side: usize,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterInfo {
    /// Its name in files, as `first.weight`.
    pub name: String,
    /// What it is for.
    pub role: ParameterRole,
    /// Entries along each axis; of a kernel `[out, in, ...]`.
    pub shape: Vec<usize>,
}

impl ParameterInfo {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no values, which no parameter of a network may have.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a parameter is for. It says how the host draws it, and what may happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterRole {
    /// Multiplies the values of other channels: drawn from ±√(6 / (fan in + fan out)) (Glorot and Bengio 2010).
    Kernel,
    /// Added behind the kernel before it: drawn from ±1/√(fan in).
    Bias,
    /// Scale of a normalisation; begins with 1.
    Scale,
    /// Shift of a normalisation; begins with 0.
    Shift,
    /// Mean that a normalisation has seen, a tenth of it from the last batch; begins with 0. Its
    /// [`ParameterRole::RunningVariance`] follows it.
    RunningMean,
    /// The same for the unbiased variance; begins with 1.
    RunningVariance,
}

impl ParameterRole {
    /// Whether gradients change it.
    #[must_use]
    pub fn learns(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }
}

/// What a [`DifferentiableNetwork`] is asked.
#[derive(Debug, Clone, Copy)]
pub struct NetworkInput<'a> {
    /// Of the network that is meant.
    pub channels: Channels,
    /// The values of each parameter, in the order of [`DifferentiableNetwork::describe`].
    pub parameters: &'a [&'a [f32]],
    /// `[plane, channel, y, x]`. Slices and frames are planes of their own.
    pub images: &'a [f32],
    /// Planes, and voxels along y and x.
    pub shape: [usize; 3],
    /// What normalisation layers use.
    pub statistics: Statistics,
}

impl NetworkInput<'_> {
    /// Voxels of a plane.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.shape[1] * self.shape[2]
    }
}

/// What normalisation layers use. A network without such layers does the same with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// What they have seen: the answer for one plane does not depend on the others.
    Running,
    /// Mean and variance of these images, which are then told ([`NetworkOutput::seen`]).
    Batch,
}

/// What a [`DifferentiableNetwork`] answers.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkOutput {
    /// `[plane, channel, y, x]`
    pub logits: Vec<f32>,
    /// With [`Statistics::Batch`] the mean or unbiased variance of each running parameter, in their order; empty with
    /// [`Statistics::Running`].
    pub seen: Vec<Vec<f32>>,
}

impl NetworkDescription {
    /// # Errors
    /// If a name comes twice, a parameter has no values, or a running variance does not follow its mean.
    pub fn check(&self) -> Result<()> {
        for (index, parameter) in self.parameters.iter().enumerate() {
            let ParameterInfo { name, role, shape } = parameter;
            if name.is_empty() || self.parameters[..index].iter().any(|other| other.name == *name) {
                return broken(format!("parameter {index} is called `{name}`; expected a name of its own"));
            }
            if parameter.is_empty() {
                return broken(format!("parameter `{name}` has the shape {shape:?}, which holds no value"));
            }
            let before = index.checked_sub(1).map(|before| &self.parameters[before]);
            let after = self.parameters.get(index + 1);
            let (paired, wanted) = match role {
                ParameterRole::RunningMean => (after, ParameterRole::RunningVariance),
                ParameterRole::RunningVariance => (before, ParameterRole::RunningMean),
                _ => continue,
            };
            if paired.is_none_or(|other| other.role != wanted || other.shape != *shape) {
                return broken(format!("`{name}` has no {wanted:?} of its shape beside it; a mean comes first"));
            }
        }
        if self.parameters.is_empty() || self.least_side == 0 {
            return broken("a network needs parameters, and images of at least one voxel a side".to_owned());
        }
        Ok(())
    }
}

impl NetworkOutput {
    /// # Errors
    /// If the logits or what was seen are not as many as `input` and `description` say, or not finite.
    pub fn check(&self, input: &NetworkInput<'_>, description: &NetworkDescription) -> Result<()> {
        let expected = input.shape[0] * input.channels.output * input.voxels();
        check_values("the logits [plane, channel, y, x]", &self.logits, expected)?;
        let running = description.parameters.iter().filter(|parameter| !parameter.role.learns());
        let running: Vec<_> = running.filter(|_| input.statistics == Statistics::Batch).collect();
        check_each("what was seen for", &self.seen, &running)
    }
}

/// # Errors
/// If gradients are not as many as the parameters of `description` that learn, with as many values, all finite.
pub fn check_gradients(gradients: &[Vec<f32>], description: &NetworkDescription) -> Result<()> {
    let learning: Vec<_> = description.parameters.iter().filter(|parameter| parameter.role.learns()).collect();
    check_each("the gradient of", gradients, &learning)
}

fn check_each(what: &str, found: &[Vec<f32>], parameters: &[&ParameterInfo]) -> Result<()> {
    if found.len() != parameters.len() {
        return broken(format!("{what} {} parameters was given; expected {}", found.len(), parameters.len()));
    }
    let mut pairs = found.iter().zip(parameters);
    pairs.try_for_each(|(values, parameter)| {
        check_values(&format!("{what} `{}`", parameter.name), values, parameter.len())
    })
}

fn check_values(what: &str, values: &[f32], expected: usize) -> Result<()> {
    if values.len() != expected {
        return broken(format!("{what}: {} values; expected {expected}", values.len()));
    }
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(ComponentError::new(ErrorKind::NotFinite, format!("{what}: a value is {value}"))),
    }
}

fn broken<T>(message: String) -> Result<T> {
    Err(ComponentError::new(ErrorKind::BrokenPromise, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, role: ParameterRole, shape: &[usize]) -> ParameterInfo {
        ParameterInfo { name: name.to_owned(), role, shape: shape.to_vec() }
    }

    #[test]
    fn a_description_that_cannot_be_is_refused() {
        let (mean, variance) = (ParameterRole::RunningMean, ParameterRole::RunningVariance);
        let weight = parameter("weight", ParameterRole::Kernel, &[2, 1, 3, 3]);
        let check = |parameters: &[ParameterInfo]| {
            NetworkDescription { parameters: parameters.to_vec(), least_side: 1 }.check()
        };
        assert!(check(&[weight.clone(), parameter("m", mean, &[2]), parameter("v", variance, &[2])]).is_ok());
        for (parameters, expected) in [
            (vec![], "needs parameters"),
            (vec![weight.clone(), weight.clone()], "a name of its own"),
            (vec![parameter("", ParameterRole::Bias, &[2])], "a name of its own"),
            (vec![parameter("b", ParameterRole::Bias, &[2, 0])], "holds no value"),
            (vec![parameter("m", mean, &[2])], "RunningVariance"),
            (vec![parameter("m", mean, &[2]), parameter("v", variance, &[3])], "RunningVariance"),
            (vec![parameter("v", variance, &[2]), parameter("m", mean, &[2])], "RunningMean"),
        ] {
            let message = check(&parameters).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}

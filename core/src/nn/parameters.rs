//! A network's tensors by name. The names are those of vital's state dictionaries, so that a
//! checkpoint of either side fits the other.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, TensorData},
};

use super::{brought::Brought, network::Network, unet::Unet};
use crate::component::{ParameterInfo, ParameterRole};

/// What a tensor of the network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights of a convolution.
    Kernel,
    /// Added to each output channel of a convolution.
    Bias,
    /// Scale or shift of a normalisation layer.
    Affine,
    /// What a normalisation layer has seen; no gradient reaches it.
    RunningMean,
    /// The same for the variance.
    RunningVariance,
}

impl Role {
    /// Whether gradients change it.
    pub fn learns(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }
}

impl From<ParameterRole> for Role {
    fn from(role: ParameterRole) -> Self {
        match role {
            ParameterRole::Kernel => Self::Kernel,
            ParameterRole::Bias => Self::Bias,
            ParameterRole::Scale | ParameterRole::Shift => Self::Affine,
            ParameterRole::RunningMean => Self::RunningMean,
            ParameterRole::RunningVariance => Self::RunningVariance,
        }
    }
}

/// One tensor of the network, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// In files.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Entries along each axis.
    pub shape: Vec<usize>,
    /// In C order.
    pub values: Vec<f32>,
}

impl NamedTensor {
    /// Takes name, role and shape from a description.
    fn describe(&mut self, info: &ParameterInfo) {
        self.name.clone_from(&info.name);
        self.role = info.role.into();
        self.shape.clone_from(&info.shape);
    }
}

/// A network whose tensors have names.
pub trait Tensors: Sized {
    /// All tensors in the order of the forward pass.
    fn tensors(&self) -> Vec<NamedTensor>;

    /// The network with every tensor's values put through `edit`, in the order of the forward pass.
    #[must_use]
    fn edited(self, edit: impl FnMut(&mut NamedTensor)) -> Self;
}

impl Tensors for Unet {
    fn tensors(&self) -> Vec<NamedTensor> {
        let mut reader = Reader::default();
        self.visit(&mut reader);
        reader.tensors
    }

    fn edited(self, edit: impl FnMut(&mut NamedTensor)) -> Self {
        self.map(&mut Editor { path: Path::default(), edit })
    }
}

impl Tensors for Brought {
    fn tensors(&self) -> Vec<NamedTensor> {
        let mut reader = Reader::default();
        self.visit(&mut reader);
        reader.tensors.iter_mut().zip(self.infos()).for_each(|(tensor, info)| tensor.describe(info));
        reader.tensors
    }

    fn edited(self, mut edit: impl FnMut(&mut NamedTensor)) -> Self {
        let infos = self.infos().to_vec();
        let mut infos = infos.iter();
        let edit = |tensor: &mut NamedTensor| {
            infos.next().into_iter().for_each(|info| tensor.describe(info));
            edit(tensor);
        };
        self.map(&mut Editor { path: Path::default(), edit })
    }
}

impl Tensors for Network {
    fn tensors(&self) -> Vec<NamedTensor> {
        match self {
            Self::Unet(network) => network.tensors(),
            Self::Brought(network) => network.tensors(),
        }
    }

    fn edited(self, edit: impl FnMut(&mut NamedTensor)) -> Self {
        match self {
            Self::Unet(network) => Self::Unet(network.edited(edit)),
            Self::Brought(network) => Self::Brought(network.edited(edit)),
        }
    }
}

/// Where a traversal stands.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    /// vital's name. Its levels are layers 1 to 12; the parts of a sequence are numbered, pooling,
    /// ReLU and dropout included.
    fn name(&self) -> String {
        let mut parts = self.0.iter().map(String::as_str);
        let (first_layer, convs) = match parts.next() {
            Some("first") => (1, ""),
            Some("down") => (2, "net.1"),
            Some("up") => (7, "conv"),
            _ => (12, ""),
        };
        let mut layer = first_layer;
        let mut name = String::new();
        for part in parts {
            if let Ok(index) = part.parse::<usize>() {
                layer += index;
                continue;
            }
            name.push('.');
            name.push_str(match part {
                "convs" => convs,
                "conv1" => "net.0",
                "norm1" => "net.1",
                "conv2" => "net.4",
                "norm2" => "net.5",
                other => other,
            });
        }
        format!("layer{layer}{name}")
    }

    fn role(&self) -> Role {
        let is_norm = self.0.iter().any(|part| part.starts_with("norm"));
        match self.0.last().map(String::as_str) {
            Some("running_mean") => Role::RunningMean,
            Some("running_var") => Role::RunningVariance,
            _ if is_norm => Role::Affine,
            Some("bias") => Role::Bias,
            _ => Role::Kernel,
        }
    }

    fn tensor<const D: usize>(&self, tensor: &Tensor<D>) -> NamedTensor {
        NamedTensor {
            name: self.name(),
            role: self.role(),
            shape: tensor.dims().to_vec(),
            values: tensor.to_data().iter::<f32>().collect(),
        }
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    tensors: Vec<NamedTensor>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.0.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors.push(self.path.tensor(&param.val()));
    }
}

struct Editor<F> {
    path: Path,
    edit: F,
}

impl<F: FnMut(&mut NamedTensor)> ModuleMapper for Editor<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.0.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut tensor = self.path.tensor(&param.val());
        (self.edit)(&mut tensor);
        let learns = tensor.role.learns();
        param.map(|old| {
            let (device, data) = (old.device(), TensorData::new(tensor.values, old.shape()));
            Tensor::from_data(data, &device).set_require_grad(learns && device.is_autodiff())
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn names_are_those_of_vital() {
        let network = Unet::zeroed(2, 1, 3, &Device::flex());
        let names: Vec<String> = network.tensors().into_iter().map(|tensor| tensor.name).collect();
        assert_eq!(names.len(), 22 * 6 + 5 * 2 + 2);
        for name in ["layer1.net.0.weight", "layer2.net.1.net.5.running_var", "layer7.upsample.bias", "layer12.bias"] {
            assert!(names.iter().any(|found| found == name), "{name} is missing from {names:?}");
        }
    }
}

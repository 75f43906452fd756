//! Weights outside a network: in memory by name, and in files.
//!
//! Our own files are safetensors with vital's tensor names, float32; running statistics are
//! among them, torch's `num_batches_tracked` is not (torch fills it in).

mod file;

use std::{collections::BTreeMap, path::Path};

use burn::tensor::{DType, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::parameters::Tensors;
use crate::component::{ComponentError, ErrorKind, Result};

/// torch's counter of batches, which only a cumulative moving average would need.
const COUNTER: &str = "num_batches_tracked";

/// The weights of a network by tensor name.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// What messages call them: a file's path, for example.
    source: String,
    tensors: BTreeMap<String, Values>,
}

/// One tensor in C order.
#[derive(Debug, Clone, PartialEq)]
struct Values {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Weights {
    /// A copy of a network's weights; messages call them `source`.
    #[must_use]
    pub fn of(network: &impl Tensors, source: &str) -> Self {
        Self::collect(network.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape, tensor.values)), source)
    }

    /// Tensors by name, shape and values in C order; messages call them `source`.
    pub(super) fn collect(tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f32>)>, source: &str) -> Self {
        let named = tensors.into_iter().map(|(name, shape, values)| (name, Values { shape, values }));
        Self { source: source.to_owned(), tensors: named.collect() }
    }

    /// What messages call them.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// How many tensors there are.
    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Reads safetensors, or a torch checkpoint (`.pt`, `.ckpt` of Lightning), told apart by
    /// content. Code in a pickle is not run.
    ///
    /// # Errors
    /// If the file is not there, is neither, is cut short, or holds NaN or infinity.
    pub fn read(path: &Path) -> Result<Self> {
        file::read(path)
    }

    /// Reads safetensors; messages call them `source`.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn from_safetensors(bytes: &[u8], source: &str) -> Result<Self> {
        let unreadable = |cause: &dyn std::fmt::Display| {
            let message = format!("{source} is not a whole safetensors file: {cause}; write or copy it again");
            ComponentError::new(ErrorKind::Unreadable, message)
        };
        let views = SafeTensors::deserialize(bytes).map_err(|cause| unreadable(&cause))?;
        let mut weights = Self { source: source.to_owned(), tensors: BTreeMap::new() };
        for (name, view) in views.tensors() {
            let dtype = match view.dtype() {
                Dtype::F32 => DType::F32,
                Dtype::F64 => DType::F64,
                Dtype::F16 => DType::F16,
                Dtype::BF16 => DType::BF16,
                _ if name.ends_with(COUNTER) => continue,
                other => return Err(unreadable(&format!("`{name}` holds {other:?}, expected floating-point numbers"))),
            };
            weights.insert(name, view.shape(), view.data().to_vec(), dtype)?;
        }
        Ok(weights)
    }

    /// As safetensors; equal weights give equal bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotFinite`] if a weight is NaN or infinite; names the tensor.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        self.tensors.iter().try_for_each(|(name, tensor)| self.require_finite(name, &tensor.values))?;
        let failed = |cause: &dyn std::fmt::Display| {
            ComponentError::new(ErrorKind::Other, format!("{} as safetensors: {cause}", self.source))
        };
        let bytes: Vec<Vec<u8>> = self.tensors.values().map(Values::to_le_bytes).collect();
        let mut views = Vec::with_capacity(bytes.len());
        for ((name, tensor), bytes) in self.tensors.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(|cause| failed(&cause))?;
            views.push((name.as_str(), view));
        }
        safetensors::serialize(views, None).map_err(|cause| failed(&cause))
    }

    /// Shape and values, in C order, of the tensor called `name`.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<(&[usize], &[f32])> {
        self.tensors.get(name).map(|tensor| (tensor.shape.as_slice(), tensor.values.as_slice()))
    }

    /// Only the tensors whose names start with `prefix`, as `actor.net.`, and without it. Without
    /// a prefix, whatever stands before `layer` in every name is taken off.
    ///
    /// # Errors
    /// If no name starts with `prefix`, or there are several prefixes and none was named.
    pub fn part(mut self, prefix: Option<&str>) -> Result<Self> {
        let found = self.prefixes();
        let prefix = match (prefix, found.as_slice()) {
            (Some(prefix), _) => prefix.to_owned(),
            (None, [only]) => only.clone(),
            (None, []) => return Err(self.inconsistent("holds no tensor of a U-Net (named `layer1. ..`)")),
            (None, several) => {
                let message = format!("holds several networks; set pretrain.checkpoint_prefix to one of {several:?}");
                return Err(self.inconsistent(&message));
            }
        };
        if !self.tensors.keys().any(|name| name.starts_with(&prefix)) {
            let message = format!("has no tensor named `{prefix}..`; the networks in it start with {found:?}");
            return Err(self.inconsistent(&message));
        }
        let tensors = std::mem::take(&mut self.tensors).into_iter();
        self.tensors =
            tensors.filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor))).collect();
        Ok(self)
    }

    /// `network` with these weights.
    ///
    /// # Errors
    /// If they belong to another architecture: names the first tensor of the network that is
    /// missing or has another shape, and lists what is missing and what is left over.
    pub fn load_into<N: Tensors>(&self, network: N) -> Result<N> {
        let expected = network.tensors();
        for tensor in &expected {
            if let Some(found) = self.tensors.get(&tensor.name)
                && found.shape != tensor.shape
            {
                let (name, shape) = (&tensor.name, &tensor.shape);
                let message = format!(
                    "`{name}` has shape {:?}, but this network's has {shape:?}; the width, input channels and \
                     classes of the configuration must be those it was trained with",
                    found.shape
                );
                return Err(self.inconsistent(&message));
            }
        }
        let missing = expected.iter().map(|t| t.name.as_str()).filter(|name| !self.tensors.contains_key(*name));
        let missing: Vec<&str> = missing.collect();
        let is_expected = |name: &str| expected.iter().any(|tensor| tensor.name == name);
        let unused: Vec<&str> = self.tensors.keys().map(String::as_str).filter(|name| !is_expected(name)).collect();
        if !missing.is_empty() || !unused.is_empty() {
            let message =
                format!("does not hold this network: missing {}, not part of it {}", listed(&missing), listed(&unused));
            return Err(self.inconsistent(&message));
        }
        Ok(network.edited(|tensor| {
            if let Some(found) = self.tensors.get(&tensor.name) {
                tensor.values.clone_from(&found.values);
            }
        }))
    }

    fn insert(&mut self, name: String, shape: &[usize], bytes: Vec<u8>, dtype: DType) -> Result<()> {
        let data = TensorData::from_bytes_vec(bytes, shape.to_vec(), dtype);
        let values: Vec<f32> = data.iter::<f32>().collect();
        self.require_finite(&name, &values)?;
        self.tensors.insert(name, Values { shape: shape.to_vec(), values });
        Ok(())
    }

    fn require_finite(&self, name: &str, values: &[f32]) -> Result<()> {
        match values.iter().find(|value| !value.is_finite()) {
            None => Ok(()),
            Some(value) => {
                let message = format!("{}: `{name}` holds {value}; a network needs finite weights", self.source);
                Err(ComponentError::new(ErrorKind::NotFinite, message))
            }
        }
    }

    /// What stands before `layer1.` and its like, each once, in order.
    fn prefixes(&self) -> Vec<String> {
        let mut prefixes: Vec<String> = Vec::new();
        for name in self.tensors.keys() {
            let Some(start) = name.find("layer") else { continue };
            let is_part = start == 0 || name[..start].ends_with('.');
            if is_part && prefixes.iter().all(|prefix| *prefix != name[..start]) {
                prefixes.push(name[..start].to_owned());
            }
        }
        prefixes
    }

    fn inconsistent(&self, what: &str) -> ComponentError {
        ComponentError::new(ErrorKind::Inconsistent, format!("{} {what}", self.source))
    }
}

impl Values {
    fn to_le_bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

/// The first few of a list and how many there are.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    match names.len() {
        0 => "nothing".to_owned(),
        len if len <= SHOWN => format!("{names:?}"),
        len => format!("{:?} and {} more", &names[..SHOWN], len - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{
        domain::Seed,
        nn::{initialize::xavier, unet::Unet},
    };

    fn network(width: usize, seed: u64) -> Unet {
        xavier(Unet::zeroed(width, 1, 3, &Device::flex()), Seed(seed))
    }

    #[test]
    fn safetensors_give_the_weights_back() {
        let bytes = Weights::of(&network(2, 1), "a").to_safetensors().unwrap();
        assert_eq!(bytes, Weights::of(&network(2, 1), "b").to_safetensors().unwrap());
        let loaded = Weights::from_safetensors(&bytes, "a").unwrap().load_into(network(2, 2)).unwrap();
        assert_eq!(Weights::of(&loaded, "a"), Weights::of(&network(2, 1), "a"));
    }

    #[test]
    fn another_width_is_refused_by_its_first_tensor() {
        let error = Weights::of(&network(4, 1), "wide.safetensors").load_into(network(2, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Inconsistent);
        let text = error.to_string();
        assert!(text.starts_with("wide.safetensors `layer1.net.0.weight` has shape [2, 1, 3, 3]"), "{text}");
        assert!(text.contains("[1, 1, 3, 3]"), "{text}");
    }

    #[test]
    fn missing_and_unused_tensors_are_listed() {
        let mut weights = Weights::of(&network(2, 1), "a");
        let bias = weights.tensors.remove("layer12.bias").unwrap();
        weights.tensors.insert("layer13.bias".to_owned(), bias);
        let text = weights.load_into(network(2, 1)).unwrap_err().to_string();
        assert!(text.contains(r#"missing ["layer12.bias"], not part of it ["layer13.bias"]"#), "{text}");
    }

    #[test]
    fn nan_is_refused_by_name() {
        let mut weights = Weights::of(&network(2, 1), "a");
        weights.tensors.get_mut("layer12.bias").unwrap().values[1] = f32::NAN;
        let error = weights.to_safetensors().unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("layer12.bias")), (ErrorKind::NotFinite, true));
    }

    #[test]
    fn one_of_several_networks_must_be_named() {
        let mut weights = Weights::of(&network(2, 1), "both.ckpt");
        let tensors = std::mem::take(&mut weights.tensors);
        for (name, tensor) in tensors {
            weights.tensors.insert(format!("actor.net.{name}"), tensor.clone());
            weights.tensors.insert(format!("critic.net.{name}"), tensor);
        }
        assert!(weights.clone().part(None).unwrap_err().to_string().contains("critic.net."));
        assert!(weights.clone().part(Some("module.")).is_err());
        assert!(weights.part(Some("actor.net.")).unwrap().load_into(network(2, 3)).is_ok());
    }
}

//! Safetensors files of recorded inputs and answers, and how close ours must come.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rl4seg_core::nn::{Unet, Weights};
use safetensors::{Dtype, SafeTensors};

use crate::fixtures::Array;

/// The tensors of one file by name, all as float32: labels are small enough for it.
#[derive(Debug, Clone)]
pub struct Tensors {
    file: String,
    tensors: BTreeMap<String, Array<f32>>,
}

impl Tensors {
    /// Reads `path`.
    ///
    /// # Errors
    /// If it is not safetensors, or holds another element type than `F32`, `I64` and `U8`.
    pub fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let bytes = fs::read(path).context(file.clone())?;
        let mut tensors = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).context(file.clone())?.tensors() {
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F32 => data.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect(),
                Dtype::I64 => data.as_chunks().0.iter().map(|&value| i64::from_le_bytes(value) as f32).collect(),
                Dtype::U8 => data.iter().map(|&value| f32::from(value)).collect(),
                other => bail!("{file}: {name} holds {other:?}"),
            };
            tensors.insert(name, Array { shape: view.shape().to_vec(), values });
        }
        Ok(Self { file, tensors })
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Array<f32>> {
        self.tensors.get(name).with_context(|| format!("{}: no tensor {name}", self.file))
    }

    /// The tensors whose names start with `prefix`, under the rest of their names.
    ///
    /// # Errors
    /// If there is none.
    pub fn under<'a>(&'a self, prefix: &str) -> Result<Vec<(&'a str, &'a Array<f32>)>> {
        let found = self.tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
        let found: Vec<_> = found.collect();
        ensure!(!found.is_empty(), "{}: no tensor {prefix}*", self.file);
        Ok(found)
    }

    /// `name` on a device.
    ///
    /// # Errors
    /// If there is no such tensor, or it has not `D` axes.
    pub fn on<const D: usize>(&self, name: &str, device: &Device) -> Result<Tensor<D>> {
        let array = self.get(name)?;
        ensure!(array.shape.len() == D, "{}: {name} has shape {:?}; expected {D} axes", self.file, array.shape);
        Ok(Tensor::from_data(TensorData::new(array.values.clone(), array.shape.clone()), device))
    }
}

/// A tensor's values on the host.
#[must_use]
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Refuses values that lie further than `tolerance` from the recorded ones anywhere.
///
/// # Errors
/// With `what`, the place and both values.
pub fn close(what: &str, found: &[f32], recorded: &[f32], tolerance: f64) -> Result<()> {
    ensure!(found.len() == recorded.len(), "{what}: {} values, recorded {}", found.len(), recorded.len());
    for (index, (&found, &recorded)) in found.iter().zip(recorded).enumerate() {
        let difference = (f64::from(found) - f64::from(recorded)).abs();
        ensure!(difference <= tolerance, "{what}: {found} at {index}, recorded {recorded}");
    }
    Ok(())
}

/// As [`close`], with the tolerance a share of the largest recorded magnitude.
///
/// # Errors
/// As [`close`].
pub fn close_to_scale(what: &str, found: &[f32], recorded: &[f32], share: f64) -> Result<()> {
    let largest = recorded.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    close(what, found, recorded, share * f64::from(largest))
}

/// The gradients of a network's weights, under the weights' names.
#[must_use]
pub fn gradients(network: &Unet, gradients: Gradients) -> Weights {
    let gradients = GradientsParams::from_grads(gradients, network);
    Weights::of(&network.clone().map(&mut InPlaceOfWeights(gradients)), "the gradients")
}

struct InPlaceOfWeights(GradientsParams);

impl ModuleMapper for InPlaceOfWeights {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.remove::<D>(param.id) {
            Some(gradient) => Param::initialized(param.id, gradient),
            None => param,
        }
    }
}

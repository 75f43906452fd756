//! Images and label maps as tensors, checked before a network sees them.
//!
//! The networks are 2-D: slices and frames join the batch on the way in, `[batch · slow, channel,
//! y, x]`, and are put together again on the way out, `[batch, channel, voxel]`.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::{
    component::{ComponentError, ErrorKind, Result},
    domain::{DomainError, ImageBatch, LabelBatch},
};

/// `[batch, slow, y, x]` of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchShape {
    pub batch: usize,
    pub shape: [usize; 3],
}

impl BatchShape {
    pub fn of(images: &ImageBatch) -> Self {
        Self { batch: images.batch, shape: images.shape }
    }

    pub fn voxels(self) -> usize {
        self.shape.iter().product()
    }

    /// Voxels of a plane.
    pub fn plane(self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// `[batch · slow, channel, y, x]` as `[batch, channel, voxel]`.
    pub fn unfold(self, planes: Tensor<4>) -> Tensor<3> {
        let channels = planes.dims()[1];
        let [slow, height, width] = self.shape;
        let volumes: Tensor<4> = planes.reshape([self.batch, slow, channels, height * width]);
        volumes.swap_dims(1, 2).reshape([self.batch, channels, self.voxels()])
    }
}

/// # Errors
/// If images of `channels` channels and shape `[slow, y, x]` are not for a network of `expected` channels, and of at
/// least `least_side` voxels a side.
pub(super) fn require_fit(
    channels: usize,
    [_, height, width]: [usize; 3],
    (expected, least_side): (usize, usize),
) -> Result<()> {
    let message = if channels != expected {
        format!("the image has {channels} channels; this network takes {expected}")
    } else if height.min(width) < least_side {
        format!(
            "the image is {height} x {width} voxels for the network; expected at least {least_side} x {least_side}: set \
             preprocess.size or a smaller preprocess.spacing_mm, or leave it out"
        )
    } else {
        return Ok(());
    };
    Err(ComponentError::new(ErrorKind::Inconsistent, message))
}

/// `[batch · slow, channel, y, x]` of images.
pub(super) fn images_tensor(images: &ImageBatch, device: &Device) -> Result<Tensor<4>> {
    let (channels, [slow, height, width]) = (images.channels, images.shape);
    if images.batch == 0 {
        let message = "there is no image in the batch; expected at least one".to_owned();
        return Err(ComponentError::new(ErrorKind::Inconsistent, message));
    }
    let len = images.batch * channels * images.voxels();
    check_len("an image batch [batch, channel, slow, y, x]", images.values.len(), len)?;
    if let Some(value) = images.values.iter().find(|value| !value.is_finite()) {
        let message = format!("an image holds {value}; expected finite intensities");
        return Err(ComponentError::new(ErrorKind::NotFinite, message));
    }
    let data = TensorData::new(images.values.clone(), [images.batch, channels, slow, height, width]);
    let volumes = Tensor::<5>::from_data(data, device);
    Ok(volumes.swap_dims(1, 2).reshape([images.batch * slow, channels, height, width]))
}

/// `[batch, voxel]` of label maps that belong to images of `shape` and have `classes` labels.
pub(super) fn labels_tensor(
    labels: &LabelBatch,
    shape: BatchShape,
    classes: usize,
    device: &Device,
) -> Result<Tensor<2, Int>> {
    if (labels.batch, labels.shape) != (shape.batch, shape.shape) {
        let message = format!(
            "label maps [batch, slow, y, x] are {} x {:?}, their images {} x {:?}; expected the same",
            labels.batch, labels.shape, shape.batch, shape.shape
        );
        return Err(ComponentError::new(ErrorKind::Inconsistent, message));
    }
    check_len("a label batch [batch, voxel]", labels.labels.len(), shape.batch * shape.voxels())?;
    if let Some(label) = labels.labels.iter().find(|label| usize::from(**label) >= classes) {
        let message = format!("a label map holds {label}; this network has the labels 0 to {}", classes - 1);
        return Err(ComponentError::new(ErrorKind::Inconsistent, message));
    }
    let values: Vec<i32> = labels.labels.iter().map(|label| i32::from(*label)).collect();
    Ok(Tensor::from_data(TensorData::new(values, [shape.batch, shape.voxels()]), device))
}

/// `[batch, voxel]` of a finite map called `what`.
pub(super) fn map_tensor(what: &str, values: &[f32], shape: BatchShape, device: &Device) -> Result<Tensor<2>> {
    check_len(&format!("{what} [batch, voxel]"), values.len(), shape.batch * shape.voxels())?;
    require_finite(what, values)?;
    Ok(Tensor::from_data(TensorData::new(values.to_vec(), [shape.batch, shape.voxels()]), device))
}

/// `[batch, 1]` of one flag an image.
pub(super) fn flags_tensor(flags: &[bool], shape: BatchShape, device: &Device) -> Result<Tensor<2, Bool>> {
    check_len("pseudo-reference flags [batch]", flags.len(), shape.batch)?;
    Ok(Tensor::from_data(TensorData::new(flags.to_vec(), [shape.batch, 1]), device))
}

/// A tensor's values on the host, refused if one is not finite.
pub(super) fn finite_values<const D: usize>(what: &str, tensor: Tensor<D>) -> Result<Vec<f32>> {
    let values = tensor
        .into_data()
        .try_into_vec::<f32>()
        .map_err(|error| ComponentError::new(ErrorKind::Inconsistent, error.to_string()))?;
    require_finite(what, &values)?;
    Ok(values)
}

/// A scalar on the host, refused if it is not finite.
pub(super) fn finite_scalar(what: &str, tensor: &Tensor<1>) -> Result<f64> {
    let value = tensor.clone().into_scalar::<f32>();
    require_finite(what, &[value])?;
    Ok(f64::from(value))
}

pub(super) fn require_finite(what: &str, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => {
            let message = format!("{what} is {value}; lower the learning rate or look for extreme intensities");
            Err(ComponentError::new(ErrorKind::NotFinite, message))
        }
    }
}

fn check_len(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(DomainError::Length { what: what.to_owned(), found, expected }.into())
}

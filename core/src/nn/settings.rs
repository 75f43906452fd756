//! What a network is made for.

use super::network::NetworkKind;
use crate::{
    component::{ComponentError, ErrorKind, Result},
    config::Precision,
};

/// The shape of a policy's networks; the reward network adds a channel for the label map.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// What they are made of.
    pub kind: NetworkKind,
    /// Of the U-Net: channels of the second level (vital's `init_channels`, 32 there); the first has half.
    pub width: usize,
    /// Channels of an image.
    pub input_channels: usize,
    /// Labels, background included.
    pub classes: usize,
    /// What convolutions compute in.
    pub precision: Precision,
}

impl NetworkSettings {
    /// U-Nets that compute in float32.
    #[must_use]
    pub const fn new(width: usize, input_channels: usize, classes: usize) -> Self {
        Self { kind: NetworkKind::Unet, width, input_channels, classes, precision: Precision::Float32 }
    }

    /// The same, with convolutions in `precision`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same, made of something else.
    #[must_use]
    pub fn made_of(self, kind: NetworkKind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        let fault = if self.width < 2 || !self.width.is_multiple_of(2) {
            format!("network width is {}; expected an even number from 2", self.width)
        } else if self.precision == Precision::Bfloat16 && matches!(self.kind, NetworkKind::Differentiable(_)) {
            "network.precision is bfloat16, but the plugin computes its network itself, in float32; leave it out"
                .to_owned()
        } else if self.input_channels == 0 {
            "network has 0 input channels; expected at least 1".to_owned()
        } else if !(2..=256).contains(&self.classes) {
            format!("network has {} classes; expected 2 to 256, background included", self.classes)
        } else {
            return Ok(());
        };
        Err(ComponentError::new(ErrorKind::Configuration, fault))
    }
}

//! The same network brought in both ways: as layers that `rl4seg` builds, and as a function with its derivative that this
//! plugin computes in plain Rust.
//!
//! It has two convolutions, too few to segment anything well, and short enough to read. The first way is the one to
//! choose: it is faster, and runs on a GPU. The second is for what layers cannot say.

mod function;

use rl4seg_sdk::prelude::*;

pub use function::TwoConvolutions;

/// The network as layers.
pub struct Layers {
    hidden: usize,
}

/// What both components are told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
pub struct Config {
    /// Channels between the convolutions.
    pub hidden: usize,
}

impl Config {
    /// # Errors
    /// If there would be no channels.
    fn checked(self) -> Result<usize> {
        match self.hidden {
            0 => Err(ComponentError::new(ErrorKind::Configuration, "`hidden` is 0; expected at least 1")),
            hidden => Ok(hidden),
        }
    }
}

impl Component for Layers {
    const ID: &'static str = "layers";
    const DOC: &'static str = "Two convolutions, as layers";
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { hidden: config.checked()? })
    }
}

impl NetworkArchitecture for Layers {
    fn architecture(&self, channels: Channels) -> Result<Architecture> {
        Ok(Architecture::new(vec![
            Layer::new("first", &["image"], Operation::Convolution { channels: self.hidden, kernel: 3 }),
            Layer::new("active", &["first"], Operation::Relu),
            Layer::new("last", &["active"], Operation::Convolution { channels: channels.output, kernel: 1 }),
        ]))
    }
}

export_plugin! {
    network_architectures: [Layers];
    differentiable_networks: [TwoConvolutions];
}

//! The networks of a run, and the device that they run on.

use std::path::Path;

use anyhow::Context;
use rl4seg_core::{
    component::{Policy, PolicyState},
    config::NetworkTable,
    domain::Seed,
    nn::{self, NetworkSettings, UnetPolicy, UnetReward, Weights},
};

/// The flag that says where networks run.
#[derive(Debug, Clone, clap::Args)]
pub struct DeviceArg {
    /// Where the networks run: `cpu`, `cuda`, `cuda:N`, `wgpu` or `wgpu:N`; `rl4seg doctor` tells what there is
    #[arg(long, default_value = "cpu")]
    device: String,
}

impl DeviceArg {
    /// The processor.
    pub fn cpu() -> Self {
        Self { device: "cpu".to_owned() }
    }

    /// The device as the user named it.
    pub fn name(&self) -> &str {
        &self.device
    }
}

/// Actor, critic and reference policy; and the reward network.
pub struct Networks {
    pub policy: UnetPolicy,
    pub reward: UnetReward,
}

impl Networks {
    /// Fresh networks for images of `channels` and label sets of `classes`.
    pub fn new(
        table: NetworkTable,
        channels: usize,
        classes: usize,
        seed: Seed,
        device: &DeviceArg,
    ) -> anyhow::Result<Self> {
        let device = nn::device(&device.device)?;
        let settings = NetworkSettings::new(table.width, channels, classes).with_precision(table.precision);
        let seed = seed.named("networks");
        Ok(Self {
            policy: UnetPolicy::new(&settings, seed.named("policy"), &device)?,
            reward: UnetReward::new(&settings, seed.named("reward"), &device)?,
        })
    }

    /// The weights of a policy that starts from a checkpoint; its critic starts afresh.
    pub fn start_from(&mut self, checkpoint: &Path, prefix: Option<&str>) -> anyhow::Result<PolicyState> {
        let weights = Weights::read(checkpoint).and_then(|weights| weights.part(prefix));
        let import = weights.and_then(|weights| self.policy.import_actor(&weights));
        import.with_context(|| format!("pretrain.checkpoint = {}", checkpoint.display()))?;
        Ok(self.policy.state()?)
    }
}

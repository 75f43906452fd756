//! The networks of a run, and the device that they run on.

use std::path::Path;

use anyhow::Context;
use rl4seg_core::{
    component::{ComponentError, ComponentKind, Policy, PolicyState},
    config::{NetworkTable, Plan},
    nn::{self, NetworkKind, NetworkPolicy, NetworkReward, NetworkSettings, Weights},
    plugin::Catalog,
};

use crate::output::note;

/// The flag that says where networks run.
#[derive(Debug, Clone, clap::Args)]
pub struct DeviceArg {
    /// Where the networks run: `cpu`, `cuda`, `cuda:N`, `wgpu` or `wgpu:N`; `rl4seg doctor` tells what there is
    /// [default: cpu; of a run that goes on, where it was begun]
    #[arg(long, value_parser = known_device)]
    device: Option<String>,
}

/// A name of which it can be told only later whether the device is there.
fn known_device(name: &str) -> Result<String, ComponentError> {
    nn::check_device_name(name).map(|()| name.to_owned())
}

impl DeviceArg {
    /// The processor.
    pub fn cpu() -> Self {
        Self { device: None }
    }

    /// Whether it is not the processor.
    pub fn is_gpu(&self) -> bool {
        self.name() != "cpu"
    }

    /// The device as the user named it.
    pub fn name(&self) -> &str {
        self.device.as_deref().unwrap_or("cpu")
    }

    /// The device for a run that was begun on `begun_on`: that one, if the user did not name another.
    pub fn of_run(&self, root: &Path, begun_on: &str) -> anyhow::Result<Self> {
        let Some(asked) = &self.device else {
            nn::device(begun_on).with_context(|| {
                let root = root.display();
                format!(
                    "{root} was begun on `{begun_on}`, which cannot be used here; --device cpu goes on on the processor, with \
                     results that differ in the last digits"
                )
            })?;
            return Ok(Self { device: Some(begun_on.to_owned()) });
        };
        if asked != begun_on {
            note(&format!(
                "note: {} was begun on `{begun_on}` and goes on on `{asked}`: results differ in the last digits from those of one device",
                root.display()
            ));
        }
        Ok(self.clone())
    }
}

/// Actor, critic and reference policy; and the reward network.
pub struct Networks {
    pub policy: NetworkPolicy,
    pub reward: NetworkReward,
    /// Whether a plugin brings them.
    is_brought: bool,
}

/// What the networks of a run are made of.
fn kind(table: &NetworkTable, catalog: &Catalog) -> Result<NetworkKind, ComponentError> {
    let Some(id) = &table.component else { return Ok(NetworkKind::Unet) };
    let settings = table.settings_json();
    let mut offered = catalog.plugins().iter().flat_map(|plugin| &plugin.components);
    let is_computed = offered.any(|known| known.kind == ComponentKind::DifferentiableNetwork && known.id == *id);
    Ok(match is_computed {
        true => NetworkKind::Differentiable(catalog.differentiable_network(id, &settings)?.into()),
        false => NetworkKind::Architecture(catalog.network_architecture(id, &settings)?.into()),
    })
}

impl Networks {
    /// Fresh networks for images of `channels` and label sets of `classes`.
    pub fn new(
        plan: &Plan,
        catalog: &Catalog,
        channels: usize,
        classes: usize,
        device: &DeviceArg,
    ) -> anyhow::Result<Self> {
        let table = &plan.network;
        let device = nn::device(device.name())?;
        let settings = NetworkSettings::new(table.width, channels, classes).with_precision(table.precision);
        let settings = settings.made_of(kind(table, catalog).context("network.component")?);
        let seed = plan.seed().named("networks");
        Ok(Self {
            is_brought: table.component.is_some(),
            policy: NetworkPolicy::new(&settings, seed.named("policy"), &device)?,
            reward: NetworkReward::new(&settings, seed.named("reward"), &device)?,
        })
    }

    /// The weights of a policy that starts from a checkpoint; its critic starts afresh.
    pub fn start_from(&mut self, checkpoint: &Path, prefix: Option<&str>) -> anyhow::Result<PolicyState> {
        // Only the names of the U-Net's tensors tell where a prefix ends.
        let is_whole = self.is_brought && prefix.is_none();
        let weights =
            Weights::read(checkpoint).and_then(|weights| if is_whole { Ok(weights) } else { weights.part(prefix) });
        let import = weights.and_then(|weights| self.policy.import_actor(&weights));
        import.with_context(|| format!("pretrain.checkpoint = {}", checkpoint.display()))?;
        Ok(self.policy.state()?)
    }
}

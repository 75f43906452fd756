use rl4seg_abi::{DifferentiableNetworkTable, NetworkArchitectureTable};

use super::{Foreign, Origin};
use crate::{
    component::{
        Architecture, Channels, ComponentError, DifferentiableNetwork, ErrorKind, NetworkArchitecture,
        NetworkDescription, NetworkInput, NetworkOutput, Result,
    },
    plugin::wire::{from_json, read_put_numbers, with_network_call, with_numbers},
};

/// Makes the network architecture of a plugin.
pub(in crate::plugin) fn network_architecture(origin: &Origin, config: &str) -> Result<Box<dyn NetworkArchitecture>> {
    Ok(Box::new(Foreign::<NetworkArchitectureTable>::new(origin, config)?))
}

/// Makes the differentiable network of a plugin.
pub(in crate::plugin) fn differentiable_network(
    origin: &Origin,
    config: &str,
) -> Result<Box<dyn DifferentiableNetwork>> {
    Ok(Box::new(Foreign::<DifferentiableNetworkTable>::new(origin, config)?))
}

impl NetworkArchitecture for Foreign<NetworkArchitectureTable> {
    fn architecture(&self, channels: Channels) -> Result<Architecture> {
        let architecture = self.required(self.table.architecture, "architecture")?;
        let [input, output] = numbers_of(channels)?;
        self.one_item(
            // SAFETY: called as the ABI says.
            |object, items, errors| unsafe { architecture(object, input, output, items, errors) },
            |json, _| from_json("the architecture", json),
        )
    }
}

impl DifferentiableNetwork for Foreign<DifferentiableNetworkTable> {
    fn describe(&self, channels: Channels) -> Result<NetworkDescription> {
        let describe = self.required(self.table.describe, "describe")?;
        let [input, output] = numbers_of(channels)?;
        self.one_item(
            // SAFETY: called as the ABI says.
            |object, items, errors| unsafe { describe(object, input, output, items, errors) },
            |json, _| from_json("the list of parameters", json),
        )
    }

    fn forward(&self, input: &NetworkInput<'_>) -> Result<NetworkOutput> {
        let forward = self.required(self.table.forward, "forward")?;
        let mut logits = None;
        let mut seen = Vec::new();
        with_network_call(input, |call| {
            self.items(
                // SAFETY: called as the ABI says.
                |object, items, errors| unsafe { forward(object, call, items, errors) },
                |_, voxels| {
                    // SAFETY: the plugin vouches for what it puts.
                    let values = unsafe { read_put_numbers(voxels) }?;
                    match logits {
                        None => logits = Some(values),
                        Some(_) => seen.push(values),
                    }
                    Ok(())
                },
            )
        })?;
        let nothing = || ComponentError::new(ErrorKind::BrokenPromise, format!("`{}` gave no logits", self.id));
        Ok(NetworkOutput { logits: logits.ok_or_else(nothing)?, seen })
    }

    fn backward(&self, input: &NetworkInput<'_>, slope: &[f32]) -> Result<Vec<Vec<f32>>> {
        let backward = self.required(self.table.backward, "backward")?;
        let mut gradients = Vec::new();
        with_network_call(input, |call| {
            with_numbers(slope, |slope| {
                self.items(
                    // SAFETY: called as the ABI says.
                    |object, items, errors| unsafe { backward(object, call, slope, items, errors) },
                    |_, voxels| {
                        // SAFETY: the plugin vouches for what it puts.
                        gradients.push(unsafe { read_put_numbers(voxels) }?);
                        Ok(())
                    },
                )
            })
        })?;
        Ok(gradients)
    }
}

fn numbers_of(channels: Channels) -> Result<[u32; 2]> {
    let number = |channels: usize| {
        u32::try_from(channels)
            .map_err(|_| ComponentError::new(ErrorKind::Inconsistent, format!("a network of {channels} channels")))
    };
    Ok([number(channels.input)?, number(channels.output)?])
}

//! A checkpoint as PyTorch Lightning writes it: several networks under `state_dict`, beside the
//! state of optimiser and loop. `data/lightning.ckpt` was written by torch 2.15 from numbers that
//! follow from their place: ((i mod 17) - 8) / 8, for the critic 4 more.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use burn::tensor::Device;
use rl4seg_core::nn::{Unet, Weights};

const WIDTH: usize = 2;

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lightning.ckpt")
}

/// The network `prefix` of the checkpoint, loaded into a network with `classes`, as weights again.
fn load(prefix: &str, classes: usize) -> Result<Weights> {
    let network = Unet::zeroed(WIDTH, 1, classes, &Device::flex());
    let loaded = Weights::read(&checkpoint())?.part(Some(prefix))?.load_into(network)?;
    Ok(Weights::of(&loaded, "loaded"))
}

#[test]
fn one_of_several_networks_is_taken_by_its_prefix() -> Result<()> {
    for (prefix, classes, offset) in [("actor.net.", 3, 0.0), ("critic.net.", 1, 4.0)] {
        let weights = load(prefix, classes)?;
        for name in ["layer1.net.0.weight", "layer7.upsample.weight", "layer12.bias"] {
            let (_, values) = weights.tensor(name).with_context(|| name.to_owned())?;
            let expected: Vec<f32> = (0..values.len()).map(|i| ((i % 17) as f32 - 8.0) / 8.0 + offset).collect();
            assert_eq!(values, expected, "{prefix}{name}");
        }
    }
    Ok(())
}

#[test]
fn without_a_prefix_the_choice_is_listed() -> Result<()> {
    let error = Weights::read(&checkpoint())?.part(None).err().context("two networks, none named")?.to_string();
    for expected in ["lightning.ckpt", "pretrain.checkpoint_prefix", "actor.net.", "critic.net."] {
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

#[test]
fn another_architecture_is_refused_by_its_first_tensor() -> Result<()> {
    let error = load("critic.net.", 3).err().context("the critic has one output")?.to_string();
    assert!(error.contains("layer12.weight") && error.contains("[1, 1, 1, 1]"), "{error}");
    Ok(())
}

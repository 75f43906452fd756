//! The U-Net against recorded answers of torch's: logits, running statistics, gradients, Adam.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, activation::softmax};
use rl4seg_core::nn::{Normalization, Unet, Weights, cross_entropy};
use rl4seg_tests::fixtures::Set;
use rl4seg_tests::tensors::{Tensors, close, close_to_scale, gradients, values};
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;

const LOGITS: f64 = 1e-4;
const GRADIENTS: f64 = 1e-3;
const LOSSES: f64 = 1e-5;

#[derive(Deserialize)]
struct Network {
    in_channels: usize,
    out_channels: usize,
    init_channels: usize,
    #[serde(default)]
    losses: BTreeMap<String, serde_json::Value>,
    keys: Option<Vec<String>>,
}

impl Network {
    fn zeroed(&self, device: &Device) -> Unet {
        Unet::zeroed(self.init_channels, self.in_channels, self.out_channels, device)
    }
}

/// Calls `check` with each network that has recorded weights, on a device with gradients, and its
/// recorded inputs and answers.
fn for_each_network(mut check: impl FnMut(&Network, Unet, &Tensors) -> Result<()>) -> Result<()> {
    let set = Set::open("unet")?;
    let networks: BTreeMap<String, Network> = set.json("unet.json")?;
    let mut compared = 0;
    for name in set.variants("", "_io.safetensors")? {
        let network = networks.get(name).with_context(|| format!("unet.json has no network {name}"))?;
        let io = Tensors::read(&set.path(&format!("{name}_io.safetensors")))?;
        for weights in ["safetensors", "ckpt"].map(|format| format!("{name}.{format}")) {
            if set.has(&weights) {
                let weights = Weights::read(&set.path(&weights))?.part(None)?;
                let loaded = weights.load_into(network.zeroed(&Device::flex().autodiff()))?;
                check(network, loaded, &io).with_context(|| name.to_owned())?;
                compared += 1;
            }
        }
    }
    ensure!(compared > 0, "no network has weights");
    Ok(())
}

/// Planes `[batch, channel, y, x]` as maps `[batch, channel, voxel]`.
fn maps(planes: Tensor<4>) -> Tensor<3> {
    planes.flatten(2, 3)
}

fn target(io: &Tensors, device: &Device) -> Result<Tensor<2, Int>> {
    Ok(io.on::<3>("target", device)?.flatten::<2>(1, 2).int())
}

/// A loss of the recording by its name: (label smoothing, whether softmax is taken twice, the
/// published code's mistake).
fn recorded_loss(name: &str) -> Option<(f64, bool)> {
    match name {
        "ce" => Some((0.0, false)),
        "ref_softmax_then_ce" => Some((0.0, true)),
        _ => Some((name.strip_prefix("ce_smooth")?.parse().ok()?, false)),
    }
}

fn loss(network: &Unet, io: &Tensors, (smoothing, twice): (f64, bool)) -> Result<Tensor<1>> {
    let device = Device::flex().autodiff();
    let logits = maps(network.forward(io.on("input", &device)?, &mut Normalization::batch()));
    let logits = if twice { softmax(logits, 1) } else { logits };
    Ok(cross_entropy(logits, target(io, &device)?, smoothing))
}

#[test]
fn logits_are_those_of_torch() -> Result<()> {
    for_each_network(|_, network, io| {
        let device = Device::flex();
        let inference = network.valid();
        for [input, output] in [["input", "logits_eval"], ["input_odd", "logits_eval_odd"]] {
            let logits = inference.forward(io.on(input, &device)?, &mut Normalization::Running);
            close(output, &values(logits), &io.get(output)?.values, LOGITS)?;
        }
        let logits = inference.forward(io.on("input", &device)?, &mut Normalization::batch());
        close("logits_train", &values(logits), &io.get("logits_train")?.values, LOGITS)
    })
}

#[test]
fn running_statistics_follow_torch() -> Result<()> {
    for_each_network(|_, mut network, io| {
        let mut normalization = Normalization::batch();
        let _ = network.forward(io.on("input", &Device::flex().autodiff())?, &mut normalization);
        network.absorb(normalization.into_moments());
        let weights = Weights::of(&network, "after one pass");
        for (name, recorded) in io.under("after_one_train_forward.")? {
            let (_, found) = weights.tensor(name).context("no such tensor")?;
            close(name, found, &recorded.values, 1e-6)?;
        }
        Ok(())
    })
}

#[test]
fn losses_and_gradients_are_those_of_torch() -> Result<()> {
    let mut compared = 0;
    for_each_network(|settings, network, io| {
        for (name, kind) in settings.losses.keys().filter_map(|name| Some((name, recorded_loss(name)?))) {
            let loss = loss(&network, io, kind)?;
            let recorded = settings.losses[name].as_f64().context("a loss is a number")?;
            close(name, &values(loss.clone()), &[recorded as f32], LOSSES)?;
            let found = gradients(&network, loss.backward());
            // The repository's copy leaves out the gradients of all losses but one.
            for (tensor, recorded) in io.under(&format!("grad.{name}.")).unwrap_or_default() {
                let (_, found) = found.tensor(tensor).context("no such tensor")?;
                close_to_scale(&format!("{name}: {tensor}"), found, &recorded.values, GRADIENTS)?;
                compared += 1;
            }
        }
        Ok(())
    })?;
    ensure!(compared > 0, "no gradient was compared");
    Ok(())
}

#[test]
fn three_steps_of_adam_are_those_of_torch() -> Result<()> {
    let mut compared = 0;
    for_each_network(|settings, mut network, io| {
        let Some(recorded) = settings.losses.get("ref_adam1e-3_3_steps") else { return Ok(()) };
        let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
        for recorded in recorded.as_array().context("a loss a step")? {
            let loss = loss(&network, io, (0.0, true))?;
            close("loss", &values(loss.clone()), &[recorded.as_f64().context("a number")? as f32], LOSSES)?;
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = adam.step(1e-3, network, gradients);
            compared += 1;
        }
        Ok(())
    })?;
    ensure!(compared > 0, "no step was compared");
    Ok(())
}

/// The weight of index `i` in the tensor of index `k` in the state dictionary, before scaling.
fn formula(k: usize, i: usize) -> f64 {
    let s = (12.9898 * i as f64 + 78.233 * k as f64).sin() * 43758.5453;
    2.0 * (s - s.floor()) - 1.0
}

/// Weights from the closed formula of `unet.json`.
fn formula_weights(keys: &[String], network: &Unet) -> Result<Weights> {
    let zeroed = Weights::of(network, "zeroed");
    let mut tensors = Vec::new();
    for (k, name) in keys.iter().enumerate().filter(|(_, name)| !name.ends_with("num_batches_tracked")) {
        let (shape, zeros) = zeroed.tensor(name).with_context(|| format!("the network has no {name}"))?;
        let scaled = |u: f64| match *shape {
            [first, ref rest @ ..] if !rest.is_empty() => {
                let fan = if name.contains("upsample") { first * 4 } else { rest.iter().product() };
                u * (3.0 / fan as f64).sqrt()
            }
            _ if name.ends_with("running_var") => 1.0 + 0.5 * u,
            _ if name.ends_with("weight") => 1.0 + 0.3 * u,
            _ => 0.1 * u,
        };
        let bytes = (0..zeros.len()).flat_map(|i| (scaled(formula(k, i)) as f32).to_le_bytes());
        tensors.push((name.as_str(), shape.to_vec(), bytes.collect::<Vec<u8>>()));
    }
    let views =
        tensors.iter().map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)));
    let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None)?;
    Ok(Weights::from_safetensors(&bytes, "the formula")?)
}

#[test]
fn the_full_size_network_gives_the_logits_of_torch() -> Result<()> {
    let set = Set::open("unet")?;
    let networks: BTreeMap<String, Network> = set.json("unet.json")?;
    let settings = networks.get("full_size_formula").context("no full-size network")?;
    let keys = networks.values().find_map(|network| network.keys.as_ref()).context("no list of keys")?;
    let network = settings.zeroed(&Device::flex());
    let network = formula_weights(keys, &network)?.load_into(network)?;
    let io = Tensors::read(&set.path("full_size_formula_io.safetensors"))?;
    let logits = network.forward(io.on("input", &Device::flex())?, &mut Normalization::Running);
    close("logits", &values(logits), &io.get("logits_eval")?.values, LOGITS)
}

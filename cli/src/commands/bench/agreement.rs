//! Whether a device computes what the CPU computes.

use anyhow::ensure;
use rl4seg_core::{config::Precision, domain::Seed, plugin::Catalog};
use serde::Serialize;

use super::{
    Args,
    work::{Bench, Timed},
};
use crate::{args::GlobalArgs, catalog, networks::DeviceArg, output};

/// How far π(reference) on the device is from that on the CPU, mean over voxels.
#[derive(Debug, Serialize)]
struct Agreement {
    device: String,
    precision: Precision,
    /// With the same weights.
    fresh: f64,
    /// After a supervised step and a set of PPO updates on each.
    trained: f64,
    /// What `fresh` may be.
    tolerance: f64,
    /// What `trained` may be.
    tolerance_trained: f64,
}

/// Adam makes a step of full length of a gradient that is nearly nothing, so that its rounding decides where the step goes: an
/// H100 gave 0.010 where fresh weights gave 0.000005.
const TRAINED: f64 = 5.0;

/// Tensor cores round the factors of a float32 product to 11 bits; bfloat16 keeps 8.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::Float32 => 0.01,
        Precision::Bfloat16 => 0.05,
    }
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let found = probabilities(args, &args.device, &catalog)?;
    let on_cpu = Args { precision: Precision::Float32.into(), ..args.clone() };
    let expected = probabilities(&on_cpu, &DeviceArg::cpu(), &catalog)?;
    let [fresh, trained] = [0, 1].map(|at| mean_difference(&found[at], &expected[at]));
    let (device, precision) = (args.device.name().to_owned(), args.precision.0);
    let tolerance = tolerance(precision);
    let tolerance_trained = TRAINED * tolerance;
    let agreement = Agreement { device, precision, fresh, trained, tolerance, tolerance_trained };
    output::result(global.json, &agreement, || {
        format!("probabilities differ from the CPU's by {fresh:.6}, after training steps on each by {trained:.6}")
    })?;
    ensure!(
        fresh <= tolerance && trained <= tolerance_trained,
        "{} does not compute what the CPU does: expected mean differences of at most {tolerance} and {tolerance_trained}",
        agreement.device
    );
    Ok(())
}

/// π(reference) of each voxel, before and after training steps.
fn probabilities(args: &Args, device: &DeviceArg, catalog: &Catalog) -> anyhow::Result<[Vec<f64>; 2]> {
    let mut bench = Bench::prepare(args, device, catalog)?;
    let fresh = of_references(&mut bench)?;
    bench.imitate()?;
    bench.round(Timed::Ppo, 0)?;
    Ok([fresh, of_references(&mut bench)?])
}

fn of_references(bench: &mut Bench) -> anyhow::Result<Vec<f64>> {
    let images = bench.images()?;
    let references: Vec<_> = bench.references.iter().map(Some).collect();
    let actions = bench.components.policy.act(&images, &references, Seed(0))?;
    Ok(actions.log_probs.into_iter().map(|log_prob| f64::from(log_prob).exp()).collect())
}

fn mean_difference(found: &[f64], expected: &[f64]) -> f64 {
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / found.len() as f64
}

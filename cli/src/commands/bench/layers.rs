//! How fast each convolution is, beside what the processor can do.

use anyhow::ensure;
use rl4seg_core::nn;
use serde::Serialize;
use serde_json::json;

use super::Args;
use crate::{args::GlobalArgs, output};

/// A convolution's speed: multiplications and additions of the plain sum, in thousand millions a
/// second, whatever the transform saves.
#[derive(Debug, Serialize)]
struct LayerSpeed {
    layer: String,
    forward: f64,
    input_gradient: f64,
    weight_gradient: f64,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    const GIGA: f64 = 1e9;
    ensure!(args.device.name() == "cpu", "layers are measured on the CPU alone; leave --device out");
    let peak = nn::peak_flop_per_second() / GIGA;
    let times = nn::layer_times(args.width, args.batch, args.size, args.repetitions as usize);
    let speeds: Vec<LayerSpeed> = times
        .iter()
        .map(|time| LayerSpeed {
            layer: format!("{} -> {}, {} x {}", time.inputs, time.outputs, time.side, time.side),
            forward: time.flop / time.forward_s / GIGA,
            input_gradient: time.flop / time.input_gradient_s / GIGA,
            weight_gradient: time.flop / time.weight_gradient_s / GIGA,
        })
        .collect();
    output::result(global.json, &json!({ "peak_gflop_s": peak, "layers": &speeds }), || {
        let share = |speed: f64| format!("{speed:.0} ({:.0} %)", 100.0 * speed / peak);
        let rows = speeds.iter().map(|speed| {
            let LayerSpeed { layer, forward, input_gradient, weight_gradient } = speed;
            vec![layer.clone(), share(*forward), share(*input_gradient), share(*weight_gradient)]
        });
        let header = ["layer", "forward, GFLOP/s", "to its input", "to its weights"];
        format!(
            "{}\n{:?}, a large product of matrices on {} threads: {peak:.0} GFLOP/s",
            output::table(&header, rows),
            nn::Isa::detect(),
            rayon::current_num_threads()
        )
    })
}

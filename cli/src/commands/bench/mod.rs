mod adaptation;
mod agreement;
mod layers;
mod work;

use std::time::Instant;

use rl4seg_core::{config::Precision, nn, run_dir::peak_memory_bytes};
use serde::Serialize;

use crate::{args::GlobalArgs, catalog, measure::Usage, networks::DeviceArg, output};
use work::{Bench, Timed};

/// Measure: how long this machine takes for the loop's work, what ways of adapting come to
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Example:
  rl4seg bench step --size 256 --batch 4 --width 32
  rl4seg bench agreement --device cuda
  rl4seg bench adaptation --source a --target b --out comparison examples/adaptation/*.toml")]
pub enum Command {
    /// How long it takes to segment images
    Infer(Args),
    /// How long one supervised training step of the policy takes
    Step(Args),
    /// How long one rollout with its rewards takes, and all updates of actor and critic on it
    Ppo(Args),
    /// How long it takes to segment, judge, correct and distort images into reward samples
    Collect(Args),
    /// How fast the network's 3x3 convolutions are, one by one, beside a large product of matrices; CPU only
    Layers(Args),
    /// Whether the device computes what the CPU computes; exits with 1 if not
    Agreement(Args),
    Adaptation(adaptation::Args),
}

/// What is measured with fresh networks on synthetic images: times do not depend on what a network has learnt, except
/// for `collect`, where fewer valid results mean fewer distorted ones.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Example:\n  rl4seg bench step --size 256 --batch 4 --width 32")]
pub struct Args {
    /// Pixels along each side of an image
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Images at a time
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Width of the networks, `network.width`
    #[arg(long, default_value_t = 32)]
    width: usize,
    /// How often it is measured, after two rounds that do not count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(5..))]
    repetitions: u32,
    /// The modality whose phantom, metrics and distortions are used
    #[arg(long, default_value = "echo")]
    modality: String,
    /// What convolutions compute in, `network.precision`: `float32` or `bfloat16`
    #[arg(long, default_value = "float32")]
    precision: PrecisionArg,
    #[command(flatten)]
    device: DeviceArg,
}

/// [`Precision`] as the configuration spells it.
#[derive(Debug, Clone, Copy)]
struct PrecisionArg(Precision);

impl From<Precision> for PrecisionArg {
    fn from(precision: Precision) -> Self {
        Self(precision)
    }
}

impl std::str::FromStr for PrecisionArg {
    type Err = serde::de::value::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        use serde::{Deserialize, de::IntoDeserializer};
        Precision::deserialize(name.into_deserializer()).map(Self)
    }
}

/// Rounds before the first that counts.
const WARM_UP: u32 = 2;

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    work: Timed,
    size: usize,
    batch: usize,
    width: usize,
    device: String,
    precision: Precision,
    threads: usize,
    repetitions: u32,
    /// Wall-clock time.
    median_s_per_image: f64,
    fastest_s_per_image: f64,
    slowest_s_per_image: f64,
    /// Time of all cores together; absent where the system does not tell.
    cpu_s_per_image: Option<f64>,
    /// Most memory that the process has held; absent where the system does not tell.
    peak_rss_bytes: Option<u64>,
    /// Memory of the device that was taken from its other users; absent on the CPU.
    device_memory_bytes: Option<u64>,
}

pub fn run(command: &Command, global: &GlobalArgs) -> anyhow::Result<()> {
    match command {
        Command::Infer(args) => timed(Timed::Infer, args, global),
        Command::Step(args) => timed(Timed::Step, args, global),
        Command::Ppo(args) => timed(Timed::Ppo, args, global),
        Command::Collect(args) => timed(Timed::Collect, args, global),
        Command::Layers(args) => layers::run(args, global),
        Command::Agreement(args) => agreement::run(args, global),
        Command::Adaptation(args) => adaptation::run(args, global),
    }
}

fn timed(work: Timed, args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let mut bench = Bench::prepare(args, &args.device, &catalog)?;
    for round in 0..WARM_UP {
        bench.round(work, round)?;
    }
    let before = Usage::now();
    let mut seconds = Vec::new();
    for round in 0..args.repetitions {
        let started = Instant::now();
        bench.round(work, WARM_UP + round)?;
        seconds.push(started.elapsed().as_secs_f64() / args.batch as f64);
    }
    let images = f64::from(args.repetitions) * args.batch as f64;
    let cpu_s_per_image = before.zip(Usage::now()).map(|(before, after)| after.cpu_seconds_since(&before) / images);
    seconds.sort_by(f64::total_cmp);
    let measured = Measured {
        work,
        size: args.size,
        batch: args.batch,
        width: args.width,
        device: args.device.name().to_owned(),
        precision: args.precision.0,
        threads: rayon::current_num_threads(),
        repetitions: args.repetitions,
        median_s_per_image: seconds[seconds.len() / 2],
        fastest_s_per_image: seconds[0],
        slowest_s_per_image: seconds[seconds.len() - 1],
        cpu_s_per_image,
        peak_rss_bytes: peak_memory_bytes(),
        device_memory_bytes: nn::device_memory_bytes(args.device.name())?,
    };
    output::result(global.json, &measured, || measured.text())
}

impl Measured {
    fn text(&self) -> String {
        let [fastest, median, slowest] =
            [self.fastest_s_per_image, self.median_s_per_image, self.slowest_s_per_image].map(|s| 1e3 * s);
        let mut text = format!("{median:.1} ms an image ({fastest:.1} to {slowest:.1})");
        if let Some(cpu) = self.cpu_s_per_image {
            text += &format!(", {:.1} ms of CPU time on {} threads", 1e3 * cpu, self.threads);
        }
        if let Some(bytes) = self.peak_rss_bytes {
            text += &format!(", peak memory {} MiB", bytes >> 20);
        }
        if let Some(bytes) = self.device_memory_bytes {
            text += &format!(", {} MiB of the device's", bytes >> 20);
        }
        text
    }
}

use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use rl4seg_core::{
    adapt::{self, Components, PreparedCase},
    component::ImitationStep,
    config::{Plan, RawConfig},
    domain::{ImageBatch, LabelBatch, LabelMap, Seed, Split},
    nn,
    plugin::Catalog,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    args::GlobalArgs,
    catalog,
    commands::phantom::{Amount, Domain, Phantom},
    measure::{Usage, peak_rss_bytes},
    networks::{DeviceArg, Networks},
    output,
};

/// Measure how long this machine takes for the work that the loop is made of
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rl4seg bench step --size 256 --batch 4 --width 32

Fresh networks on synthetic images: times do not depend on what a network has learnt, except for
`collect`, where fewer valid results mean fewer distorted ones.")]
pub struct Args {
    /// What to measure
    work: Work,
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
    #[command(flatten)]
    device: DeviceArg,
}

/// A kind of work.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Work {
    /// Segment images
    Infer,
    /// One supervised training step of the policy
    Step,
    /// One rollout with its rewards, and all updates of actor and critic on it
    Ppo,
    /// Segment, judge, correct and distort images into reward samples
    Collect,
    /// The network's 3x3 convolutions one by one, beside a large product of matrices; CPU only
    Layers,
}

/// Rounds before the first that counts.
const WARM_UP: u32 = 2;

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    work: Work,
    size: usize,
    batch: usize,
    width: usize,
    device: String,
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
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    if matches!(args.work, Work::Layers) {
        return layers(args, global);
    }
    let catalog = catalog::load(global)?;
    let mut bench = Bench::prepare(args, &catalog)?;
    for round in 0..WARM_UP {
        bench.round(args.work, round)?;
    }
    let before = Usage::now();
    let mut seconds = Vec::new();
    for round in 0..args.repetitions {
        let started = Instant::now();
        bench.round(args.work, WARM_UP + round)?;
        seconds.push(started.elapsed().as_secs_f64() / args.batch as f64);
    }
    let images = f64::from(args.repetitions) * args.batch as f64;
    let cpu_s_per_image = before.zip(Usage::now()).map(|(before, after)| after.cpu_seconds_since(&before) / images);
    seconds.sort_by(f64::total_cmp);
    let measured = Measured {
        work: args.work,
        size: args.size,
        batch: args.batch,
        width: args.width,
        device: args.device.name().to_owned(),
        threads: rayon::current_num_threads(),
        repetitions: args.repetitions,
        median_s_per_image: seconds[seconds.len() / 2],
        fastest_s_per_image: seconds[0],
        slowest_s_per_image: seconds[seconds.len() - 1],
        cpu_s_per_image,
        peak_rss_bytes: peak_rss_bytes(),
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
        text
    }
}

/// A convolution's speed: multiplications and additions of the plain sum, in thousand millions a
/// second, whatever the transform saves.
#[derive(Debug, Serialize)]
struct LayerSpeed {
    layer: String,
    forward: f64,
    input_gradient: f64,
    weight_gradient: f64,
}

fn layers(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
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

/// Images and networks, ready to work.
struct Bench {
    plan: Plan,
    components: Components,
    cases: Vec<PreparedCase>,
    references: Vec<LabelMap>,
}

impl Bench {
    fn prepare(args: &Args, catalog: &Catalog) -> anyhow::Result<Self> {
        let plan = plan(args, catalog)?;
        let labels = &catalog::modality(catalog, &args.modality)?.labels;
        let networks = Networks::new(plan.network, 1, labels.len(), plan.seed(), &args.device)?;
        let mut components = Components::load(&plan, catalog, Box::new(networks.policy), Box::new(networks.reward))?;
        let mut cases = Vec::new();
        let mut references = Vec::new();
        for entry in components.source.cases(Split::Train) {
            let image = components.source.image(&entry.id)?;
            cases.push(adapt::prepare_image(&entry.id, &image, &plan.preprocess)?);
            references.push(plan.preprocess.apply_labels(&components.source.reference(&entry.id)?)?);
        }
        components.judges.corrector.fit(&references)?;
        components.policy.freeze_reference()?;
        cases.truncate(args.batch);
        references.truncate(args.batch);
        Ok(Self { plan, components, cases, references })
    }

    fn round(&mut self, work: Work, round: u32) -> anyhow::Result<()> {
        let seed = Seed(u64::from(round));
        match work {
            Work::Layers => {}
            Work::Infer => {
                self.components.policy.segment(&self.images()?)?;
            }
            Work::Step => {
                let (images, labels) = (self.images()?, LabelBatch::stack(&self.references)?);
                let step = ImitationStep { learning_rate: 1e-3, label_smoothing: 0.0 };
                self.components.policy.imitate(&images, &labels, &step)?;
            }
            Work::Ppo => {
                let update = adapt::update_settings(&self.plan, 1);
                adapt::improve_portion(&mut self.components, &self.cases, &update, seed)?;
            }
            Work::Collect => {
                adapt::collect_portion(&self.components, &self.plan, &self.cases, seed)?;
            }
        }
        Ok(())
    }

    fn images(&self) -> anyhow::Result<ImageBatch> {
        Ok(ImageBatch::stack(self.cases.iter().map(|case| &case.image))?)
    }
}

/// Fewest source images that a corrector can learn from.
const REFERENCES: usize = 24;

/// The modality's preset on its own phantom.
fn plan(args: &Args, catalog: &Catalog) -> anyhow::Result<Plan> {
    let modality = catalog::modality(catalog, &args.modality)?;
    let component =
        modality.phantom.as_ref().with_context(|| format!("the modality `{}` offers no phantom", modality.id))?;
    let domain = |domain| {
        let amount = Amount { size: args.size, train: args.batch.max(REFERENCES), validation: 1, test: 1 };
        let mut table = json!(Phantom { domain, seed: 0, amount });
        table["component"] = json!(component);
        table
    };
    let mut config: serde_json::Value = toml::from_str(&modality.preset)?;
    config["modality"] = json!(args.modality);
    config["output"] = json!("unused");
    config["source"] = domain(Domain::Source);
    config["target"] = domain(Domain::Target);
    config["network"] = json!({ "width": args.width });
    config["preprocess"] = json!({});
    let config: RawConfig = serde_json::from_value(config).context("the modality's preset")?;
    Ok(config.check()?)
}

//! Ways to adapt, compared on one pair of domains.

mod experiment;
mod results;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{
    adapt::AdaptError,
    component::Modality,
    config::{self, Override, Plan},
    domain::{CaseEntry, Split},
    io::write_atomically,
    plugin::Catalog,
    run_dir::{self, Step, StepKind, layout},
};

use crate::{
    args::GlobalArgs,
    catalog,
    commands::init::{Found, find},
    networks::DeviceArg,
    output::{self, Shown},
    session::Session,
};
use experiment::Experiment;
use results::{ExperimentResult, RunResult};

/// The table as JSON, in the folder of the runs.
const TABLE: &str = "adaptation.json";

/// Adapt in several ways, over several seeds, and set the results side by side
///
/// Each experiment is a small file that says what differs from the modality's preset. Gains are case by case, with 95 % intervals from a bootstrap over patients. What was finished is not done again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rl4seg bench adaptation --source data/source --target data/target --out comparison \\
    --against source-only examples/adaptation/*.toml --seeds 1,2,3")]
pub struct Args {
    /// What is compared
    #[arg(required = true, value_name = "EXPERIMENT")]
    experiments: Vec<PathBuf>,
    /// The experiment that gains are over, by the name of its file: otherwise the first
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// The kind of images
    #[arg(long, default_value = "echo")]
    modality: String,
    /// The folder with labels
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// The folder to adapt to; its test cases need labels
    #[arg(long, value_name = "DIR")]
    target: PathBuf,
    /// The folder for the runs and the table
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Each experiment is run once with each of these
    #[arg(long, value_name = "SEED,...", value_delimiter = ',', default_value = "1,2,3")]
    seeds: Vec<u64>,
    /// Replace a value in the configuration of every run; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<Override>,
    #[command(flatten)]
    device: DeviceArg,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let modality = catalog::modality(&catalog, &args.modality)?;
    let mut experiments: Vec<Experiment> =
        args.experiments.iter().map(|path| Experiment::read(path)).collect::<anyhow::Result<_>>()?;
    refuse_repetitions(&experiments, &args.seeds)?;
    if let Some(name) = &args.against {
        put_first(&mut experiments, name)?;
    }
    let found = |folder: &PathBuf| find(&catalog, modality, folder, &[]);
    let domains = [found(&args.source)?, found(&args.target)?];
    let cases = target_cases(&catalog, &domains[1])?;
    for experiment in experiments.iter().filter(|experiment| experiment.is_upper_bound()) {
        require_labels(&cases, &domains[1], &experiment.name)?;
    }
    let patients = cases.into_iter().map(|case| (case.id, case.group)).collect();
    let bench = Bench { args, catalog: &catalog, modality, domains: &domains, shown: global.shown() };
    let plans = bench.write_configurations(&experiments)?;
    let mut pretrained = Vec::new();
    let mut results = Vec::new();
    for experiment in &experiments {
        let mut runs = Vec::new();
        for &seed in &args.seeds {
            runs.push(bench.run(experiment, seed, &plans, &mut pretrained)?);
        }
        let Experiment { name, file } = experiment;
        results.push(ExperimentResult::new(name, &file.description, experiment.is_upper_bound(), runs));
        results::compare(&mut results, &patients);
        let table = serde_json::to_vec_pretty(&results).context("writing JSON")?;
        write_atomically(&args.out.join(TABLE), &table)?;
    }
    output::result(global.json, &results, || results::text(&results))
}

/// Names are those of folders, and a seed that stands twice would count twice in every interval.
fn refuse_repetitions(experiments: &[Experiment], seeds: &[u64]) -> anyhow::Result<()> {
    if let Some(name) = repeated(experiments.iter().map(|experiment| &experiment.name)) {
        bail!("two experiments are called `{name}`; rename one of the files");
    }
    if let Some(seed) = repeated(seeds) {
        bail!("--seeds: {seed} is there twice, and its run would count twice; leave one out");
    }
    Ok(())
}

/// Puts the experiment of this name in front of the others.
fn put_first(experiments: &mut [Experiment], name: &str) -> anyhow::Result<()> {
    let place = experiments.iter().position(|experiment| experiment.name == name).with_context(|| {
        let names: Vec<&str> = experiments.iter().map(|experiment| experiment.name.as_str()).collect();
        format!("--against: no experiment is called `{name}`; there are {}", names.join(", "))
    })?;
    experiments[..=place].rotate_right(1);
    Ok(())
}

/// The first that was there before.
fn repeated<T: Ord + Copy>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    items.into_iter().find(|&item| !seen.insert(item))
}

/// All cases of the target; at least one test case has a reference.
fn target_cases(catalog: &Catalog, target: &Found) -> anyhow::Result<Vec<CaseEntry>> {
    let settings = serde_json::json!({ "root": &target.root }).to_string();
    let cases = catalog.data_source(&target.component, &settings)?.cases()?;
    let labelled = cases.iter().any(|case| case.has_reference && case.split.is_none_or(|split| split == Split::Test));
    ensure!(labelled, "{}: no test case has an expert's label map: nothing could be compared", target.root.display());
    Ok(cases)
}

/// An upper bound learns from labels that other experiments do not need, so their absence is told before the first run.
fn require_labels(cases: &[CaseEntry], target: &Found, experiment: &str) -> anyhow::Result<()> {
    for split in [Split::Train, Split::Validation] {
        let labelled = cases.iter().any(|case| case.has_reference && case.split.is_none_or(|of_case| of_case == split));
        ensure!(
            labelled,
            "{}: `{experiment}` learns from the target's own labels, and no {} case has an expert's label map; leave the \
             experiment out",
            target.root.display(),
            if split == Split::Train { "training" } else { "validation" }
        );
    }
    Ok(())
}

/// What all runs share.
struct Bench<'a> {
    args: &'a Args,
    catalog: &'a Catalog,
    modality: &'a Modality,
    domains: &'a [Found; 2],
    shown: Shown,
}

type Plans = BTreeMap<(String, u64), (PathBuf, Plan)>;

impl Bench<'_> {
    /// Writes all configurations and looks at them before the first run: a fault in the last experiment is
    /// told of at once.
    fn write_configurations(&self, experiments: &[Experiment]) -> anyhow::Result<Plans> {
        let mut plans = Plans::new();
        for experiment in experiments {
            let folder = self.args.out.join(&experiment.name);
            fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
            for &seed in &self.args.seeds {
                let [source, target] = self.domains;
                let mut text = experiment.configuration(self.modality, [source, target], seed)?;
                text.overlay(&format!("output = \"seed-{seed}\"\n"))?;
                let path = folder.join(format!("seed-{seed}.toml"));
                write_atomically(&path, text.to_string().as_bytes())?;
                let plan = config::read(&path, &self.args.overrides)?.check()?;
                plans.insert((experiment.name.clone(), seed), (path, plan));
            }
        }
        Ok(plans)
    }

    /// One run, from where it is to its end. `pretrained` are the plans and folders of earlier ones.
    fn run(
        &self,
        experiment: &Experiment,
        seed: u64,
        plans: &Plans,
        pretrained: &mut Vec<(Plan, PathBuf)>,
    ) -> anyhow::Result<RunResult> {
        let name = format!("{}, seed {seed}", experiment.name);
        let (path, plan) = plans.get(&(experiment.name.clone(), seed)).context("no such run")?;
        self.shown.tell(&name);
        let session = Session::open(path, &self.args.overrides, self.catalog, &self.args.device)?;
        if let Some((_, other)) = pretrained.iter().find(|(other, _)| starts_alike(plan, other)) {
            for kind in [StepKind::Pretrain, StepKind::Evaluate] {
                session.adopt(&Step::new(0, kind), other)?;
            }
        }
        let root = session.root().to_owned();
        let collapsed_in = match session.finish(self.shown) {
            Ok(_) => None,
            Err(error) => Some(collapse(error).with_context(|| name.clone())?),
        };
        if let Some(step) = collapsed_in {
            self.shown.tell(&format!("{name}: the policy collapsed in {step}; its results do not count"));
        }
        let last = collapsed_in.map_or(plan.iterations, |step| step.iteration.saturating_sub(1));
        let folder = root.join(layout::step(&Step::new(last, StepKind::Evaluate)));
        let summary = run_dir::read_json(&folder.join(layout::SUMMARY))?;
        let cases = run_dir::read_json_lines(&folder.join(layout::CASES))?;
        pretrained.push((plan.clone(), root.clone()));
        Ok(RunResult { seed, run: root, collapsed_in: collapsed_in.map(|step| step.iteration), summary, cases })
    }
}

/// The step of a collapse, which is a result of its experiment and no reason to keep the others back.
fn collapse(error: anyhow::Error) -> anyhow::Result<Step> {
    match error.downcast_ref::<AdaptError>().and_then(AdaptError::collapsed_in) {
        Some(step) => Ok(step),
        None => Err(error),
    }
}

/// Whether everything that iteration 0 depends on is the same: it then comes to the same bytes.
fn starts_alike(one: &Plan, other: &Plan) -> bool {
    one.seed == other.seed
        && one.modality == other.modality
        && (&one.source, &one.target) == (&other.source, &other.target)
        && (&one.splits, &one.preprocess, &one.network) == (&other.splits, &other.preprocess, &other.network)
        && (&one.pretrain, &one.validity) == (&other.pretrain, &other.validity)
        && one.collect.batch == other.collect.batch
}

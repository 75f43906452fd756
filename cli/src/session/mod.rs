//! Opening a run: its configuration, its directory, its components.

mod moves;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{self, Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{
    adapt::{self, AdaptError, Components, ReviewedCase, See},
    builtin::PLUGIN,
    config::{self, Override, Plan, RawConfig},
    plugin::Catalog,
    run_dir::{self, Event, Manifest, PluginRecord, RunDir, RunError, Step, StepKind, layout},
};

pub use moves::{moved, require_data};

use crate::{
    catalog, interrupt,
    networks::{DeviceArg, Networks},
    output::{Estimate, IterationResult, RunProgress, Shown, iteration_results, note},
};

/// Where a run is and what it came to.
pub struct Finished {
    pub root: PathBuf,
    pub results: Vec<IterationResult>,
}

/// Takes the run of a configuration file, or the run in a directory, from where it is to its end.
pub fn adapt(
    location: &Path,
    overrides: &[Override],
    catalog: &Catalog,
    device: &DeviceArg,
    shown: Shown,
) -> anyhow::Result<Finished> {
    Session::open(location, overrides, catalog, device)?.finish(shown)
}

/// The latest policy's results on the target's test cases, with their uncertainty. Writes nothing.
pub fn review(run: &Path, catalog: &Catalog, device: &DeviceArg, shown: Shown) -> anyhow::Result<Vec<ReviewedCase>> {
    let plan = plan_of_run(run)?;
    let mut components = components(run, &plan, catalog, device)?;
    Ok(adapt::review(run, &mut components, &plan, &mut RunProgress::new(shown))?)
}

/// The same, also of a run without a reward network, with all maps of each case shown to `see`.
pub fn review_maps(
    run: &Path,
    catalog: &Catalog,
    device: &DeviceArg,
    shown: Shown,
    see: See<'_>,
) -> anyhow::Result<Vec<ReviewedCase>> {
    let plan = plan_of_run(run)?;
    let mut components = components(run, &plan, catalog, device)?;
    Ok(adapt::review_maps(run, &mut components, &plan, &mut RunProgress::new(shown), see)?)
}

/// A run with everything it needs to go on.
pub struct Session {
    root: PathBuf,
    plan: Plan,
    components: Components,
    run: RunDir,
    device: DeviceArg,
    /// Whether the run was made by this process.
    is_new: bool,
}

impl Session {
    /// Begins the run of a configuration file, or opens the run in a directory.
    pub fn open(
        location: &Path,
        overrides: &[Override],
        catalog: &Catalog,
        device: &DeviceArg,
    ) -> anyhow::Result<Self> {
        let (root, plan) = plan(location, overrides)?;
        let begun = root.exists().then(|| run_dir::read_manifest(&root)).transpose()?;
        let is_new = begun.is_none();
        let device = &begun.map_or_else(|| Ok(device.clone()), |manifest| device.of_run(&root, &manifest.device))?;
        let mut components = components(&root, &plan, catalog, device)?;
        let run = open_or_create(&root, &plan, catalog, device)?;
        let places = moves::new_places(&root, &plan)?;
        if !places.is_empty() {
            let told = || places.iter().map(|(key, path)| format!("{key}={path}")).collect::<Vec<_>>().join(", ");
            adapt::expect_cases_of(&root, &mut components).with_context(told)?;
        }
        let mut journal = run.journal()?;
        journal.record(Event::Opened {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: device.name().to_owned(),
        })?;
        for (key, path) in places {
            journal.record(Event::Moved { key, path })?;
        }
        Ok(Self { root, plan, components, run, device: device.clone(), is_new })
    }

    /// The run may take no more than so many bytes of memory.
    pub fn limit_memory(&mut self, bytes: Option<u64>) {
        self.components.memory_limit = bytes;
    }

    /// The run's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Refuses data that are not those of the run in `other`, now or where they are read.
    pub fn expect_cases_of(&mut self, other: &Path) -> anyhow::Result<()> {
        let (theirs, ours) = (adapt::cases_of_run(other)?, adapt::cases_of_run(&self.root)?);
        ensure!(
            ours.is_empty() || ours == theirs,
            "{} was begun with other data than {}: their lists of cases, {}, differ; name another folder",
            self.root.display(),
            other.display(),
            layout::step(&Step::new(0, StepKind::Pretrain)).join(layout::CASES).display()
        );
        Ok(adapt::expect_cases_of(other, &mut self.components)?)
    }

    /// Takes over a step that the run in `other` has finished and that would come to the same here. Does nothing
    /// where it is done.
    pub fn adopt(&self, step: &Step, other: &Path) -> anyhow::Result<()> {
        if self.run.is_done(step) { Ok(()) } else { Ok(self.run.adopt(step, other)?) }
    }

    /// How long steps took that are finished, where that was on this device, and attempts at those that are not.
    fn estimate(&self) -> anyhow::Result<Estimate> {
        let mut estimate = Estimate::new(self.plan.iterations);
        let times = run_dir::times(&run_dir::read_journal(&self.root)?);
        let on_this_device = run_dir::read_manifest(&self.root)?.device == self.device.name();
        for step in Step::all(self.plan.iterations) {
            match times.get(&step) {
                Some(time) if !time.finished => estimate.attempted(step, time.seconds),
                Some(time) if on_this_device => estimate.add(step, time.seconds),
                _ => {}
            }
        }
        Ok(estimate)
    }

    /// Takes the run from where it is to its end.
    pub fn finish(self, shown: Shown) -> anyhow::Result<Finished> {
        let steps = Step::all(self.plan.iterations).collect::<Vec<_>>();
        self.finish_steps(&steps, shown)
    }

    /// Takes the run through the first `steps` of its plan.
    pub fn finish_steps(mut self, steps: &[Step], shown: Shown) -> anyhow::Result<Finished> {
        let iterations = self.plan.iterations;
        if self.device.is_gpu() {
            shown.tell("note: on a GPU the first batches of each kind take long: kernels are compiled and tried out");
        }
        let mut progress = RunProgress::of_run(shown, self.estimate()?, interrupt::listen(shown, "batch")?);
        let ended = adapt::run_steps(&self.run, &mut self.components, &self.plan, steps, &mut progress);
        if let Err(error) = ended {
            // What is advised, as of data or of memory, may be another configuration than that of the run.
            let keeps_nothing = !run_dir::is_begun(&self.root, &Step::new(0, StepKind::Pretrain));
            let is_taken_back = self.is_new && keeps_nothing && is_refusal(&error);
            let told = progress.ended(error, &self.root, iterations);
            if is_taken_back {
                self.run.take_back();
            }
            return Err(told);
        }
        Ok(Finished { results: iteration_results(&self.root, self.plan.iterations)?, root: self.root })
    }
}

/// Whether data or configuration are refused, and not a disk or a process at fault.
fn is_refusal(error: &AdaptError) -> bool {
    match error {
        AdaptError::InStep { error, .. } => is_refusal(error),
        AdaptError::Component(_) | AdaptError::Data(_) | AdaptError::Run(RunError::Content { .. }) => true,
        _ => false,
    }
}

/// The directory and the checked configuration of a run.
fn plan(location: &Path, overrides: &[Override]) -> anyhow::Result<(PathBuf, Plan)> {
    ensure!(
        location.exists(),
        "{}: there is neither a configuration nor a run; `rl4seg init` writes a configuration",
        location.display()
    );
    if location.is_dir() {
        run_dir::read_config(location)?;
        return Ok((location.to_owned(), moves::config(location, overrides)?.check()?));
    }
    let config = config::read(location, overrides)?;
    Ok((config.output.clone(), config.check()?))
}

/// The configuration that a run was begun with, with its data where they lie now.
pub fn plan_of_run(run: &Path) -> anyhow::Result<Plan> {
    run_dir::read_config(run)?;
    Ok(moves::config(run, &[])?.check()?)
}

fn components(root: &Path, plan: &Plan, catalog: &Catalog, device: &DeviceArg) -> anyhow::Result<Components> {
    require_data(root, plan)?;
    let labels = &catalog::modality(catalog, &plan.modality)?.labels;
    let mut networks = Networks::new(plan, catalog, channels(plan, catalog)?, labels.len(), device)?;
    let pretrain = Step::new(0, StepKind::Pretrain);
    let is_begun = run_dir::is_begun(root, &pretrain);
    let checkpoint = plan.pretrain.checkpoint.as_ref().filter(|_| !is_begun);
    let prefix = plan.pretrain.checkpoint_prefix.as_deref();
    let start = checkpoint.map(|checkpoint| networks.start_from(checkpoint, prefix)).transpose()?;
    let components = Components::load(plan, catalog, Box::new(networks.policy), Box::new(networks.reward))?;
    Ok(Components { start, ..components })
}

/// Channels of the first source image; all others must have as many.
fn channels(plan: &Plan, catalog: &Catalog) -> anyhow::Result<usize> {
    let source = catalog.data_source(&plan.source.component, &plan.source.settings_json())?;
    let cases = source.cases()?;
    let first = cases.first().context("the source domain has no cases")?;
    Ok(source.image(&first.id)?.channels())
}

fn open_or_create(root: &Path, plan: &Plan, catalog: &Catalog, device: &DeviceArg) -> anyhow::Result<RunDir> {
    let config = toml::to_string(&**plan).context("writing the configuration")?;
    if !root.exists() {
        let manifest = Manifest::new(device.name(), plan.seed, &config, catalog::records(catalog, plan)?);
        return Ok(RunDir::create(root, &manifest, &config)?);
    }
    let run = RunDir::open(root)?;
    if let Some(holder) = run.left_by() {
        note(&format!("note: {holder} worked on this run and was ended; what it had kept is gone on from"));
    }
    let begun_with = run_dir::read_config(root)?;
    let may_move = adapt::data_may_move(root)?;
    let mut differences = differences(&with_defaults(&begun_with)?, &config.parse()?);
    differences.retain(|key, _| !(may_move && moves::is_place(key)));
    if !differences.is_empty() {
        let list: String = differences.iter().map(|(key, change)| format!("\n  {key}: {change}")).collect();
        bail!(
            "{} was begun with another configuration; choose another output, or take these back:{list}{}",
            root.display(),
            shortcut(root, &differences)
        );
    }
    if !Step::all(plan.iterations).all(|step| run.is_done(&step)) {
        require_same_plugins(root, &run_dir::read_manifest(root)?, &catalog::records(catalog, plan)?)?;
    }
    Ok(run)
}

/// How to come to a run with another configuration without pretraining again, where its networks would be the same.
fn shortcut(root: &Path, differences: &BTreeMap<String, String>) -> String {
    let pretrain = Step::new(0, StepKind::Pretrain);
    if !run_dir::is_begun(root, &pretrain) {
        return format!("\nNothing is finished in it: remove {} to begin anew", root.display());
    }
    let network = root.join(layout::step(&pretrain)).join(layout::ACTOR);
    match path::absolute(&network) {
        Ok(absolute) if network.is_file() && !differences.keys().any(|key| is_of_pretraining(key)) => {
            let start = interrupt::quoted(&format!("pretrain.checkpoint={}", absolute.display()));
            format!("\nAnother run need not pretrain again: --set pretrain.epochs=0 --set {start}")
        }
        _ => String::new(),
    }
}

/// Whether a pretrained network depends on a key of the configuration: on what it is, sees, or has not seen.
fn is_of_pretraining(key: &str) -> bool {
    const TABLES: [&str; 7] = ["modality", "network", "preprocess", "pretrain", "seed", "source", "splits"];
    TABLES.iter().any(|table| key.split('.').next() == Some(table))
}

/// Refuses to go on with other plugins than the run was begun with: its steps would not be of one piece.
pub fn require_same_plugins(root: &Path, manifest: &Manifest, now: &[PluginRecord]) -> anyhow::Result<()> {
    for then in &manifest.plugins {
        let Some(now) = now.iter().find(|record| record.name == then.name) else { continue };
        // What is linked into the program has no file; the core is the program, and its version that of the run's files.
        let is_same =
            now.sha256 == then.sha256 && (now.sha256.is_some() || now.version == then.version || now.name == PLUGIN);
        ensure!(
            is_same,
            "{}: the plugin `{}` is not the one that the run was begun with (version {}, SHA-256 {}; now {}, {}); put that one \
             back, or begin another run",
            root.display(),
            then.name,
            then.version,
            then.sha256.as_deref().unwrap_or("of the program"),
            now.version,
            now.sha256.as_deref().unwrap_or("of the program")
        );
    }
    Ok(())
}

/// A configuration as this version would write it: an earlier one wrote fewer keys.
fn with_defaults(text: &str) -> anyhow::Result<toml::Table> {
    match toml::from_str::<RawConfig>(text) {
        Ok(config) => Ok(toml::to_string(&config).context("writing the configuration")?.parse()?),
        Err(_) => Ok(text.parse()?),
    }
}

/// The keys in which two configurations differ, with what is told of both values. Where a run lies is no difference.
fn differences(begun_with: &toml::Table, now: &toml::Table) -> BTreeMap<String, String> {
    let (mut then, mut now) = (flat(begun_with), flat(now));
    then.remove("output");
    now.remove("output");
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let show = |value: Option<&String>| value.cloned().unwrap_or_else(|| "absent".to_owned());
    keys.into_iter()
        .filter(|key| then.get(*key) != now.get(*key))
        .map(|key| (key.clone(), format!("was {}, is now {}", show(then.get(key)), show(now.get(key)))))
        .collect()
}

/// Every value by its dotted key.
fn flat(table: &toml::Table) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                values.extend(flat(inner).into_iter().map(|(below, value)| (format!("{key}.{below}"), value)));
            }
            other => {
                values.insert(key.clone(), other.to_string());
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_an_earlier_version_did_not_write_is_no_difference() {
        let text = "modality = 'echo'\noutput = 'run'\nseed = 3\nvalidity = []\ndistortion = []\n\
                    corrector = { component = 'morphology' }\nsource = { component = 'a' }\ntarget = { component = 'b' }\n";
        let filled = with_defaults(text).unwrap();
        assert_eq!(filled["network"]["precision"].as_str(), Some("float32"));
        assert!(differences(&filled, &with_defaults(&filled.to_string()).unwrap()).is_empty());
    }

    #[test]
    fn a_plugin_within_the_program_is_another_in_another_version() {
        let record = |name: &str, version: &str, sha256: Option<&str>| PluginRecord {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: sha256.map(str::to_owned),
        };
        let is_same = |then: PluginRecord, now: PluginRecord| {
            let manifest = Manifest::new("cpu", 1, "", vec![then]);
            require_same_plugins(Path::new("run"), &manifest, &[now]).is_ok()
        };
        assert!(is_same(record("echo", "1.0.0", None), record("echo", "1.0.0", None)));
        assert!(!is_same(record("echo", "1.0.0", None), record("echo", "1.0.1", None)));
        assert!(!is_same(record("echo", "1.0.0", None), record("echo", "1.0.0", Some("00"))));
        assert!(is_same(record("echo", "1.0.0", Some("00")), record("echo", "1.0.0", Some("00"))));
        assert!(
            is_same(record(PLUGIN, "1.0.0", None), record(PLUGIN, "1.0.1", None)),
            "runs of earlier versions go on"
        );
    }

    #[test]
    fn a_network_is_not_recommended_to_a_run_that_would_have_trained_another() {
        for key in ["seed", "splits.test", "network.width", "pretrain.epochs", "source.root", "preprocess.size"] {
            assert!(is_of_pretraining(key), "{key}");
        }
        for key in ["iterations", "policy.epochs", "reward.batch", "target.root", "validity"] {
            assert!(!is_of_pretraining(key), "{key}");
        }
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let then = "output = 'a'\nseed = 1\n[policy]\nepochs = 5\nbatch = 8\n".parse().unwrap();
        let now = "output = 'b'\nseed = 1\n[policy]\nepochs = 6\nbatch = 8\nrule = 'ppo'\n".parse().unwrap();
        let told = [("policy.epochs", "was 5, is now 6"), ("policy.rule", "was absent, is now \"ppo\"")];
        let told = told.map(|(key, change)| (key.to_owned(), change.to_owned()));
        assert_eq!(differences(&then, &now), told.into());
        assert!(differences(&then, &then).is_empty());
    }
}

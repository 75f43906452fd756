use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use rl4seg_core::{config, io::write_atomically, plugin::Catalog};
use serde::Deserialize;
use serde_json::json;

use super::{
    init::find,
    phantom::{Amount, Domain, Phantom},
};
use crate::{
    appearance,
    args::GlobalArgs,
    catalog,
    configuration::Configuration,
    networks::DeviceArg,
    output::{self, Shown, results_table},
    session,
};

/// Run the whole loop on synthetic images: nothing else is needed
///
/// Writes two synthetic data sets as NIfTI files, one with labels and a shifted one without, adapts
/// from the first to the second, and shows what changed. Started again, it goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg demo --out demo --seed 3")]
pub struct Args {
    /// The folder for images, configuration and run
    #[arg(long, value_name = "DIR", default_value = "rl4seg-demo")]
    out: PathBuf,
    /// The seed of images and run [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Iterations of the loop [default: those of the demo]
    #[arg(long, value_name = "N")]
    iterations: Option<usize>,
    #[command(flatten)]
    device: DeviceArg,
}

/// The kind of images that the demo is about.
const MODALITY: &str = "echo";
const CONFIGURATION: &str = "run.toml";
/// The folders of images, by domain.
const DOMAINS: [(Domain, &str); 2] = [(Domain::Source, "source"), (Domain::Target, "target")];
/// Where images and configuration are written; what is in the folder of the demo itself is complete, and of one seed.
const UNFINISHED: &str = ".unfinished";

/// The numbers of `demo.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    images: Images,
    configuration: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    size: usize,
    source: Parts,
    target: Parts,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    train: usize,
    validation: usize,
    test: usize,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let configuration = args.out.join(CONFIGURATION);
    if !configuration.exists() {
        prepare(args, &catalog, global.shown())?;
    }
    require_same_demo(args, &configuration)?;
    let finished = session::adapt(&configuration, &[], &catalog, &args.device, global.shown())?;
    let [written, run] = [&configuration, &finished.root].map(|path| path.to_string_lossy());
    let result = json!({ "configuration": written, "run": run, "results": &finished.results });
    output::result(global.json, &result, || {
        format!(
            "\n{}\nimages:        {}\nconfiguration: {}\nrun:           {}",
            results_table(&finished.results),
            args.out.display(),
            configuration.display(),
            finished.root.display()
        )
    })
}

/// What was asked for must be what the demo in this folder was begun with, and what is there must be a demo.
fn require_same_demo(args: &Args, configuration: &Path) -> anyhow::Result<()> {
    let begun_with = config::read(configuration, &[])?;
    let folder = fs::canonicalize(&args.out).with_context(|| format!("{}: cannot be read", args.out.display()))?;
    for (domain, (_, name)) in [&begun_with.source, &begun_with.target].into_iter().zip(DOMAINS) {
        let root = domain.settings.get("root").and_then(toml::Value::as_str);
        ensure!(
            root.is_some_and(|root| Path::new(root) == folder.join(name)),
            "{} is no configuration of a demo: its [{name}] lies elsewhere. Choose another --out; `rl4seg adapt` takes your own",
            configuration.display()
        );
    }
    let other_seed = args.seed.is_some_and(|seed| seed != begun_with.seed);
    let other_iterations = args.iterations.is_some_and(|iterations| iterations != begun_with.iterations);
    ensure!(
        !other_seed && !other_iterations,
        "{} was begun with seed {} and {} iterations; choose another --out for other numbers",
        args.out.display(),
        begun_with.seed,
        begun_with.iterations
    );
    Ok(())
}

/// Makes images and configuration, in a folder that holds nothing yet but what an earlier attempt left.
fn prepare(args: &Args, catalog: &Catalog, shown: Shown) -> anyhow::Result<()> {
    let unfinished = args.out.join(UNFINISHED);
    if !unfinished.join(CONFIGURATION).exists() {
        require_empty(&args.out)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).with_context(|| format!("{}: cannot be removed", unfinished.display()))?;
        }
        fs::create_dir_all(&unfinished).with_context(|| format!("{}: cannot be made", unfinished.display()))?;
        write(args, &unfinished, catalog, shown)?;
    }
    move_out(&unfinished, &args.out)
}

/// Refuses a folder in which there is something of others.
fn require_empty(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))?;
    for entry in entries {
        let name = entry.with_context(|| format!("{}: cannot be read", folder.display()))?.file_name();
        ensure!(
            name == UNFINISHED,
            "{}: has `{}` in it and no {CONFIGURATION} of a demo; expected a folder that is empty or not there. Choose another --out",
            folder.display(),
            name.display()
        );
    }
    Ok(())
}

/// Moves what is complete to its place. The configuration comes last, so where there is one, all is there.
fn move_out(unfinished: &Path, folder: &Path) -> anyhow::Result<()> {
    for name in DOMAINS.iter().map(|(_, name)| *name).chain([CONFIGURATION]) {
        let (from, to) = (unfinished.join(name), folder.join(name));
        if from.exists() {
            fs::rename(&from, &to).with_context(|| format!("{}: cannot be made", to.display()))?;
        }
    }
    fs::remove_dir(unfinished).with_context(|| format!("{}: cannot be removed", unfinished.display()))
}

/// Writes images and configuration. The configuration comes last.
fn write(args: &Args, folder: &Path, catalog: &Catalog, shown: Shown) -> anyhow::Result<()> {
    let modality = catalog::modality(catalog, MODALITY)?;
    let numbers: Numbers = toml::from_str(include_str!("demo.toml")).context("demo.toml")?;
    let seed = args.seed.unwrap_or(0);
    let mut text = Configuration::of_preset(modality)?;
    text.overlay(&numbers.configuration.to_string())?;
    text.set("seed", i64::try_from(seed).context("--seed is too large for a TOML file")?);
    if let Some(iterations) = args.iterations {
        text.set("iterations", i64::try_from(iterations).context("--iterations is too large")?);
    }
    let mut appearances = Vec::new();
    for ((domain, name), parts) in DOMAINS.into_iter().zip([numbers.images.source, numbers.images.target]) {
        let Parts { train, validation, test } = parts;
        let amount = Amount { size: numbers.images.size, train, validation, test };
        let images = folder.join(name);
        Phantom { domain, seed, amount }.write(catalog, modality, &images, shown)?;
        let found = find(catalog, modality, &images, &[])?;
        text.set_domain(name, &found.component, Path::new(name));
        appearances.push(found.appearance);
    }
    if let [source, target] = appearances.as_slice() {
        appearance::fit(&mut text, source, target)?;
    }
    Ok(write_atomically(&folder.join(CONFIGURATION), text.to_string().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attempt_left_is_moved_on_and_what_others_left_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("demo");
        require_empty(&out).unwrap();
        let unfinished = out.join(UNFINISHED);
        fs::create_dir_all(unfinished.join("target")).unwrap();
        require_empty(&out).unwrap();
        // Stopped after the first folder was moved.
        fs::create_dir(out.join("source")).unwrap();
        fs::write(unfinished.join(CONFIGURATION), "").unwrap();
        move_out(&unfinished, &out).unwrap();
        assert!(out.join("target").is_dir() && out.join(CONFIGURATION).is_file() && !unfinished.exists());
        fs::remove_file(out.join(CONFIGURATION)).unwrap();
        let refused = require_empty(&out).unwrap_err().to_string();
        assert!(refused.contains("expected a folder that is empty or not there"), "{refused}");
    }
}

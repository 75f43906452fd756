use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use rl4seg_core::{component::Modality, config, io::write_atomically, plugin::Catalog};
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
    if configuration.exists() {
        refuse_other_numbers(args, &configuration)?;
    } else {
        prepare(args, &configuration, &catalog, global.shown())?;
    }
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

/// What was asked for must be what the demo in this folder was begun with.
fn refuse_other_numbers(args: &Args, configuration: &Path) -> anyhow::Result<()> {
    let begun_with = config::read(configuration, &[])?;
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

/// Writes images and configuration. The configuration comes last, so where there is one, all is there.
fn prepare(args: &Args, configuration: &Path, catalog: &Catalog, shown: Shown) -> anyhow::Result<()> {
    let modality = catalog::modality(catalog, MODALITY)?;
    let numbers: Numbers = toml::from_str(include_str!("demo.toml")).context("demo.toml")?;
    let seed = args.seed.unwrap_or(0);
    let mut text = Configuration::of_preset(modality)?;
    text.overlay(&numbers.configuration.to_string())?;
    text.set("seed", i64::try_from(seed).context("--seed is too large for a TOML file")?);
    if let Some(iterations) = args.iterations {
        text.set("iterations", i64::try_from(iterations).context("--iterations is too large")?);
    }
    fs::create_dir_all(&args.out).with_context(|| format!("{}: cannot be made", args.out.display()))?;
    let mut appearances = Vec::new();
    for (domain, name, parts) in
        [(Domain::Source, "source", numbers.images.source), (Domain::Target, "target", numbers.images.target)]
    {
        let Parts { train, validation, test } = parts;
        let amount = Amount { size: numbers.images.size, train, validation, test };
        let folder = args.out.join(name);
        write_images(Phantom { domain, seed, amount }, catalog, modality, &folder, shown)?;
        let found = find(catalog, modality, &folder, &[])?;
        text.set_domain(name, &found.component, Path::new(name));
        appearances.push(found.appearance);
    }
    if let [source, target] = appearances.as_slice() {
        appearance::fit(&mut text, source, target)?;
    }
    Ok(write_atomically(configuration, text.to_string().as_bytes())?)
}

/// Writes a domain's images to a folder that is there only when it is complete.
fn write_images(
    phantom: Phantom,
    catalog: &Catalog,
    modality: &Modality,
    folder: &Path,
    shown: Shown,
) -> anyhow::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("{}: cannot be removed", partial.display()))?;
    }
    phantom.write(catalog, modality, &partial, shown)?;
    fs::rename(&partial, folder).with_context(|| format!("{}: cannot be made", folder.display()))
}

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::{CommandFactory, error::ErrorKind};
use rl4seg_core::{component::Modality, config::Override, io::write_atomically, plugin::Catalog};
use serde_json::json;

use crate::{
    appearance::{self, Appearance},
    args::GlobalArgs,
    asking::Asking,
    catalog,
    configuration::Configuration,
    output::{self, utf8},
    source_settings::{table, with_root},
};

/// Write a commented configuration for your own two folders of images
///
/// Finds out which of the modality's data sources can read each folder. On a terminal it asks for what was not given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg init --modality echo --source data/camus --target data/ours\n  \
                  rl4seg init --modality echo --source camus --target pictures --target-set spacing_mm=[0.3,0.3]\n  rl4seg adapt run.toml")]
pub struct Args {
    /// The kind of images
    #[arg(long)]
    modality: Option<String>,
    /// The folder with labels
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// The folder without labels
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
    /// A setting of the source's data source, as `spacing_mm=[0.3,0.3]` for pictures, which tell none; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    source_set: Vec<Override>,
    /// The same of the target
    #[arg(long, value_name = "KEY=VALUE")]
    target_set: Vec<Override>,
    /// The configuration file to write
    #[arg(long, value_name = "FILE", default_value = "run.toml")]
    out: PathBuf,
    /// Take the method's numbers as they were published, not those of the modality's preset
    #[arg(long)]
    published: bool,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    ensure!(!args.out.exists(), "{} is there already; remove it or choose another --out", args.out.display());
    let out = utf8(&args.out)?;
    let asking = asking(args, global)?;
    let catalog = catalog::load(global)?;
    let modality = catalog::modality(&catalog, &asking.modality(&catalog, args.modality.as_deref())?)?;
    let source = asking.folder("source", "The folder with labels", args.source.as_deref())?;
    let target = asking.folder("target", "The folder without labels", args.target.as_deref())?;
    let source = find(&catalog, modality, &source, &args.source_set)?;
    let target = find(&catalog, modality, &target, &args.target_set)?;
    require_two_domains(&source, &target)?;
    let mut configuration = Configuration::of_preset(modality)?;
    if args.published {
        configuration.take_published_method();
    }
    for (domain, found) in [("source", &source), ("target", &target)] {
        configuration.set_domain(domain, &found.component, &found.root);
        configuration
            .overlay(&toml::Table::from_iter([(domain.to_owned(), found.settings.clone().into())]).to_string())?;
    }
    appearance::fit(&mut configuration, &source.appearance, &target.appearance)?;
    write_atomically(&args.out, configuration.to_string().as_bytes())?;
    let result = json!({ "configuration": out, "source": source.json(), "target": target.json() });
    output::result(global.json, &result, || {
        format!(
            "source: {source}\ntarget: {target}\nwrote {}; look it over, then: rl4seg adapt {}",
            args.out.display(),
            args.out.display()
        )
    })
}

/// What is not given can be asked for, or is told as a wrong usage.
fn asking(args: &Args, global: &GlobalArgs) -> anyhow::Result<Asking> {
    let given = [
        ("--modality <NAME>", args.modality.is_some()),
        ("--source <DIR>", args.source.is_some()),
        ("--target <DIR>", args.target.is_some()),
    ];
    let missing: Vec<&str> = given.into_iter().filter(|(_, is_given)| !is_given).map(|(flag, _)| flag).collect();
    if missing.is_empty() || Asking::is_possible(global) {
        return Ok(Asking);
    }
    let message =
        format!("these are missing: {}; on a terminal `rl4seg init` asks for them, here it cannot", missing.join(", "));
    let mut command = crate::args::Args::command();
    command.build();
    let usage = command.find_subcommand_mut("init").context("the command `init`")?;
    Err(usage.error(ErrorKind::MissingRequiredArgument, message).into())
}

/// The source has labels, the target is another data set, and they were not swapped.
fn require_two_domains(source: &Found, target: &Found) -> anyhow::Result<()> {
    let swapped = match target.references {
        0 => String::new(),
        count => format!("; {} has {count}: were --source and --target swapped?", target.root.display()),
    };
    ensure!(
        source.references > 0,
        "{}: none of its {} cases has an expert's label map; the source domain needs them{swapped}",
        source.root.display(),
        source.cases
    );
    ensure!(
        source.root != target.root,
        "{}: is given as source and as target; there would be nothing to adapt to",
        source.root.display()
    );
    Ok(())
}

/// A folder, and the data source that reads it.
pub struct Found {
    /// The folder; its name is UTF-8.
    pub root: PathBuf,
    /// Names the data source.
    pub component: String,
    /// What it is made from beside the folder.
    pub settings: toml::Table,
    cases: usize,
    references: usize,
    /// What its images look like.
    pub appearance: Appearance,
}

impl Found {
    fn json(&self) -> serde_json::Value {
        json!({ "root": &self.root, "component": &self.component, "cases": self.cases, "references": self.references })
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { root, component, cases, references, .. } = self;
        write!(f, "{}: {cases} cases, {references} with an expert's label map, read by {component}", root.display())
    }
}

/// How to go on where a folder alone is not enough.
const ADVICE: &str = "What a data source asks for stands beside `root` in a configuration; `rl4seg init` takes it with --source-set \
                      and --target-set KEY=VALUE";

/// The first of the modality's data sources that can read `folder`, with these settings.
pub fn find(catalog: &Catalog, modality: &Modality, folder: &Path, given: &[Override]) -> anyhow::Result<Found> {
    ensure!(folder.is_dir(), "{}: there is no such folder", folder.display());
    let root = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
    let settings = table(given)?;
    let json = with_root(&settings, &root)?;
    let mut refusals = String::new();
    for component in &modality.folder_sources {
        let opened = catalog.data_source(component, &json).and_then(|source| Ok((source.cases()?, source)));
        match opened {
            Ok((cases, source)) => {
                let refused = || format!("{}: an image cannot be used. {ADVICE}", folder.display());
                let appearance = Appearance::of(source.as_ref(), &cases).with_context(refused)?;
                let references = cases.iter().filter(|case| case.has_reference).count();
                let component = component.clone();
                return Ok(Found { root, component, settings, cases: cases.len(), references, appearance });
            }
            Err(error) => {
                refusals.push_str(&format!("\n  {component}: {}", error.chain().collect::<Vec<_>>().join(": ")));
            }
        }
    }
    bail!("{}: no data source of the modality `{}` can read it:{refusals}\n{ADVICE}", folder.display(), modality.id)
}

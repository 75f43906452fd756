use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{component::Modality, io::write_atomically, plugin::Catalog};
use serde_json::json;

use crate::{
    appearance::{self, Appearance},
    args::GlobalArgs,
    catalog,
    configuration::Configuration,
    output,
};

/// Write a commented configuration for your own two folders of images
///
/// Finds out which of the modality's data sources can read each folder.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  rl4seg init --modality echo --source data/camus --target data/ours\n  rl4seg adapt run.toml"
)]
pub struct Args {
    /// The kind of images
    #[arg(long)]
    modality: String,
    /// The folder with labels
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// The folder without labels
    #[arg(long, value_name = "DIR")]
    target: PathBuf,
    /// The configuration file to write
    #[arg(long, value_name = "FILE", default_value = "run.toml")]
    out: PathBuf,
    /// Take the method's numbers as they were published, not those of the modality's preset
    #[arg(long)]
    published: bool,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    ensure!(!args.out.exists(), "{} is there already; remove it or choose another --out", args.out.display());
    let catalog = catalog::load(global)?;
    let modality = catalog::modality(&catalog, &args.modality)?;
    let source = find(&catalog, modality, &args.source)?;
    let target = find(&catalog, modality, &args.target)?;
    ensure!(
        source.references > 0,
        "{}: none of its {} cases has an expert's label map; the source domain needs them",
        args.source.display(),
        source.cases
    );
    ensure!(
        source.root != target.root,
        "{}: is given as source and as target; there would be nothing to adapt to",
        args.source.display()
    );
    let mut configuration = Configuration::of_preset(modality)?;
    if args.published {
        configuration.take_published_method();
    }
    configuration.set_domain("source", &source.component, &source.root);
    configuration.set_domain("target", &target.component, &target.root);
    appearance::fit(&mut configuration, &source.appearance, &target.appearance)?;
    write_atomically(&args.out, configuration.to_string().as_bytes())?;
    let result = json!({ "configuration": &args.out, "source": source.json(), "target": target.json() });
    output::result(global.json, &result, || {
        format!(
            "source: {source}\ntarget: {target}\nwrote {}; look it over, then: rl4seg adapt {}",
            args.out.display(),
            args.out.display()
        )
    })
}

/// A folder, and the data source that reads it.
pub struct Found {
    /// The folder.
    pub root: PathBuf,
    /// Names the data source.
    pub component: String,
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

/// The first of the modality's data sources that can read `folder`.
pub fn find(catalog: &Catalog, modality: &Modality, folder: &Path) -> anyhow::Result<Found> {
    ensure!(folder.is_dir(), "{}: there is no such folder", folder.display());
    let root = fs::canonicalize(folder).with_context(|| folder.display().to_string())?;
    let mut refusals = String::new();
    for component in &modality.folder_sources {
        let settings = json!({ "root": &root }).to_string();
        let opened = catalog.data_source(component, &settings).and_then(|source| Ok((source.cases()?, source)));
        match opened {
            Ok((cases, source)) => {
                let appearance = Appearance::of(source.as_ref(), &cases)?;
                let references = cases.iter().filter(|case| case.has_reference).count();
                return Ok(Found { root, component: component.clone(), cases: cases.len(), references, appearance });
            }
            Err(error) => {
                refusals.push_str(&format!("\n  {component}: {}", error.chain().collect::<Vec<_>>().join(": ")));
            }
        }
    }
    bail!("{}: no data source of the modality `{}` can read it:{refusals}", folder.display(), modality.id)
}

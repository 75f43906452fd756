//! `rl4seg data`: what a folder holds, and the same cases in another layout.

mod cases;
mod convert;
mod inspect;
mod sheet;

pub use sheet::window;

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Subcommand;
use rl4seg_core::{
    component::{ComponentError, ComponentKind, DataSource, Modality},
    config::Override,
    near_name::{did_you_mean, nearest_component},
    plugin::{Catalog, PluginInfo},
};

use crate::{
    args::GlobalArgs,
    catalog::{self, name_of},
    source_settings::{table, with_root},
};

/// Look into data sets, and write them in another layout
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  rl4seg data inspect scans/ --modality echo --sheet scans.svg")]
pub enum Command {
    Inspect(inspect::Args),
    Convert(convert::Args),
}

pub fn run(command: &Command, global: &GlobalArgs) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect::run(args, global),
        Command::Convert(args) => convert::run(args, global),
    }
}

/// A folder that a data source has opened.
struct Opened {
    modality: String,
    component: String,
    source: Box<dyn DataSource>,
}

/// A folder, and what is to read it.
#[derive(Debug, clap::Args)]
pub struct Folder {
    /// The folder
    #[arg(value_name = "FOLDER")]
    path: PathBuf,
    /// The modality whose data sources and labels are taken; without it, those of all modalities that are loaded, where they do not read it differently
    #[arg(long)]
    modality: Option<String>,
    /// The data source that reads it, as `images` or `echo/images`; without it, each that a folder is enough for is tried
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// A setting of the data source beside `root`, as it stands in a configuration; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Override>,
}

impl Folder {
    /// Opens it by the first data source that can read it.
    fn open(&self, catalog: &Catalog) -> anyhow::Result<Opened> {
        let settings = with_root(&table(&self.settings)?, &self.path)?;
        let opened = |component: &str| {
            let source = catalog.data_source(component, &settings)?;
            Ok::<_, ComponentError>((source.cases()?, source))
        };
        let mut refusals = String::new();
        let mut sources = self.sources(catalog)?.into_iter();
        while let Some((modality, component)) = sources.next() {
            match opened(&component) {
                Ok((cases, source)) => {
                    if cases.iter().any(|case| case.has_reference) {
                        let same =
                            sources.map(|(_, other)| other).filter(|other| is_called(other, name_of(&component)));
                        self.require_only(&component, same.filter(|other| opened(other).is_ok()))?;
                    }
                    return Ok(Opened { modality, component, source });
                }
                Err(error) => {
                    refusals.push_str(&format!("\n  {component}: {}", error.chain().collect::<Vec<_>>().join(": ")));
                }
            }
        }
        let advice = match &self.component {
            Some(_) => "",
            None => "\nName the one that should, with --component, and give what it asks for, with --set KEY=VALUE",
        };
        bail!("{}: no data source can read it:{refusals}{advice}", self.path.display())
    }

    /// Refuses label maps in a layout that the data sources of several modalities read: each takes their values for other structures.
    fn require_only(&self, component: &str, others: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let others: Vec<String> = others.collect();
        ensure!(
            others.is_empty(),
            "{}: can be read by {component} and {}, which give its labels other names; say what kind of images they are with --modality",
            self.path.display(),
            others.join(", ")
        );
        Ok(())
    }

    /// The data sources that are tried, each with its modality.
    fn sources(&self, catalog: &Catalog) -> anyhow::Result<Vec<(String, String)>> {
        let modalities: Vec<&Modality> = match &self.modality {
            Some(id) => vec![catalog::modality(catalog, id)?],
            None => catalog::modalities(catalog).collect(),
        };
        let Some(wanted) = &self.component else {
            let sources = modalities.into_iter().flat_map(sources_of);
            // A source that takes any folder of images is tried after all that know a layout.
            let (any, laid_out): (Vec<_>, Vec<_>) = sources.partition(|(_, source)| source.ends_with("/images"));
            return Ok(laid_out.into_iter().chain(any).collect());
        };
        let all = all_sources(catalog, self.modality.as_deref());
        let found: Vec<_> = all.iter().filter(|(_, source)| is_called(source, wanted)).cloned().collect();
        if found.is_empty() {
            let known: Vec<&str> = all.iter().map(|(_, source)| source.as_str()).collect();
            let near = did_you_mean(nearest_component(wanted, known.iter().copied()));
            bail!("--component: there is no data source `{wanted}`; expected one of {}{near}", known.join(", "));
        }
        Ok(found)
    }
}

/// Whether a component is called so, with or without the name of its plugin.
fn is_called(component: &str, wanted: &str) -> bool {
    component == wanted || name_of(component) == wanted
}

/// The data sources that a folder is enough for.
fn sources_of(modality: &Modality) -> impl Iterator<Item = (String, String)> {
    modality.folder_sources.iter().map(|source| (modality.id.clone(), source.clone()))
}

/// All data sources, or those of the plugin that brings a modality.
fn all_sources(catalog: &Catalog, modality: Option<&str>) -> Vec<(String, String)> {
    let modality_of = |plugin: &PluginInfo| plugin.modality.as_ref().map(|own| own.id.clone());
    let is_wanted = |plugin: &&PluginInfo| modality.is_none() || modality_of(plugin).as_deref() == modality;
    let of_plugin = |plugin: &PluginInfo| {
        let modality = modality_of(plugin).unwrap_or_else(|| plugin.name.clone());
        let sources = plugin.components.iter().filter(|component| component.kind == ComponentKind::DataSource);
        sources.map(|source| (modality.clone(), source.id.clone())).collect::<Vec<_>>()
    };
    catalog.plugins().iter().filter(is_wanted).flat_map(of_plugin).collect()
}

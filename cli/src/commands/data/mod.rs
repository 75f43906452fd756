//! `rl4seg data`: what a folder holds, and the same cases in another layout.

mod cases;
mod convert;
mod inspect;
mod sheet;

pub use sheet::window;

use std::path::Path;

use anyhow::bail;
use clap::Subcommand;
use rl4seg_core::{
    component::{DataSource, Modality},
    plugin::Catalog,
};
use serde_json::json;

use crate::{args::GlobalArgs, catalog};

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

/// Opens a folder by the first data source that can read it: those of `modality`, or of all modalities that are loaded.
fn open(catalog: &Catalog, modality: Option<&str>, folder: &Path) -> anyhow::Result<Opened> {
    let modalities: Vec<&Modality> = match modality {
        Some(id) => vec![catalog::modality(catalog, id)?],
        None => catalog.plugins().iter().filter_map(|plugin| plugin.modality.as_ref()).collect(),
    };
    let sources = modalities.into_iter().flat_map(sources_of);
    // A source that takes any folder of images is tried after all that know a layout.
    let (any, laid_out): (Vec<_>, Vec<_>) = sources.partition(|(_, source)| source.ends_with("/images"));
    let mut refusals = String::new();
    for (modality, component) in laid_out.into_iter().chain(any) {
        let opened = catalog.data_source(component, &json!({ "root": folder }).to_string());
        match opened.and_then(|source| source.cases().map(|_| source)) {
            Ok(source) => return Ok(Opened { modality: modality.id.clone(), component: component.clone(), source }),
            Err(error) => {
                refusals.push_str(&format!("\n  {component}: {}", error.chain().collect::<Vec<_>>().join(": ")));
            }
        }
    }
    bail!("{}: no data source can read it:{refusals}", folder.display())
}

fn sources_of(modality: &Modality) -> impl Iterator<Item = (&Modality, &String)> {
    modality.folder_sources.iter().map(move |source| (modality, source))
}

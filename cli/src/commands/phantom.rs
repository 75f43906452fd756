use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use rl4seg_core::{component::Modality, io::write_cases, plugin::Catalog};
use serde::Serialize;
use serde_json::json;

use crate::{
    args::GlobalArgs,
    catalog,
    output::{self, Counter, Shown, utf8},
};

/// Write a data set of synthetic images with their label maps as NIfTI files
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg phantom --modality echo --domain target --out phantom --train 300")]
pub struct Args {
    /// The modality whose phantom is written
    #[arg(long)]
    modality: String,
    /// The folder to write, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which of the two domains
    #[arg(long, default_value = "source")]
    domain: Domain,
    #[command(flatten)]
    amount: Amount,
    /// The seed of the images
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The two domains of a phantom.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// The labelled one
    Source,
    /// The shifted one
    Target,
}

/// How many images, and how large.
#[derive(Debug, Clone, Copy, clap::Args, Serialize)]
pub struct Amount {
    /// Pixels along each side
    #[arg(long, default_value_t = 128)]
    pub size: usize,
    /// Images to learn from
    #[arg(long, default_value_t = 200)]
    pub train: usize,
    /// Images to choose checkpoints on
    #[arg(long, default_value_t = 30)]
    pub validation: usize,
    /// Images to report results on
    #[arg(long, default_value_t = 40)]
    pub test: usize,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let out = utf8(&args.out)?;
    let catalog = catalog::load(global)?;
    let modality = catalog::modality(&catalog, &args.modality)?;
    let phantom = Phantom { domain: args.domain, seed: args.seed, amount: args.amount };
    let cases = phantom.write(&catalog, modality, &args.out, global.shown())?;
    let result = json!({ "folder": out, "cases": cases });
    output::result(global.json, &result, || format!("{cases} cases in {}", args.out.display()))
}

/// The settings of a phantom data source.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Phantom {
    pub domain: Domain,
    pub seed: u64,
    #[serde(flatten)]
    pub amount: Amount,
}

impl Phantom {
    /// Writes the phantom of `modality` to the folder `out` and tells how many cases it has.
    pub fn write(self, catalog: &Catalog, modality: &Modality, out: &Path, shown: Shown) -> anyhow::Result<usize> {
        let component =
            modality.phantom.as_ref().with_context(|| format!("the modality `{}` offers no phantom", modality.id))?;
        let source = catalog.data_source(component, &serde_json::to_string(&self)?)?;
        let mut counter = Counter::new(format!("writing {}", out.display()), shown);
        let mut cases = 0;
        write_cases(source.as_ref(), out, &mut |done, total| {
            cases = done;
            counter.at("writing", done, total, "images");
        })
        .with_context(|| format!("writing the phantom to {}", out.display()))?;
        counter.finish(&format!("{cases} cases"));
        Ok(cases)
    }
}

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use rl4seg_core::{
    component::DataSource,
    domain::{CaseEntry, Split},
    io::{
        make_folder,
        nifti::{NiftiGeometry, write_image, write_labels},
        write_atomically,
    },
};
use serde_json::json;

use super::{Folder, Opened};
use crate::{
    args::GlobalArgs,
    catalog,
    output::{self, Counter, utf8},
};

/// Write a data set in the layout of nnU-Net v2
///
/// Cases with a label map go to imagesTr and labelsTr, test cases and those without one to imagesTs; `splits_final.json` holds the
/// split of training and validation cases where the data set has one. Spacing is kept, and where the images lie in the scanner where
/// the data source tells it; else the header says that it is not known (sform_code 0). Patients are in `patients.csv`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rl4seg data convert camus/ --modality echo --out nnUNet_raw/Dataset001_Echo")]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// The folder to write, new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Where a case's files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Training,
    Test,
}

impl Part {
    fn of(entry: &CaseEntry) -> Self {
        if entry.has_reference && entry.split != Some(Split::Test) { Self::Training } else { Self::Test }
    }

    fn folders(self) -> [&'static str; 2] {
        match self {
            Self::Training => ["imagesTr", "labelsTr"],
            Self::Test => ["imagesTs", "labelsTs"],
        }
    }
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let out = utf8(&args.out)?;
    let catalog = catalog::load(global)?;
    let Opened { source, component, .. } = args.folder.open(&catalog)?;
    let entries = source.cases()?;
    make_folder(&args.out, &[Part::Training, Part::Test].map(Part::folders).concat())?;
    let mut counter = Counter::new("convert", global.shown());
    for (index, entry) in entries.iter().enumerate() {
        counter.at(entry.id.as_str(), index, entries.len(), "images");
        write_case(source.as_ref(), entry, &args.out).with_context(|| format!("case {}", entry.id))?;
    }
    counter.finish(&format!("{} cases", entries.len()));
    write_tables(source.as_ref(), &entries, &args.out)?;
    let training = entries.iter().filter(|entry| Part::of(entry) == Part::Training).count();
    let result = json!({ "out": out, "component": component, "training": training, "test": entries.len() - training });
    output::result(global.json, &result, || {
        format!("wrote {training} training and {} test cases to {}", entries.len() - training, args.out.display())
    })
}

fn write_case(source: &dyn DataSource, entry: &CaseEntry, out: &Path) -> anyhow::Result<()> {
    let id = entry.id.as_str();
    let is_name = !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\']);
    ensure!(is_name, "the name `{id}` cannot be that of a file");
    let [images, labels] = Part::of(entry).folders();
    let (image, facts) = source.image_and_facts(&entry.id)?;
    let geometry = NiftiGeometry::of_facts(image.grid(), &facts);
    write_image(&out.join(images).join(format!("{id}_0000.nii.gz")), &image, &geometry)?;
    if let Some(reference) = source.reference(&entry.id)? {
        write_labels(&out.join(labels).join(format!("{id}.nii.gz")), &reference, &geometry)?;
    }
    Ok(())
}

/// `dataset.json`, `splits_final.json` and `patients.csv`.
fn write_tables(source: &dyn DataSource, entries: &[CaseEntry], out: &Path) -> anyhow::Result<()> {
    let training: Vec<&CaseEntry> = entries.iter().filter(|entry| Part::of(entry) == Part::Training).collect();
    let labels: BTreeMap<&str, u8> = source.labels().iter().map(|label| (label.name.as_str(), label.value)).collect();
    let dataset = json!({
        "channel_names": { "0": "image" },
        "labels": labels,
        "numTraining": training.len(),
        "file_ending": ".nii.gz",
    });
    write_atomically(&out.join("dataset.json"), serde_json::to_string_pretty(&dataset)?.as_bytes())?;
    let of = |split: Split| -> Vec<&str> {
        training.iter().filter(|entry| entry.split == Some(split)).map(|entry| entry.id.as_str()).collect()
    };
    let (train, validation) = (of(Split::Train), of(Split::Validation));
    if !train.is_empty() && train.len() + validation.len() == training.len() {
        let splits = json!([{ "train": train, "val": validation }]);
        write_atomically(&out.join("splits_final.json"), serde_json::to_string_pretty(&splits)?.as_bytes())?;
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["case", "patient"])?;
    for entry in entries {
        table.write_record([entry.id.as_str(), &entry.group])?;
    }
    Ok(write_atomically(&out.join("patients.csv"), &table.into_inner().context("writing patients.csv")?)?)
}

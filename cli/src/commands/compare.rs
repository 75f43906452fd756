use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rayon::prelude::*;
use rl4seg_core::{
    domain::LabelSet,
    io::{
        PlacedLabels, Reading,
        formats::{read_labels, read_labels_on},
    },
    measure::{self, StructureScore},
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    label_files::{ValuesArg, pairs},
    output::{self, number, table},
    reading::GridArgs,
};

/// Compare label maps with references: Dice, Hausdorff, HD95 and ASSD for each structure
///
/// Folders, and those in them, are matched by the names of files; the endings `_labels` (of predict) and `_gt` (of CAMUS) do not count.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg compare results/ references/ --modality echo")]
pub struct Args {
    /// Label maps: a file of any format that is read, or a folder of them
    labels: PathBuf,
    /// What is right: a file, or a folder of files of the same names
    reference: PathBuf,
    /// The modality, which says what the labels are
    #[arg(long)]
    modality: String,
    #[command(flatten)]
    grid: GridArgs,
    #[command(flatten)]
    values: ValuesArg,
}

#[derive(Debug, Serialize)]
struct Comparison {
    labels: PathBuf,
    reference: PathBuf,
    structures: Vec<NamedScore>,
}

#[derive(Debug, Serialize)]
struct NamedScore {
    name: String,
    #[serde(flatten)]
    score: StructureScore,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let catalog = catalog::load(global)?;
    let modality = catalog::modality(&catalog, &args.modality)?;
    let pairs = pairs(&args.labels, &args.reference)?;
    let reading = (&args.grid.reading(), args.values.mapping(&modality.labels)?);
    let compared = pairs.into_par_iter().map(|(labels, reference)| {
        let structures = compare(&labels, &reference, reading, &modality.labels)?;
        Ok(Comparison { labels, reference, structures })
    });
    let comparisons = compared.collect::<anyhow::Result<Vec<_>>>()?;
    output::result(global.json, &comparisons, || text(&comparisons, &modality.labels))
}

fn compare(
    labels: &Path,
    reference: &Path,
    (reading, mapping): (&Reading, &[(u32, u8)]),
    set: &LabelSet,
) -> anyhow::Result<Vec<NamedScore>> {
    let (found, right) = both(labels, reference, (reading, mapping), set)?;
    let difference = found.geometry.difference(&right.geometry);
    ensure!(
        difference.is_none(),
        "{} and {} do not lie on the same grid: {}; resample one to the other first",
        labels.display(),
        reference.display(),
        difference.unwrap_or_default()
    );
    let scores = measure::compare(&found.labels, &right.labels, set).with_context(|| labels.display().to_string())?;
    let names = set.structures().map(|label| label.name.clone());
    Ok(names.zip(scores).map(|(name, score)| NamedScore { name, score }).collect())
}

/// Both label maps. One may leave planes out, as a segmentation of DICOM does: it is read on the grid of the other.
fn both(
    labels: &Path,
    reference: &Path,
    (reading, mapping): (&Reading, &[(u32, u8)]),
    set: &LabelSet,
) -> anyhow::Result<(PlacedLabels, PlacedLabels)> {
    let read = |path: &Path| read_labels(path, reading, set, mapping);
    let on =
        |path: &Path, other: &PlacedLabels| read_labels_on(path, reading, set, mapping, &other.geometry.clone().into());
    if let Ok(right) = read(reference) {
        return Ok((on(labels, &right)?, right));
    }
    let found = read(labels)?;
    let right = on(reference, &found)?;
    Ok((found, right))
}

fn text(comparisons: &[Comparison], set: &LabelSet) -> String {
    let header = ["", "structure", "Dice", "Hausdorff mm", "HD95 mm", "ASSD mm"];
    let of_files = comparisons.iter().flat_map(|comparison| {
        let file = comparison.labels.display().to_string();
        comparison.structures.iter().map(move |structure| row(&file, &structure.name, &[structure]))
    });
    let means = set.structures().filter(|_| comparisons.len() > 1).map(|label| {
        let of_all = comparisons.iter().flat_map(|comparison| &comparison.structures);
        let of_structure: Vec<&NamedScore> = of_all.filter(|structure| structure.name == label.name).collect();
        row(&format!("mean of {}", comparisons.len()), &label.name, &of_structure)
    });
    table(&header, of_files.chain(means))
}

fn row(file: &str, structure: &str, scores: &[&NamedScore]) -> Vec<String> {
    let mean = |of: fn(&StructureScore) -> Option<f64>| {
        let values: Vec<f64> = scores.iter().filter_map(|named| of(&named.score)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    vec![
        file.to_owned(),
        structure.to_owned(),
        number(mean(|score| score.dice), 4),
        number(mean(|score| score.hausdorff_mm), 2),
        number(mean(|score| score.hd95_mm), 2),
        number(mean(|score| score.assd_mm), 2),
    ]
}

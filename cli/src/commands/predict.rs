use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use rl4seg_core::{
    adapt::{self, Calibration, Validity},
    component::{Policy, RewardModel},
    config::RewardKind,
    domain::{CaseId, ImageBatch, Verdict, VoxelMap},
    io::{
        Input, PlacedImage, Reading,
        nifti::{write_labels, write_map},
        write_atomically,
    },
    nn::{NetworkPolicy, NetworkReward},
    preprocess::Preprocess,
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    label_files::{LABELS, UNCERTAINTY, images_in},
    networks::{DeviceArg, Networks},
    output::{self, Counter, note, number, percent, table},
    reading::ReadingArgs,
    session,
};

/// Segment images with the latest policy of a run
///
/// Writes for each image, in its own geometry, `<name>_labels.nii.gz` and
/// `<name>_uncertainty.nii.gz`: 1 minus the calibrated probability that a voxel's label is right,
/// and 1 where the network did not look. `scores.csv` has one row for each image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rl4seg predict run scan1.nii.gz scan2.nii.gz --out results")]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// Images of any format that is read (docs/formats.md), folders of them, a DICOMDIR, or a zip archive of DICOM files
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// The folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace results that are there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    device: DeviceArg,
}

/// The name of the table of scores.
const SCORES: &str = "scores.csv";
/// A voxel is uncertain if its label is more likely wrong than right.
const UNCERTAIN: f32 = 0.5;

/// One row of scores.
#[derive(Debug, Serialize)]
struct Scores {
    image: String,
    labels: String,
    uncertainty: String,
    verdict: Verdict,
    mean_uncertainty: f64,
    uncertain_share: f64,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let outputs = outputs(args)?;
    let segmenter = Segmenter::load(args, global)?;
    fs::create_dir_all(&args.out).with_context(|| format!("{}: cannot be made", args.out.display()))?;
    let mut counter = Counter::new("predict", global.shows_progress());
    let mut scores = Vec::new();
    let mut failed = Vec::new();
    let reading = args.reading.reading();
    for (index, (image, output)) in outputs.iter().enumerate() {
        counter.at(&image.path().display().to_string(), index, outputs.len());
        match segmenter.segment_file(image, output, &reading) {
            Ok(row) => scores.push(row),
            Err(error) => failed.push(error),
        }
    }
    counter.finish(&format!("{} of {} images", scores.len(), outputs.len()));
    if !scores.is_empty() {
        let table = args.out.join(SCORES);
        write_atomically(&table, &csv(&table, &scores)?)?;
    }
    if global.json || !scores.is_empty() {
        output::result(global.json, &scores, || text(&scores))?;
    }
    let count = failed.len();
    let Some(last) = failed.pop() else { return Ok(()) };
    failed.iter().for_each(|error| note(&crate::failure::describe(error)));
    Err(last.context(format!("{count} of {} images could not be segmented", outputs.len())))
}

/// The two files of an image's results.
#[derive(Debug, PartialEq)]
struct Output {
    labels: PathBuf,
    uncertainty: PathBuf,
}

/// Where the results of each image go; refuses what would be lost.
fn outputs(args: &Args) -> anyhow::Result<Vec<(Input, Output)>> {
    let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut outputs = Vec::new();
    let mut images = Vec::new();
    for path in &args.images {
        images.extend(images_in(path)?);
    }
    for image in images {
        if let Some(other) = taken.insert(image.name.clone(), image.path()) {
            bail!("{} and {} would have the same results; rename one", other.display(), image.path().display());
        }
        let name = &image.name;
        let path = |ending: &str| args.out.join(format!("{name}{ending}.nii.gz"));
        let output = Output { labels: path(LABELS), uncertainty: path(UNCERTAINTY) };
        outputs.push((image, output));
    }
    let written = outputs.iter().flat_map(|(_, output)| [output.labels.clone(), output.uncertainty.clone()]);
    for path in written {
        ensure!(args.force || !path.exists(), "{} is there already; --force replaces it", path.display());
    }
    Ok(outputs)
}

/// All that segments an image.
struct Segmenter {
    policy: NetworkPolicy,
    reward: NetworkReward,
    calibration: Calibration,
    preprocess: Preprocess,
    validity: Validity,
}

impl Segmenter {
    fn load(args: &Args, global: &GlobalArgs) -> anyhow::Result<Self> {
        let plan = session::plan_of_run(&args.run)?;
        ensure!(
            plan.reward.model == RewardKind::Network,
            "{}: the rewards of this run were comparisons with experts' label maps (reward.model); nothing tells how \
             uncertain a prediction is. Adapt with reward.model = \"network\"",
            args.run.display()
        );
        let catalog = catalog::load(global)?;
        let labels = &catalog::modality(&catalog, &plan.modality)?.labels;
        // An image that is read from files has one channel.
        let Networks { mut policy, mut reward, .. } = Networks::new(&plan, &catalog, 1, labels.len(), &args.device)?;
        let (_, weights) = adapt::latest_policy(&args.run)?;
        policy.restore(&weights)?;
        let (weights, calibration) = adapt::latest_reward(&args.run)?;
        reward.restore(&weights)?;
        let validity = Validity::load(&plan, &catalog)?;
        Ok(Self { policy, reward, calibration, preprocess: plan.preprocess.clone(), validity })
    }

    fn segment_file(&self, input: &Input, output: &Output, reading: &Reading) -> anyhow::Result<Scores> {
        let path = &input.path();
        let found = input.read(reading)?;
        found.notes.iter().for_each(|text| note(&format!("note: {}: {text}", path.display())));
        let PlacedImage { image, geometry } = found.placed;
        let prepared = adapt::prepare_image(&CaseId(path.display().to_string()), &image, &self.preprocess)?;
        let images = ImageBatch::stack([&prepared.image])?;
        let segmented = self.policy.segment(&images).with_context(|| path.display().to_string())?;
        let logits = self.reward.logits(&images, &segmented)?;
        let right = logits.into_iter().map(|logit| self.calibration.probability(logit)).collect();
        let grid = *prepared.image.grid();
        let labels = segmented.unstack(&[grid])?.remove(0);
        let labels = prepared.geometry.restore_labels(&labels)?;
        let right = prepared.geometry.restore_map(&VoxelMap::new(grid, right)?, 0.0)?;
        let uncertainty = right.values().iter().map(|probability| 1.0 - probability).collect();
        let uncertainty = VoxelMap::new(*right.grid(), uncertainty)?;
        let verdict = Verdict::of(&self.validity.assess(&labels).with_context(|| path.display().to_string())?);
        write_labels(&output.labels, &labels, &geometry)?;
        write_map(&output.uncertainty, &uncertainty, &geometry)?;
        Ok(scores(path, output, verdict, &uncertainty))
    }
}

fn scores(path: &Path, output: &Output, verdict: Verdict, uncertainty: &VoxelMap) -> Scores {
    let values = uncertainty.values();
    let share = |count: f64| count / values.len() as f64;
    Scores {
        image: path.display().to_string(),
        labels: output.labels.display().to_string(),
        uncertainty: output.uncertainty.display().to_string(),
        verdict,
        mean_uncertainty: share(values.iter().map(|&value| f64::from(value)).sum()),
        uncertain_share: share(values.iter().filter(|&&value| value > UNCERTAIN).count() as f64),
    }
}

/// The table with these rows, and with those of other images that stand in it already.
fn csv(table: &Path, scores: &[Scores]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in scores {
        writer.serialize(row).context("writing the table of scores")?;
    }
    if table.exists() {
        let unreadable = || format!("{}: is not a table that predict wrote; move it away", table.display());
        for row in csv::Reader::from_path(table).with_context(unreadable)?.records() {
            let row = row.with_context(unreadable)?;
            if scores.iter().all(|new| Some(new.image.as_str()) != row.get(0)) {
                writer.write_record(&row).with_context(unreadable)?;
            }
        }
    }
    writer.into_inner().context("writing the table of scores")
}

fn text(scores: &[Scores]) -> String {
    let rows = scores.iter().map(|row| {
        vec![
            row.image.clone(),
            format!("{:?}", row.verdict).to_lowercase(),
            number(Some(row.mean_uncertainty), 4),
            percent(row.uncertain_share),
        ]
    });
    table(&["image", "verdict", "mean uncertainty", "uncertain voxels"], rows)
}

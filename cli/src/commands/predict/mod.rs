//! `rl4seg predict`.

mod images;
mod review;
mod segmenter;
mod tables;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use rl4seg_core::io::Input;
use segmenter::{PortionArgs, RunSegmenter};
use serde_json::{Value, to_value};
use tables::{Failure, Row};

use crate::{
    args::GlobalArgs,
    failure,
    label_files::{LABELS, UNCERTAINTY, images_in},
    networks::DeviceArg,
    output::{self, Counter, note},
    reading::ReadingArgs,
};

/// Segment images with the latest policy of a run
///
/// Writes for each image, in its own geometry, `<name>_labels.nii.gz` and
/// `<name>_uncertainty.nii.gz`: 1 minus the calibrated probability that a voxel's label is right,
/// and 1 where the network did not look. `scores.csv` has one row for each image, `sizes.csv` the area of each structure in each plane
/// and its volume. `review.html` shows the images of this call with their results, the worst first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rl4seg predict run scan1.nii.gz scan2.nii.gz --out results
  rl4seg predict run DICOMDIR --out results --write dicom")]
pub struct Args {
    /// The run directory
    run: PathBuf,
    /// Images of any format that is read (docs/formats.md), folders of them, a DICOMDIR, or a zip archive of DICOM files
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// The folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What results of DICOM images are written as; those of other images are always NIfTI
    #[arg(long, value_enum, default_value_t = Written::Nifti)]
    write: Written,
    /// Replace results that are there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    portion: PortionArgs,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    device: DeviceArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// Two files that lie on the image
    Nifti,
    /// A segmentation (DICOM-SEG), and a parametric map where planes have places; else the uncertainty is NIfTI
    Dicom,
}

pub fn run(args: &Args, global: &GlobalArgs) -> anyhow::Result<()> {
    let outputs = outputs(args)?;
    let segmenter = RunSegmenter::load(&args.run, &args.device, &args.portion, global)?;
    let reading = args.reading.reading();
    let images = images::survey(&segmenter, outputs, &reading);
    images::tell_peak(&images);
    fs::create_dir_all(&args.out).with_context(|| {
        format!("{}: the folder for the results cannot be made; name another with --out", args.out.display())
    })?;
    let mut counter = Counter::new("predict", global.shown());
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let name = image.input.path().display().to_string();
        counter.at(&name, index, images.len(), "images");
        let mut progress = |done, total| tell_progress(&mut counter, &name, (index, images.len()), (done, total));
        match image.segment(&segmenter, &reading, &mut progress) {
            Ok(row) => rows.push(row),
            Err(error) => failed.push((name, error)),
        }
    }
    counter.finish(&format!("{} of {} images", rows.len(), images.len()));
    if !rows.is_empty() {
        tables::write(&args.out, &rows)?;
        review::write(&args.out, &rows, &segmenter.labels)?;
    }
    if global.json || !rows.is_empty() {
        output::result(global.json, &for_machines(&rows, &failed)?, || tables::text(&rows))?;
    }
    let count = failed.len();
    let Some((_, last)) = failed.pop() else { return Ok(()) };
    failed.iter().for_each(|(_, error)| note(&failure::describe(error)));
    Err(last.context(format!("{count} of {} images could not be segmented", images.len())))
}

/// Of one image its portions are counted, of several the images.
fn tell_progress(counter: &mut Counter, name: &str, (index, images): (usize, usize), (done, total): (usize, usize)) {
    match images {
        1 => counter.at(name, done, total, "portions"),
        _ => counter.at(&format!("{name}, portion {} of {total}", done + 1), index, images, "images"),
    }
}

/// A row for each image, also for those that failed.
fn for_machines(rows: &[Row], failed: &[(String, anyhow::Error)]) -> anyhow::Result<Vec<Value>> {
    let failures = failed.iter().map(|(image, error)| Failure { image: image.clone(), error: format!("{error:#}") });
    let values = rows.iter().map(to_value).chain(failures.map(to_value));
    Ok(values.collect::<Result<_, _>>()?)
}

/// The two files of an image's results.
#[derive(Debug, Clone, PartialEq)]
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
        let ending = if args.write == Written::Dicom && image.is_dicom() { "dcm" } else { "nii.gz" };
        let path = |what: &str| args.out.join(format!("{}{what}.{ending}", image.name));
        let output = Output { labels: path(LABELS), uncertainty: path(UNCERTAINTY) };
        outputs.push((image, output));
    }
    let written = outputs.iter().flat_map(|(_, output)| [&output.labels, &output.uncertainty]);
    for path in written.flat_map(|path| [path.clone(), nifti_of(path)]) {
        ensure!(args.force || !path.exists(), "{} is there already; --force replaces it", path.display());
    }
    Ok(outputs)
}

/// The NIfTI file that stands in for one of DICOM.
fn nifti_of(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|ending| ending == "dcm") { path.with_extension("nii.gz") } else { path.to_owned() }
}

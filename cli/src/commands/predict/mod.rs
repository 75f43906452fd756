//! `rl4seg predict`.

mod images;
mod outputs;
mod results;
mod review;
mod segmenter;
mod tables;

use std::{fs, path::PathBuf, sync::atomic::Ordering};

use anyhow::Context;
use clap::ValueEnum;
use results::Results;
use segmenter::{PortionArgs, RunSegmenter};

use crate::{
    args::GlobalArgs,
    interrupt::{self, Interrupted},
    networks::DeviceArg,
    output::{self, Counter},
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
  rl4seg predict run DICOMDIR --out results --write dicom
  rl4seg predict run scans/ --out results --missing

Ctrl-C or SIGTERM stops at the next image, with exit code 130; --missing goes on. A second one ends the program at once.")]
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
    /// Segment those images alone that have no results of this run's networks yet
    #[arg(long, conflicts_with = "force")]
    missing: bool,
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
    let wanted = outputs::outputs(args)?;
    let segmenter = RunSegmenter::load(&args.run, &args.device, &args.portion, global)?;
    fs::create_dir_all(&args.out).with_context(|| {
        format!("{}: the folder for the results cannot be made; name another with --out", args.out.display())
    })?;
    let _held = results::hold(&args.out)?;
    let reading = args.reading.reading(&segmenter.settings);
    let (all, wanted) = (wanted.len(), outputs::to_be_done(args, wanted, &segmenter.fingerprint, &reading)?);
    if wanted.is_empty() {
        global.shown().tell(&format!("predict: all {all} images have results in {}", args.out.display()));
    }
    let images = images::survey(&segmenter, wanted, &reading);
    images::tell_peak(&images, global.shown());
    let mut results = Results::begin(args, &images)?;
    let stop = interrupt::listen(global.shown(), "image")?;
    let by_hand = args.reading.by_hand();
    let mut counter = Counter::new("predict", global.shown());
    for (index, image) in images.iter().enumerate().take_while(|_| !stop.load(Ordering::Relaxed)) {
        let name = image.input.path().display().to_string();
        counter.at(&name, index, images.len(), "images");
        let mut progress = |done, total| tell_progress(&mut counter, &name, (index, images.len()), (done, total));
        results.take(name.clone(), image.segment(&segmenter, (&reading, &by_hand), &mut progress))?;
    }
    counter.finish(&format!("{} of {} images", results.rows.len(), images.len()));
    results.finish(&segmenter.labels)?;
    if global.json || !results.rows.is_empty() {
        output::result(global.json, &results.for_machines()?, || results.text())?;
    }
    let stopped = Interrupted::Images { done: results.rows.len(), total: images.len() };
    if results.seen() < images.len() {
        results.tell_failures();
        return Err(global.shown().interrupted(stopped));
    }
    results.failure()
}

/// Of one image its portions are counted, of several the images.
fn tell_progress(counter: &mut Counter, name: &str, (index, images): (usize, usize), (done, total): (usize, usize)) {
    match images {
        1 => counter.at(name, done, total, "portions"),
        _ => counter.at(&format!("{name}, portion {} of {total}", done + 1), index, images, "images"),
    }
}

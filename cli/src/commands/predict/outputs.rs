//! Where the results of images go, and which of them are there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure};
use rl4seg_core::{
    adapt::image_sha256,
    io::{Input, Reading},
};

use super::{
    Args, Written,
    tables::{self, Listed},
};
use crate::label_files::{LABELS, UNCERTAINTY, images_in};

/// The two files of an image's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub labels: PathBuf,
    pub uncertainty: PathBuf,
}

impl Output {
    /// What the label map is called in its folder, by which the tables know an image's results.
    pub fn name(&self) -> String {
        self.labels.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Both, with the names they have where the standard has no DICOM for them.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        [&self.labels, &self.uncertainty].into_iter().flat_map(|path| [path.clone(), nifti_of(path)])
    }

    fn is_there(&self) -> bool {
        self.labels.exists() && (self.uncertainty.exists() || nifti_of(&self.uncertainty).exists())
    }
}

/// The NIfTI file that stands in for one of DICOM.
pub fn nifti_of(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|ending| ending == "dcm") { path.with_extension("nii.gz") } else { path.to_owned() }
}

/// Where the results of each image go; refuses what would be lost.
pub fn outputs(args: &Args) -> anyhow::Result<Vec<(Input, Output)>> {
    let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut outputs = Vec::new();
    let mut images = Vec::new();
    for path in &args.images {
        images.extend(images_in(path)?);
    }
    for image in images {
        if let Some(other) = taken.insert(image.name.clone(), image.path()) {
            bail!(
                "{} and {} would have the same results; name the folder of the images alone, or rename one",
                other.display(),
                image.path().display()
            );
        }
        let ending = if args.write == Written::Dicom && image.is_dicom() { "dcm" } else { "nii.gz" };
        let path = |what: &str| args.out.join(format!("{}{what}.{ending}", image.name));
        let output = Output { labels: path(LABELS), uncertainty: path(UNCERTAINTY) };
        outputs.push((image, output));
    }
    if !args.force && !args.missing {
        for path in outputs.iter().flat_map(|(_, output)| output.files()) {
            ensure!(
                !path.exists(),
                "{} is there already; --force replaces it, and --missing segments the other images alone",
                path.display()
            );
        }
    }
    Ok(outputs)
}

/// With `--missing`, the images without results of the networks with this fingerprint; else all. Files that the table does not list
/// were left by a call that was ended, and do not count.
///
/// # Errors
/// If there are results without a table, results of other networks that would stay beside the new ones, or of another image of the
/// same name.
pub fn to_be_done(
    args: &Args,
    outputs: Vec<(Input, Output)>,
    fingerprint: &str,
    reading: &Reading,
) -> anyhow::Result<Vec<(Input, Output)>> {
    let listed = tables::listed(&args.out)?;
    if !args.missing {
        let replaced: BTreeSet<String> = outputs.iter().map(|(_, output)| output.name()).collect();
        require_networks(args, listed.iter().filter(|(name, _)| !replaced.contains(*name)), fingerprint)?;
        return Ok(outputs);
    }
    if let Some((_, unlisted)) = outputs.iter().find(|(_, output)| output.is_there() && !tables::is_in(&args.out)) {
        bail!(
            "{} is there, and no scores.csv tells of which image and networks it is; put the table back, choose another --out, or \
             replace all with --force",
            unlisted.labels.display()
        );
    }
    require_networks(args, listed.iter(), fingerprint)?;
    let mut wanted = Vec::new();
    for (image, output) in outputs {
        match listed.get(&output.name()) {
            Some(row) if output.is_there() => {
                require_image(row, &image, &output, reading)?;
            }
            _ => wanted.push((image, output)),
        }
    }
    Ok(wanted)
}

/// One folder holds the results of one pair of networks. A row of a label map that is gone says nothing.
fn require_networks<'a>(
    args: &Args,
    rows: impl Iterator<Item = (&'a String, &'a Listed)>,
    fingerprint: &str,
) -> anyhow::Result<()> {
    for (labels, row) in rows.map(|(name, row)| (args.out.join(name), row)).filter(|(labels, _)| labels.exists()) {
        ensure!(
            row.networks == fingerprint,
            "{}: was made by other networks (scores.csv has {}; those of the run now are {fingerprint}); choose another --out, or \
             replace the results of all images in one call with --force",
            labels.display(),
            if row.networks.is_empty() { "none" } else { &row.networks }
        );
    }
    Ok(())
}

/// An image that lies elsewhere now is known by what it holds.
fn require_image(row: &Listed, image: &Input, output: &Output, reading: &Reading) -> anyhow::Result<()> {
    let path = image.path();
    let place = |path: &Path| path.canonicalize().ok();
    let is_there = place(&path).is_some_and(|now| place(Path::new(&row.image)) == Some(now));
    if is_there || row.image == tables::name_of(&path) {
        return Ok(());
    }
    ensure!(
        image_sha256(&image.read(reading)?.placed.image) == row.image_sha256,
        "{}: holds the results of {}, not those of {}; choose another --out, or replace them with --force",
        output.labels.display(),
        row.image,
        path.display()
    );
    Ok(())
}

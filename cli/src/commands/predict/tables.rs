//! The tables that `predict` writes: a row for each image, and one for each structure in each plane.

use std::path::Path;

use anyhow::Context;
use rl4seg_core::{
    adapt::Segmented,
    domain::{Verdict, VoxelMap},
    io::write_atomically,
    measure::Extent,
};
use serde::Serialize;

use super::Output;
use crate::{
    commands::report::gallery::Entry,
    output::{number, percent, table},
};

/// The name of the table of scores.
const SCORES: &str = "scores.csv";
/// The name of the table of areas and volumes.
const SIZES: &str = "sizes.csv";
/// A voxel is uncertain if its label is more likely wrong than right.
const UNCERTAIN: f32 = 0.5;

/// One row of scores.
#[derive(Debug, Serialize)]
pub struct Scores {
    image: String,
    labels: String,
    uncertainty: String,
    verdict: Verdict,
    mean_uncertainty: f64,
    pub uncertain_share: f64,
}

/// What an image comes to, for machines.
#[derive(Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub scores: Scores,
    /// For the page.
    #[serde(skip)]
    pub entry: Entry,
    pub structures: Vec<Extent>,
    /// What it was told to take; absent where that is not known.
    pub memory_bytes: Option<u64>,
    /// Voxels along a side of its tiles; absent where the networks saw whole planes.
    pub tile: Option<usize>,
    pub notes: Vec<String>,
}

/// An image that could not be segmented, for machines.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub image: String,
    pub error: String,
}

/// One row of sizes: a structure in a plane, or a whole volume.
#[derive(Debug, Serialize)]
struct Size<'a> {
    image: &'a str,
    structure: &'a str,
    plane: Option<usize>,
    area_mm2: Option<f64>,
    volume_ml: Option<f64>,
}

impl Scores {
    pub fn new(path: &Path, output: &Output, segmented: &Segmented) -> Self {
        let Segmented { uncertainty, verdict, .. } = segmented;
        Self {
            image: path.display().to_string(),
            labels: output.labels.display().to_string(),
            uncertainty: output.uncertainty.display().to_string(),
            verdict: *verdict,
            mean_uncertainty: mean(uncertainty, f64::from),
            uncertain_share: mean(uncertainty, |value| f64::from(u8::from(value > UNCERTAIN))),
        }
    }
}

fn mean(map: &VoxelMap, of: impl Fn(f32) -> f64) -> f64 {
    map.values().iter().map(|&value| of(value)).sum::<f64>() / map.values().len() as f64
}

/// Writes both tables with these rows, and with those of other images that stand in them already.
pub fn write(folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let images: Vec<&str> = rows.iter().map(|row| row.scores.image.as_str()).collect();
    merge(&folder.join(SCORES), rows.iter().map(|row| &row.scores), &images)?;
    merge(&folder.join(SIZES), rows.iter().flat_map(sizes), &images)
}

fn sizes(row: &Row) -> Vec<Size<'_>> {
    let image = row.scores.image.as_str();
    let of_structure = |extent: &'_ Extent| {
        let areas = extent.areas_mm2.clone().into_iter().enumerate();
        let planes = areas.map(|(plane, area)| (Some(plane), Some(area), None));
        planes.chain(extent.volume_ml.map(|volume| (None, None, Some(volume)))).collect::<Vec<_>>()
    };
    let mut sizes = Vec::new();
    for extent in &row.structures {
        for (plane, area_mm2, volume_ml) in of_structure(extent) {
            sizes.push(Size { image, structure: &extent.structure, plane, area_mm2, volume_ml });
        }
    }
    sizes
}

/// Writes rows, then those of the table that are of other images; an image's name stands first.
fn merge<T: Serialize>(path: &Path, rows: impl Iterator<Item = T>, images: &[&str]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).with_context(|| format!("writing {}", path.display()))?;
    }
    if path.exists() {
        let unreadable = || format!("{}: is not a table that predict wrote; move it away", path.display());
        for row in csv::Reader::from_path(path).with_context(unreadable)?.records() {
            let row = row.with_context(unreadable)?;
            if row.get(0).is_none_or(|image| !images.contains(&image)) {
                writer.write_record(&row).with_context(unreadable)?;
            }
        }
    }
    let bytes = writer.into_inner().with_context(|| format!("writing {}", path.display()))?;
    Ok(write_atomically(path, &bytes)?)
}

/// The scores for people.
pub fn text(rows: &[Row]) -> String {
    let cells = rows.iter().map(|Row { scores, .. }| {
        vec![
            scores.image.clone(),
            format!("{:?}", scores.verdict).to_lowercase(),
            number(Some(scores.mean_uncertainty), 4),
            percent(scores.uncertain_share),
        ]
    });
    table(&["image", "verdict", "mean uncertainty", "uncertain voxels"], cells)
}

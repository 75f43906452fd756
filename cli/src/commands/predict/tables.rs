//! The tables that `predict` writes: a row for each image, and one for each structure in each plane.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    path::{Path, absolute},
};

use anyhow::{Context, ensure};
use rl4seg_core::{
    adapt::{Segmented, image_sha256},
    domain::{Image, Verdict, VoxelMap},
    io::write_atomically,
    measure::Extent,
};
use serde::Serialize;

use super::outputs::Output;
use crate::{
    commands::report::gallery::Entry,
    output::{number, percent, table},
};

/// The name of the table of scores.
const SCORES: &str = "scores.csv";
/// The name of the table of areas and volumes.
const SIZES: &str = "sizes.csv";
/// The columns of the table of scores, as [`Scores`] has them.
const SCORE_COLUMNS: [&str; 9] = [
    "image",
    "labels",
    "uncertainty",
    "verdict",
    "mean_uncertainty",
    "uncertain_share",
    "networks",
    "image_sha256",
    "read_with",
];
/// The columns of the table of areas and volumes, as [`Size`] has them.
const SIZE_COLUMNS: [&str; 5] = ["image", "structure", "plane", "area_mm2", "volume_ml"];
/// Places of columns.
const IMAGE: usize = 0;
const LABELS: usize = 1;
const NETWORKS: usize = 6;
const IMAGE_SHA256: usize = 7;
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
    networks: String,
    image_sha256: String,
    /// The flags that said how the image is read; empty where it was read as those of the run.
    read_with: String,
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
    /// Of the image at `path`; `networks` is the fingerprint of those that segmented it, `read_with` what flags said of its reading.
    pub fn new(
        (path, image): (&Path, &Image),
        output: &Output,
        segmented: &Segmented,
        (networks, read_with): (&str, &str),
    ) -> Self {
        let Segmented { uncertainty, verdict, .. } = segmented;
        Self {
            image: name_of(path),
            labels: output.labels.display().to_string(),
            uncertainty: output.uncertainty.display().to_string(),
            verdict: *verdict,
            mean_uncertainty: mean(uncertainty, f64::from),
            uncertain_share: mean(uncertainty, |value| f64::from(u8::from(value > UNCERTAIN))),
            networks: networks.to_owned(),
            image_sha256: image_sha256(image),
            read_with: read_with.to_owned(),
        }
    }
}

fn mean(map: &VoxelMap, of: impl Fn(f32) -> f64) -> f64 {
    map.values().iter().map(|&value| of(value)).sum::<f64>() / map.values().len() as f64
}

/// What the table of scores says of a label map.
pub struct Listed {
    /// Of which image it is.
    pub image: String,
    /// The fingerprint of the networks that made it; empty in tables of earlier versions.
    pub networks: String,
    /// What the image held, as [`image_sha256`] tells it; empty in tables of earlier versions.
    pub image_sha256: String,
}

/// Whether a folder has a table of scores.
pub fn is_in(folder: &Path) -> bool {
    folder.join(SCORES).exists()
}

/// The label maps in a folder that its table of scores has a row for, by their names.
pub fn listed(folder: &Path) -> anyhow::Result<BTreeMap<String, Listed>> {
    let rows = records(&folder.join(SCORES), &SCORE_COLUMNS)?;
    let field = |row: &csv::StringRecord, column: usize| row.get(column).unwrap_or_default().to_owned();
    let listed = |row: &csv::StringRecord| Listed {
        image: field(row, IMAGE),
        networks: field(row, NETWORKS),
        image_sha256: field(row, IMAGE_SHA256),
    };
    Ok(rows.iter().filter_map(|row| Some((labels_of(row)?, listed(row)))).collect())
}

/// What the tables call an image.
pub fn name_of(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Writes both tables with these rows, and with those that stand in them of label maps other than theirs and than `gone`.
pub fn write(folder: &Path, rows: &[Row], gone: &BTreeSet<String>) -> anyhow::Result<()> {
    let mut replaced: BTreeSet<String> = rows.iter().map(|row| name(&row.scores.labels)).collect();
    replaced.extend(gone.iter().cloned());
    let [scores, all_sizes] = [SCORES, SIZES].map(|name| folder.join(name));
    let before = records(&scores, &SCORE_COLUMNS)?;
    let (old, kept): (Vec<_>, Vec<_>) =
        before.into_iter().partition(|row| labels_of(row).is_some_and(|labels| replaced.contains(&labels)));
    if rows.is_empty() && old.is_empty() && scores.exists() && all_sizes.exists() {
        return Ok(());
    }
    let mut images: BTreeSet<&str> = old.iter().filter_map(|row| row.get(IMAGE)).collect();
    images.extend(rows.iter().map(|row| row.scores.image.as_str()));
    let mut sizes_before = records(&all_sizes, &SIZE_COLUMNS)?;
    sizes_before.retain(|row| row.get(IMAGE).is_none_or(|image| !images.contains(image)));
    put(&all_sizes, (&SIZE_COLUMNS, rows.iter().flat_map(sizes)), &sizes_before)?;
    put(&scores, (&SCORE_COLUMNS, rows.iter().map(|row| &row.scores)), &kept)
}

/// The rows of a table that a call left; none where there is no table. An earlier version wrote fewer columns.
fn records(path: &Path, columns: &[&str]) -> anyhow::Result<Vec<csv::StringRecord>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let other = |found: &str| {
        format!(
            "{}: is not a table that predict wrote: {found}; expected the columns {}, with commas. Put the table back, or choose \
             another --out",
            path.display(),
            columns.join(",")
        )
    };
    let mut reader = csv::Reader::from_path(path).with_context(|| other("it cannot be read"))?;
    let header = reader.headers().with_context(|| other("it cannot be read"))?;
    let is_ours =
        !header.is_empty() && header.len() <= columns.len() && header.iter().zip(columns).all(|(a, b)| a == *b);
    ensure!(is_ours, other(&format!("it begins with `{}`", header.iter().collect::<Vec<_>>().join(","))));
    reader.records().collect::<Result<_, _>>().with_context(|| other("a row has other columns"))
}

/// The name of the label map that a row of scores is of.
fn labels_of(row: &csv::StringRecord) -> Option<String> {
    row.get(LABELS).map(name)
}

fn name(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
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

/// Writes a table: its columns, new rows, then those it had.
fn put<T: Serialize>(
    path: &Path,
    (columns, rows): (&[&str], impl Iterator<Item = T>),
    before: &[csv::StringRecord],
) -> anyhow::Result<()> {
    let writing = || format!("writing {}", path.display());
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(columns).with_context(writing)?;
    for row in rows {
        writer.serialize(row).with_context(writing)?;
    }
    for row in before {
        // An earlier version wrote fewer columns.
        let fields = row.iter().chain(iter::repeat("")).take(columns.len());
        writer.write_record(fields).with_context(writing)?;
    }
    let bytes = writer.into_inner().with_context(writing)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(row: impl Serialize) -> Vec<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row).unwrap();
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        text.lines().next().unwrap().split(',').map(str::to_owned).collect()
    }

    fn scores(image: &str) -> Scores {
        let [labels, uncertainty] = ["labels", "uncertainty"].map(|what| format!("out/{image}_{what}.nii.gz"));
        let [networks, image_sha256] = ["00ff", "ff00"].map(str::to_owned);
        let (image, verdict) = (format!("/scans/{image}.nii"), Verdict::Valid);
        Scores {
            image,
            labels,
            uncertainty,
            verdict,
            mean_uncertainty: 0.5,
            uncertain_share: 0.25,
            networks,
            image_sha256,
            read_with: String::new(),
        }
    }

    #[test]
    fn the_columns_are_those_of_the_rows() {
        let size = Size { image: "a", structure: "b", plane: None, area_mm2: None, volume_ml: None };
        assert_eq!(header(size), SIZE_COLUMNS);
        assert_eq!(header(scores("a")), SCORE_COLUMNS);
        assert_eq!(
            [IMAGE, LABELS, NETWORKS, IMAGE_SHA256].map(|place| SCORE_COLUMNS[place]),
            ["image", "labels", "networks", "image_sha256"]
        );
    }

    #[test]
    fn a_table_that_another_program_saved_is_not_taken_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SCORES);
        for text in
            ["image;labels;uncertainty\na.nii;a_labels.nii.gz;u\n", "", "labels,image\nb,a\n", "image,labels\na\n"]
        {
            std::fs::write(&path, text).unwrap();
            let error = format!("{:#}", listed(folder.path()).err().unwrap());
            assert!(error.contains("scores.csv: is not a table that predict wrote"), "{text}: {error}");
        }
    }

    #[test]
    fn rows_of_an_earlier_version_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SCORES);
        let before = "image,labels,uncertainty,verdict,mean_uncertainty,uncertain_share\n\
                      a.nii,out/a_labels.nii.gz,u,valid,0.1,0.2\nb.nii,out/b_labels.nii.gz,u,valid,0.1,0.2\n";
        std::fs::write(&path, before).unwrap();
        write(folder.path(), &[], &["b_labels.nii.gz".to_owned()].into()).unwrap();
        let listed = listed(folder.path()).unwrap();
        assert_eq!(listed.keys().collect::<Vec<_>>(), ["a_labels.nii.gz"]);
        assert_eq!(
            (listed["a_labels.nii.gz"].image.as_str(), listed["a_labels.nii.gz"].networks.as_str()),
            ("a.nii", "")
        );
    }
}

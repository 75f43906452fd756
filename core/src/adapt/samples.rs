//! The reward data set on disk: label maps once, samples by number.

use std::{
    fs::File,
    io::{BufReader, Read, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder, read::GzDecoder};
use serde::{Deserialize, Serialize};

use crate::{
    config::Trusted,
    domain::{CaseId, Grid, LabelMap, RewardSample, SampleImage, SampleOrigin},
    run_dir::{RunError, StepDir, layout, read_json_lines},
};

/// What became of one collected case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CollectedCase {
    pub case: CaseId,
    /// `accepted`, `corrected`, or why it was discarded.
    pub outcome: String,
    /// The number of the label map held to be right.
    pub right: Option<usize>,
}

/// One reward sample, its label maps by number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SampleLine {
    #[serde(flatten)]
    image: SampleImage,
    origin: SampleOrigin,
    grid: Grid,
    judged: usize,
    right: usize,
}

/// Gathers what a collect step found, then writes it.
#[derive(Debug, Default)]
pub(super) struct Collected {
    maps: Vec<LabelMap>,
    cases: Vec<CollectedCase>,
    samples: Vec<SampleLine>,
}

impl Collected {
    /// Keeps a label map and gives its number.
    pub fn keep(&mut self, labels: LabelMap) -> usize {
        self.maps.push(labels);
        self.maps.len() - 1
    }

    pub fn add_case(&mut self, case: &CaseId, outcome: &str, right: Option<usize>) {
        self.cases.push(CollectedCase { case: case.clone(), outcome: outcome.to_owned(), right });
    }

    /// Adds a sample whose right label map was kept before.
    pub fn add_sample(&mut self, image: &SampleImage, origin: SampleOrigin, judged: LabelMap, right: usize) {
        let grid = *judged.grid();
        let judged = self.keep(judged);
        self.samples.push(SampleLine { image: image.clone(), origin, grid, judged, right });
    }

    pub fn map(&self, number: usize) -> &LabelMap {
        &self.maps[number]
    }

    pub fn cases(&self) -> &[CollectedCase] {
        &self.cases
    }

    pub fn sample_count(&self) -> usize {
        self.samples.len()
    }

    pub fn write(&self, work: &StepDir) -> Result<(), RunError> {
        work.write_json_lines(layout::CASES, &self.cases)?;
        work.write_json_lines(layout::SAMPLES, &self.samples)?;
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        let encode = |error: std::io::Error| RunError::Encode(error.to_string());
        for map in &self.maps {
            let mut header = [0; 12];
            for (bytes, length) in header.chunks_exact_mut(4).zip(map.grid().shape()) {
                bytes.copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
            }
            gzip.write_all(&header).map_err(encode)?;
            gzip.write_all(map.labels()).map_err(encode)?;
        }
        work.write(layout::LABEL_MAPS, &gzip.finish().map_err(encode)?)
    }
}

/// A case that an earlier collect step segmented.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenCase {
    pub case: CaseId,
    /// The labels `[slow, y, x]` that are trusted to be right for it.
    pub right: Option<Vec<u8>>,
}

/// The cases of a finished collect step, with those right label maps that are `trusted`.
pub(super) fn read_cases(folder: &Path, trusted: Trusted) -> Result<Vec<SeenCase>, RunError> {
    let cases: Vec<CollectedCase> = read_json_lines(&folder.join(layout::CASES))?;
    let mut maps = read_maps(&folder.join(layout::LABEL_MAPS))?;
    let seen = cases.into_iter().map(|case| {
        let is_trusted = match trusted {
            Trusted::None => false,
            Trusted::Accepted => case.outcome == super::collect::ACCEPTED,
            Trusted::Corrected => true,
        };
        let number = case.right.filter(|_| is_trusted);
        SeenCase { case: case.case, right: number.and_then(|number| maps.get_mut(number)).map(std::mem::take) }
    });
    Ok(seen.collect())
}

/// The reward samples of a finished collect step.
pub(super) fn read_samples(folder: &Path) -> Result<Vec<RewardSample>, RunError> {
    let path = folder.join(layout::SAMPLES);
    let lines: Vec<SampleLine> = read_json_lines(&path)?;
    let maps = read_maps(&folder.join(layout::LABEL_MAPS))?;
    let map = |number: usize, grid: Grid| {
        let labels = maps.get(number).cloned().unwrap_or_default();
        LabelMap::new(grid, labels)
            .map_err(|error| RunError::Content { path: path.clone(), message: format!("label map {number}: {error}") })
    };
    lines
        .into_iter()
        .map(|line| {
            Ok(RewardSample {
                judged: map(line.judged, line.grid)?,
                right: map(line.right, line.grid)?,
                image: line.image,
                origin: line.origin,
            })
        })
        .collect()
}

/// The label maps in their order: each `[slow, y, x]` as three little-endian u32, then the labels.
fn read_maps(path: &Path) -> Result<Vec<Vec<u8>>, RunError> {
    let read = |source: std::io::Error| RunError::Read { path: path.to_owned(), source };
    let mut gzip = GzDecoder::new(BufReader::new(File::open(path).map_err(read)?));
    let mut bytes = Vec::new();
    gzip.read_to_end(&mut bytes).map_err(read)?;
    let mut maps = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((header, after)) = rest.split_at_checked(12) {
        let axis = |bytes: &[u8]| bytes.iter().rev().fold(0usize, |value, &byte| (value << 8) | usize::from(byte));
        let len = header.chunks_exact(4).map(axis).try_fold(1usize, usize::checked_mul);
        let Some((labels, next)) = len.and_then(|len| after.split_at_checked(len)) else {
            return Err(RunError::Content { path: path.to_owned(), message: "it is cut short".to_owned() });
        };
        maps.push(labels.to_vec());
        rest = next;
    }
    Ok(maps)
}

//! The tables of EchoNet-Dynamic.

use std::{collections::BTreeMap, path::Path};

use rl4seg_sdk::{
    component::{ComponentError, ErrorKind, Result},
    domain::Split,
    sources::{Row, Rows},
};

use super::tracing::{LEAST_CHORDS, Line, Tracing};

/// How far the ratio of traced volumes may be from what the ejection fraction says: 10 points of it. A choice: wide enough for
/// readers who disagree, narrow enough for tracings of another heart.
const RATIO_TOLERANCE: f64 = 0.1;

/// A row of `FileList.csv`.
#[derive(Debug)]
pub(super) struct Listed {
    pub split: Split,
    pub frames: usize,
    /// End-systolic over end-diastolic volume, by the ejection fraction; where it was asked for.
    ratio: Option<f64>,
}

/// The videos that `FileList.csv` lists, by name without the ending.
///
/// # Errors
/// If the file is not there, lacks a column, names a video twice, or a cell is not what it should be.
pub(super) fn videos(path: &Path, with_volumes: bool) -> Result<BTreeMap<String, Listed>> {
    let rows = Rows::read(path)?;
    for column in ["FileName", "NumberOfFrames", "Split"] {
        rows.require_column(&[column])?;
    }
    let mut videos = BTreeMap::new();
    for row in rows.iter() {
        let name = name(&row)?;
        let split = match row.required("Split")? {
            "TRAIN" => Split::Train,
            "VAL" => Split::Validation,
            "TEST" => Split::Test,
            other => return Err(row.refuse("Split", other, "TRAIN, VAL or TEST")),
        };
        let ratio = if with_volumes { Some(ratio(&row)?) } else { None };
        let listed = Listed { split, frames: whole(&row, "NumberOfFrames")?, ratio };
        if videos.insert(name.to_owned(), listed).is_some() {
            return Err(row.refuse("FileName", name, "every video once"));
        }
    }
    Ok(videos)
}

/// What `VolumeTracings.csv` holds, by video and frame.
///
/// # Errors
/// If the file is not there, lacks a column, has a frame with too few chords, or a cell is not what it should be.
pub(super) fn tracings(path: &Path) -> Result<BTreeMap<String, BTreeMap<usize, Tracing>>> {
    let rows = Rows::read(path)?;
    for column in ["FileName", "X1", "Y1", "X2", "Y2", "Frame"] {
        rows.require_column(&[column])?;
    }
    let mut lines: BTreeMap<String, BTreeMap<usize, Vec<Line>>> = BTreeMap::new();
    for row in rows.iter() {
        let line = [[row.number("Y1")?, row.number("X1")?], [row.number("Y2")?, row.number("X2")?]];
        let of_video = lines.entry(name(&row)?.to_owned()).or_default();
        of_video.entry(whole(&row, "Frame")?).or_default().push(line);
    }
    let traced = |video: &str, frame: usize, lines: Vec<Line>| match lines.split_first() {
        Some((&long_axis, chords)) if chords.len() >= LEAST_CHORDS => {
            Ok((frame, Tracing { long_axis, chords: chords.to_vec() }))
        }
        _ => {
            let detail = format!(
                "{}: {video}, frame {frame}: {} lines; expected the long axis and at least {LEAST_CHORDS} chords",
                path.display(),
                lines.len()
            );
            Err(ComponentError::new(ErrorKind::Inconsistent, detail))
        }
    };
    let of_video = |(video, frames): (String, BTreeMap<usize, Vec<Line>>)| {
        let frames = frames.into_iter().map(|(frame, lines)| traced(&video, frame, lines)).collect::<Result<_>>()?;
        Ok((video, frames))
    };
    lines.into_iter().map(of_video).collect()
}

/// Compares the volumes of a video's tracings, of which the largest is end-diastole and the smallest end-systole, with its ejection
/// fraction; says what does not fit. No spacing is needed: it is gone from the ratio. `aspect` is a pixel's height over its width.
pub(super) fn misfit(listed: &Listed, traced: &BTreeMap<usize, Tracing>, aspect: f64) -> Option<String> {
    let expected = listed.ratio.filter(|_| traced.len() > 1)?;
    let volumes = || traced.values().map(|tracing| tracing.volume(aspect));
    let (systole, diastole) = (volumes().fold(f64::INFINITY, f64::min), volumes().fold(0.0, f64::max));
    let found = systole / diastole;
    // A NaN fits nothing.
    let fits = (found - expected).abs() <= RATIO_TOLERANCE;
    (!fits).then(|| {
        format!(
            "its tracings give end-systolic / end-diastolic volume = {found:.3} ({systole:.0} and {diastole:.0} pixels³), but EF says \
             {expected:.3}"
        )
    })
}

/// What EF says, if ESV and EDV say the same.
fn ratio(row: &Row<'_>) -> Result<f64> {
    let [fraction, systole, diastole] = ["EF", "ESV", "EDV"].map(|column| row.number(column));
    let (fraction, systole, diastole) = (fraction?, systole?, diastole?);
    let (ratio, of_volumes) = (1.0 - fraction / 100.0, systole / diastole);
    if (ratio - of_volumes).abs() <= RATIO_TOLERANCE {
        return Ok(ratio);
    }
    let expected = format!("{:.1} %, as ESV {systole} and EDV {diastole} give", 100.0 * (1.0 - of_volumes));
    Err(row.refuse("EF", &fraction.to_string(), &format!("{expected}; or set check_volumes = false")))
}

/// The name of a video without its ending, which only one of the two tables writes.
fn name<'a>(row: &Row<'a>) -> Result<&'a str> {
    row.require_inside("FileName")?;
    let name = row.required("FileName")?;
    Ok(name.strip_suffix(".avi").unwrap_or(name))
}

fn whole(row: &Row<'_>, column: &str) -> Result<usize> {
    let text = row.required(column)?;
    text.parse().map_err(|_| row.refuse(column, text, "a whole number"))
}

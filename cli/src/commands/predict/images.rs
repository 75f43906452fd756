//! One image after the other: what it will take, and its results.

use anyhow::{Context, Error, Result, anyhow};
use rl4seg_core::{
    adapt::Segmented,
    io::{
        Input, Reading,
        dicom::{DicomSource, write_parametric_map, write_segmentation},
        nifti::{NiftiGeometry, write_labels, write_map},
    },
    measure::extents,
};

use super::{
    outputs::{Output, nifti_of},
    review,
    segmenter::{Extent, RunSegmenter},
    tables::{Row, Scores},
};
use crate::{
    commands::report::gallery::longest_side,
    output::{Shown, note},
};

/// An image, where its results go, and how it will be segmented.
pub struct Task {
    pub input: Input,
    pub output: Output,
    /// Its shape `[slow, y, x]`, and what it will take; or why it cannot be segmented.
    extent: Result<([usize; 3], Extent)>,
    /// Of its picture.
    longest_side: usize,
}

/// Looks at the size of every image before the first is segmented.
pub fn survey(segmenter: &RunSegmenter, outputs: Vec<(Input, Output)>, reading: &Reading) -> Vec<Task> {
    let extent = |input: &Input| {
        let grid = input.grid(reading)?;
        let plan = segmenter.plan(&grid).with_context(|| input.path().display().to_string())?;
        Ok((grid.shape(), plan))
    };
    let longest_side = longest_side(outputs.len());
    outputs.into_iter().map(|(input, output)| Task { extent: extent(&input), input, output, longest_side }).collect()
}

/// Says how much memory the image that takes most of it will take.
pub fn tell_peak(tasks: &[Task], shown: Shown) {
    let known = tasks.iter().filter_map(|task| {
        let (shape, extent) = task.extent.as_ref().ok()?;
        Some((extent.bytes?, shape, task))
    });
    if let Some((bytes, [planes, y, x], task)) = known.max_by_key(|(bytes, ..)| *bytes) {
        let path = task.input.path();
        shown.tell(&format!(
            "predict: about {} MiB of memory at the peak, for {} ({planes} x {y} x {x} voxels); --memory sets a limit",
            bytes.div_ceil(1 << 20),
            path.display()
        ));
    }
}

impl Task {
    /// Reads, segments and writes it; `by_hand` is what was said of the reading by flags.
    pub fn segment(
        &self,
        segmenter: &RunSegmenter,
        (reading, by_hand): (&Reading, &str),
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Row> {
        let path = &self.input.path();
        let (_, extent) = self.extent.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        let found = self.input.read(reading)?;
        found.notes.iter().for_each(|text| note(&format!("note: {}: {text}", path.display())));
        let image = &found.placed.image;
        let segmented = segmenter.segment(&path.display().to_string(), image, extent.portion, progress);
        let segmented = segmented.map_err(of_run)?;
        let output = &self.output;
        let written = match found.dicom.filter(|_| nifti_of(&output.labels) != output.labels) {
            Some(source) => write_dicom(segmenter, output, &segmented, &source, &found.placed.geometry)?,
            None => {
                write_labels(&output.labels, &segmented.labels, &found.placed.geometry)?;
                write_map(&output.uncertainty, &segmented.uncertainty, &found.placed.geometry)?;
                output.clone()
            }
        };
        let structures = extents(&segmented.labels, &segmenter.labels);
        Ok(Row {
            entry: review::entry(&self.input.name, (image, &segmented), (&segmenter.names, self.longest_side))?,
            scores: Scores::new((path, image), &written, &segmented, (&segmenter.fingerprint, by_hand)),
            structures,
            memory_bytes: extent.bytes,
            tile: extent.tile,
            notes: found.notes,
        })
    }
}

/// What is advised of `[preprocess]` is not for who predicts.
fn of_run(error: Error) -> Error {
    let told = format!("{error:#}");
    if !told.contains("preprocess.") {
        return error;
    }
    anyhow!(
        "{told}. A run keeps the [preprocess] that it was begun with: give it images as those were, or begin another with these"
    )
}

/// Writes results as DICOM, and uncertainty as NIfTI where the standard has no parametric map for the image.
fn write_dicom(
    segmenter: &RunSegmenter,
    output: &Output,
    segmented: &Segmented,
    source: &DicomSource,
    geometry: &NiftiGeometry,
) -> Result<Output> {
    write_segmentation(&output.labels, &segmented.labels, &segmenter.labels, source)?;
    let mut written = output.clone();
    if source.has_places() {
        write_parametric_map(&output.uncertainty, &segmented.uncertainty, source)?;
    } else {
        written.uncertainty = nifti_of(&output.uncertainty);
        write_map(&written.uncertainty, &segmented.uncertainty, geometry)?;
    }
    Ok(written)
}

//! Writes a segmentation and a parametric map for a DICOM image, for scripts that have other programs read them.
//!
//! `write-dicom IMAGE LABELS OUT` takes labels from LABELS, one byte a voxel in the order `[slow, y, x]`, 0 to 2, and writes
//! OUT.seg.dcm, OUT.map.dcm with label / 4 for each voxel (or prints why it is refused), and OUT.nii.
#![allow(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{env, fs, path::Path};

use anyhow::{Context, ensure};
use rl4seg_core::{
    domain::{Label, LabelMap, LabelSet, VoxelMap},
    io::{
        Input, Reading,
        dicom::{write_parametric_map, write_segmentation},
        nifti::write_labels,
    },
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [image, labels, out] = arguments.as_slice() else { anyhow::bail!("expected IMAGE, LABELS and OUT") };
    let inputs = Input::find(Path::new(image))?;
    ensure!(inputs.len() == 1, "{image} holds {} images; expected 1", inputs.len());
    let found = inputs[0].read(&Reading::default())?;
    let source = found.dicom.context("expected a DICOM image")?;
    let grid = *found.placed.image.grid();
    let labels = LabelMap::new(grid, fs::read(labels)?)?;
    let label = |value, name: &str, color| Label { value, name: name.to_owned(), color };
    let set = LabelSet::new(vec![
        label(0, "background", [0, 0, 0]),
        label(1, "left ventricle", [220, 50, 50]),
        label(2, "something else", [50, 90, 220]),
    ])?;
    write_segmentation(Path::new(&format!("{out}.seg.dcm")), &labels, &set, &source)?;
    let quarters = labels.labels().iter().map(|&label| f32::from(label) / 4.0).collect();
    let map = format!("{out}.map.dcm");
    if let Err(error) = write_parametric_map(Path::new(&map), &VoxelMap::new(grid, quarters)?, &source) {
        println!("refused {error}");
    }
    write_labels(Path::new(&format!("{out}.nii")), &labels, &found.placed.geometry)?;
    println!("{:?}", grid.shape());
    Ok(())
}

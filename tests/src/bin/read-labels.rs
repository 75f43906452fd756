//! Tells what this project reads of label maps, for scripts that compare it with what other programs wrote.
//!
//! `read-labels PATH VALUES [IMAGE]` reads the label map PATH, with IMAGE (a file or folder) on the grid of that image, and prints a line
//! of JSON with grid and affine, or `{"refused": "..."}`. Labels go to VALUES: a byte a voxel, in the order `[slow, y, x]`. The labels are
//! 1 `left ventricle`, 2 `something else` and 3 `third`. What files leave open may be said in the environment: SPACING (two numbers, y
//! and x, in mm).
#![allow(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{env, fs, path::Path};

use anyhow::Context;
use rl4seg_core::{
    domain::{Label, LabelSet},
    io::{
        Input, IoError, PlacedLabels, Reading,
        formats::{read_labels, read_labels_on},
    },
};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, values, image @ ..] = arguments.as_slice() else { anyhow::bail!("expected PATH, VALUES and IMAGE") };
    let told = match read(Path::new(path), image.first().map(Path::new))? {
        Ok(found) => {
            fs::write(values, found.labels.labels())?;
            let grid = found.geometry.grid();
            json!({ "shape": grid.shape(), "spacing_mm": grid.spacing_mm(), "affine": found.geometry.affine() })
        }
        Err(error) => json!({ "refused": error.to_string() }),
    };
    println!("{told}");
    Ok(())
}

fn read(path: &Path, image: Option<&Path>) -> anyhow::Result<Result<PlacedLabels, IoError>> {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    let structures = [label(1, "left ventricle"), label(2, "something else"), label(3, "third")];
    let set = LabelSet::new([vec![label(0, "background")], structures.to_vec()].concat())?;
    let reading = Reading { spacing_mm: spacing()?, ..Reading::default() };
    let Some(image) = image else { return Ok(read_labels(path, &reading, &set, &[])) };
    let inputs = Input::find(image)?;
    let image = inputs.first().context("IMAGE holds no image")?.read(&reading)?;
    Ok(read_labels_on(path, &reading, &set, &[], &image.into()))
}

fn spacing() -> anyhow::Result<Option<[f64; 2]>> {
    let Ok(text) = env::var("SPACING") else { return Ok(None) };
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    Ok(Some(numbers.try_into().ok().context("SPACING: expected two numbers")?))
}

//! Tells what this project reads of images, for scripts that compare it with what other programs read.
//!
//! `read-image PATH VALUES` prints a line of JSON for each image of PATH, a file or folder, with grid, affine, notes, and the DICOM
//! instance and frame of each plane. The values of the first go to VALUES.0, of the second to VALUES.1, and so on: float32,
//! little-endian, in the order `[slow, y, x]`; where VALUES is `-` they are not written. A refusal is printed as `{"refused": "..."}`. What files leave open may be said in
//! the environment: AXIS (depth, time), SPACING (two numbers, y and x, in mm).
#![allow(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{env, fs, path::Path};

use anyhow::Context;
use rl4seg_core::{
    domain::SlowAxis,
    io::{FoundImage, Input, Reading, nifti::ThirdAxis},
};
use serde_json::{Value, json};

fn main() -> anyhow::Result<()> {
    let mut args = env::args().skip(1);
    let [path, values] = [args.next(), args.next()].map(|arg| arg.context("expected PATH and VALUES"));
    let (path, values) = (path?, values?);
    let reading = reading()?;
    let inputs = match Input::find(Path::new(&path)) {
        Ok(inputs) => inputs,
        Err(error) => {
            println!("{}", json!({ "refused": error.to_string() }));
            return Ok(());
        }
    };
    for (index, input) in inputs.iter().enumerate() {
        let told = match input.read(&reading) {
            Ok(found) => told(&found, Some(format!("{values}.{index}")).filter(|_| values != "-").as_deref())?,
            Err(error) => json!({ "refused": error.to_string() }),
        };
        println!("{told}");
    }
    Ok(())
}

fn reading() -> anyhow::Result<Reading> {
    let third_axis = match env::var("AXIS").as_deref() {
        Ok("time") => Some(ThirdAxis::Time),
        Ok("depth") => Some(ThirdAxis::Depth),
        _ => None,
    };
    let spacing_mm = match env::var("SPACING") {
        Err(_) => None,
        Ok(text) => {
            let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            Some(numbers.try_into().ok().context("SPACING: expected two numbers")?)
        }
    };
    Ok(Reading { third_axis, spacing_mm, ..Reading::default() })
}

fn told(found: &FoundImage, values: Option<&str>) -> anyhow::Result<Value> {
    let grid = found.placed.image.grid();
    let slow = match grid.slow() {
        SlowAxis::Single => json!({ "single": null }),
        SlowAxis::Depth { spacing_mm } => json!({ "depth_mm": spacing_mm }),
        SlowAxis::Time { interval_ms } => json!({ "time_ms": interval_ms }),
    };
    if let Some(values) = values {
        let bytes: Vec<u8> = found.placed.image.values().iter().flat_map(|value| value.to_le_bytes()).collect();
        fs::write(values, bytes).with_context(|| values.to_owned())?;
    }
    let planes = found
        .dicom
        .as_ref()
        .map(|source| source.planes.iter().map(|plane| json!([plane.sop_instance_uid, plane.frame])));
    Ok(json!({
        "shape": grid.shape(),
        "spacing_mm": grid.spacing_mm(),
        "slow": slow,
        "affine": found.placed.geometry.affine(),
        "notes": found.notes,
        "planes": planes.map(Iterator::collect::<Vec<Value>>),
    }))
}

//! Tells what this project reads of an image, for scripts that compare it with what other programs read.
//!
//! `read-image FILE VALUES` prints grid and affine as JSON, and writes the values to VALUES: float32, little-endian, in the order
//! `[slow, y, x]`. A refusal is printed as `{"refused": "..."}`.
#![allow(clippy::print_stdout, reason = "a program whose output is its result")]

use std::{env, fs, path::PathBuf};

use anyhow::Context;
use rl4seg_core::{
    domain::SlowAxis,
    io::nifti::{ThirdAxis, read_image},
};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let [file, values] = [args.next(), args.next()].map(|arg| arg.context("expected FILE and VALUES"));
    let (file, values) = (file?, values?);
    let found = match read_image(&file, ThirdAxis::Depth) {
        Ok(found) => found,
        Err(error) => {
            println!("{}", json!({ "refused": error.to_string() }));
            return Ok(());
        }
    };
    let grid = found.image.grid();
    let slow = match grid.slow() {
        SlowAxis::Single => json!({ "single": null }),
        SlowAxis::Depth { spacing_mm } => json!({ "depth_mm": spacing_mm }),
        SlowAxis::Time { interval_ms } => json!({ "time_ms": interval_ms }),
    };
    let bytes: Vec<u8> = found.image.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(&values, bytes).with_context(|| values.display().to_string())?;
    let affine = found.geometry.affine();
    println!("{}", json!({ "shape": grid.shape(), "spacing_mm": grid.spacing_mm(), "slow": slow, "affine": affine }));
    Ok(())
}

//! Weights of others and our own.

use std::path::Path;

use burn::tensor::Device;
use rl4seg_core::nn::{Unet, Weights};

use crate::WholeFile;

pub(crate) fn files() -> Vec<WholeFile> {
    let ours = Weights::of(&Unet::zeroed(1, 1, 2, &Device::flex()), "fresh").to_safetensors().unwrap();
    vec![
        WholeFile { name: "lightning.ckpt", bytes: include_bytes!("../../data/lightning.ckpt").to_vec() },
        WholeFile { name: "weights.safetensors", bytes: ours },
    ]
}

pub(crate) fn open(path: &Path) -> Result<(), String> {
    Weights::read(path).map(drop).map_err(|error| error.to_string())
}

//! Time of the validity metric for one label map of 256 × 256 pixels, over the mix of whole and broken
//! masks that the golden tests compare. `cargo bench -p rl4seg-echo --bench anatomy`.

use std::env;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput};
use flate2::read::GzDecoder;
use rl4seg_echo::anatomy::Anatomy;
use rl4seg_sdk::component::ValidityMetric;
use rl4seg_sdk::domain::{Grid, LabelMap};

const SIDE: usize = 256;

/// The masks of the fixtures: an `.npy` of bytes, whose header ends with the first newline.
fn masks() -> io::Result<Vec<LabelMap>> {
    let folder = env::var_os("RL4SEG_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures"), PathBuf::from);
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(folder.join(format!("anatomy/masks_{SIDE}x{SIDE}.npy.gz")))?).read_to_end(&mut bytes)?;
    let header = bytes.iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let grid = Grid::plane([SIDE, SIDE], [1.0, 1.0]).map_err(io::Error::other)?;
    let maps = bytes[header..].chunks_exact(SIDE * SIDE).map(|labels| LabelMap::new(grid, labels.to_vec()));
    maps.collect::<Result<_, _>>().map_err(io::Error::other)
}

fn main() -> Result<(), Box<dyn Error>> {
    let masks = masks()?;
    let anatomy = Anatomy::default();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("anatomy");
    // So that criterion prints masks a second, too.
    group.throughput(Throughput::Elements(masks.len() as u64));
    group.bench_function(format!("{} masks of {SIDE} x {SIDE}", masks.len()), |bencher| {
        bencher.iter(|| {
            masks.iter().map(|labels| anatomy.assess(black_box(labels))).for_each(|found| drop(black_box(found)))
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

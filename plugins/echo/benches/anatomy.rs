//! Time of the validity metric for one label map of 256 × 256 pixels, over the mix of whole and broken
//! masks that the golden tests compare. `cargo bench -p rl4seg-echo --bench anatomy`.

use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
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

fn assess(criterion: &mut Criterion) {
    let masks = masks().expect("the masks of the fixtures can be read");
    let anatomy = Anatomy::default();
    let mut group = criterion.benchmark_group("anatomy");
    group.throughput(Throughput::Elements(masks.len() as u64));
    group.bench_function(format!("{} masks of {SIDE} x {SIDE}", masks.len()), |bencher| {
        bencher.iter(|| {
            for labels in &masks {
                black_box(anatomy.assess(black_box(labels)).expect("a map of known labels"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, assess);
criterion_main!(benches);

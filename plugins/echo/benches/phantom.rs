//! Time of one image of the phantom and its label map, 128 × 128 pixels, CLAHE included.
//! `cargo bench -p rl4seg-echo --bench phantom`.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use rl4seg_echo::phantom::PhantomSource;
use rl4seg_sdk::{
    component::{DataSource, Result},
    phantom::{Domain, PhantomConfig},
};

fn main() -> Result<()> {
    let config =
        PhantomConfig { domain: Domain::Target, seed: 1, size: 128, train: 64, validation: 0, test: 0, severity: None };
    let source = PhantomSource::new(&config)?;
    let cases = source.cases()?;
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("phantom");
    group.throughput(Throughput::Elements(1));
    group.bench_function("target-128", |bencher| {
        let mut next = cases.iter().cycle();
        bencher.iter(|| next.next().map(|case| black_box((source.image(&case.id), source.reference(&case.id)))));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

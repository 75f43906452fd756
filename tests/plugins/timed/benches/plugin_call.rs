//! What it costs that a metric is in a loaded library: `cargo bench --package rl4seg-timed`.
//!
//! The same source is compiled into this program and into the library. Both are called through
//! `dyn ValidityMetric`, in turns, on a label map of 256 x 256; at the end their difference is printed
//! beside the goal. Nothing fails because a machine was busy.
#![allow(clippy::print_stdout, reason = "a program of its own")]

#[path = "../src/metrics.rs"]
mod metrics;

use std::{env, hint::black_box, path::PathBuf, time::Instant};

use anyhow::{Context, ensure};
use criterion::Criterion;
use metrics::{Area, Constant, Nothing, Ten};
use rl4seg_core::{
    component::ValidityMetric,
    domain::{Grid, LabelMap},
    plugin::{Catalog, DiscoverOptions},
};
use rl4seg_sdk::Component;

/// What a call through a library may cost more, ns.
const GOAL_NS: f64 = 1000.0;
const SIDE: usize = 256;

/// One metric, twice.
struct Pair {
    name: &'static str,
    linked: Box<dyn ValidityMetric>,
    loaded: Box<dyn ValidityMetric>,
}

/// The library of this package, which cargo builds beside this program.
fn library() -> anyhow::Result<PathBuf> {
    let file = format!("{}rl4seg_timed{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let path = env::current_exe()?.with_file_name(file);
    ensure!(path.is_file(), "{} is not there", path.display());
    Ok(path)
}

fn pair<T: Component<Config = Nothing> + ValidityMetric + 'static>(catalog: &Catalog) -> anyhow::Result<Pair> {
    let loaded = catalog.validity_metric(&format!("timed/{}", T::ID), "{}")?;
    Ok(Pair { name: T::ID, linked: Box::new(T::new(Nothing {})?), loaded })
}

/// A disc, a third of the map.
fn label_map() -> anyhow::Result<LabelMap> {
    let middle = (SIDE / 2) as f64;
    let inside = |voxel: usize| {
        let [y, x] = [voxel / SIDE, voxel % SIDE].map(|at| at as f64 - middle);
        u8::from(y.hypot(x) < 0.65 * middle)
    };
    let grid = Grid::plane([SIDE, SIDE], [0.5, 0.5])?;
    Ok(LabelMap::new(grid, (0..SIDE * SIDE).map(inside).collect())?)
}

/// Nanoseconds a call of both, in turns so short that few are interrupted: the best turn and the median one.
fn time(pair: &Pair, labels: &LabelMap) -> anyhow::Result<[[f64; 2]; 2]> {
    const TURNS: usize = 5001;
    const CALLS: u32 = 20;
    let mut turns: [Vec<f64>; 2] = Default::default();
    for _ in 0..TURNS {
        for (metric, turns) in [&pair.linked, &pair.loaded].into_iter().zip(&mut turns) {
            let started = Instant::now();
            for _ in 0..CALLS {
                black_box(metric.assess(black_box(labels))?);
            }
            turns.push(started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    Ok(turns.map(|mut turns| {
        turns.sort_by(f64::total_cmp);
        [turns[0], turns[TURNS / 2]]
    }))
}

fn main() -> anyhow::Result<()> {
    let catalog = Catalog::discover(&DiscoverOptions { named: vec![library()?], ..DiscoverOptions::nowhere() });
    let pairs = [pair::<Constant>(&catalog)?, pair::<Area>(&catalog)?, pair::<Ten>(&catalog)?];
    let labels = label_map()?;
    let mut criterion = Criterion::default().configure_from_args();
    for Pair { name, linked, loaded } in &pairs {
        let same = linked.assess(&labels)? == loaded.assess(&labels)?;
        ensure!(same, "the loaded `{name}` answers otherwise than the linked one");
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("linked", |bencher| bencher.iter(|| linked.assess(black_box(&labels))));
        group.bench_function("loaded", |bencher| bencher.iter(|| loaded.assess(black_box(&labels))));
        group.finish();
    }
    criterion.final_summary();
    println!("the goal: less than {GOAL_NS} ns more");
    for pair in &pairs {
        let [linked, loaded] = time(pair, &labels).with_context(|| format!("`{}` cannot be timed", pair.name))?;
        for (which, (linked, loaded)) in ["best", "median"].into_iter().zip(linked.into_iter().zip(loaded)) {
            let more = loaded - linked;
            println!("{:8} {which:6}: linked {linked:6.0} ns, loaded {loaded:6.0} ns, {more:5.0} ns more", pair.name);
        }
    }
    Ok(())
}

//! The library, loaded as `rl4seg` does. Nothing else in this program brings Python along: what the library opens is all.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod shared;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

use rl4seg_core::{
    domain::{Grid, LabelMap, SlowAxis, Verdict},
    plugin::{Catalog, DiscoverOptions},
};
use shared::{MARGIN, margin_settings, settings_of};

/// Whether a library of Python is in this process, where the system tells.
fn has_python() -> Option<bool> {
    std::fs::read_to_string("/proc/self/maps").ok().map(|maps| maps.contains("libpython"))
}

/// The library that cargo built for these tests: beside this program.
fn catalog() -> Catalog {
    let program = std::env::current_exe().unwrap();
    let library = program.with_file_name(format!("{DLL_PREFIX}rl4seg_python{DLL_SUFFIX}"));
    Catalog::discover(&DiscoverOptions { named: vec![library], ..DiscoverOptions::nowhere() })
}

#[test]
fn compiled_modules_work_in_a_loaded_library() {
    assert_ne!(has_python(), Some(true), "this program has Python already, so the test says nothing");
    let catalog = catalog();
    assert!(catalog.refused().is_empty(), "{:?}", catalog.refused());
    // NumPy is compiled, and its symbols must be found.
    let metric = catalog.validity_metric("python/metric", &margin_settings().to_string()).unwrap();
    assert_ne!(has_python(), Some(false));
    let grid = Grid::new([3, 3, 4], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 8.0 }).unwrap();
    let mut labels = LabelMap::background(grid);
    labels.labels_mut()[17..19].copy_from_slice(&[1, 2]);
    let findings = metric.assess(&labels).unwrap();
    assert_eq!((findings[0].metric.as_str(), Verdict::of(&findings)), (MARGIN, Verdict::Valid));
    assert_eq!(findings[1].unit, "mm");
    let failing = catalog.validity_metric("python/metric", &settings_of("failing:chained", "".into()).to_string());
    let error = failing.unwrap().assess(&labels).unwrap_err();
    assert!(error.chain().any(|message| message.starts_with("KeyError: 'wall' (at ")), "{error:?}");
}

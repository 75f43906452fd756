//! What earlier versions wrote is read, and what later ones wrote is refused by name.

use std::{fs, path::Path};

use crate::program::{Folder, copy, rl4seg};

/// A copy of the run that the version before sums of files wrote: two cases each, one iteration, width 2.
fn run_of_schema_1(folder: &Folder) -> String {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/run-schema-1");
    copy(&kept, &folder.at("run"));
    folder.text("run")
}

#[test]
fn a_run_of_schema_1_is_read() {
    let folder = Folder::new().with_data();
    let run = run_of_schema_1(&folder);
    let status = rl4seg(["status", &run, "--json"]).json();
    assert_eq!((status["done"].as_u64(), status["total"].as_u64()), (Some(6), Some(6)));
    let found = rl4seg(["verify", &run, "--json"]).json();
    assert_eq!(
        (found["without_sums"].as_array().unwrap().len(), found["differences"].as_array().unwrap().len()),
        (6, 0)
    );
    let (images, out) = (folder.text("target/img"), folder.text("out"));
    rl4seg(["predict", &run, &images, "--out", &out]).done();
    assert!(fs::read_dir(out).unwrap().count() > 20);
}

#[test]
fn a_run_of_a_later_schema_is_refused_with_the_version_that_wrote_it() {
    let folder = Folder::new();
    let run = run_of_schema_1(&folder);
    let manifest = r#"{ "schema": 99, "version": "7.1.0", "of": "another form" }"#;
    fs::write(folder.at("run/manifest.json"), manifest).unwrap();
    for command in ["status", "verify", "adapt"] {
        let told = rl4seg([command, &run]).refused();
        assert!(told.contains("schema 99") && told.contains("use rl4seg 7.1.0 or newer"), "{told}");
    }
}

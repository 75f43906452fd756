//! What earlier versions wrote is read, and what later ones wrote is refused by name.

use std::{fs, path::Path};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    plugins::built,
    program::{Folder, copy, rl4seg},
};

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

/// The run lies where its data do, and its plugin is the one of today: what a version changed is the core alone.
#[test]
fn a_run_of_schema_1_is_gone_on_with_and_reported() {
    let folder = Folder::new().with_data_of("echo", "8");
    let run = run_of_schema_1(&folder);
    let [config, manifest] = ["run/config.toml", "run/manifest.json"].map(|name| folder.at(name));
    let sha256 = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = fs::read_to_string(&config).unwrap().replace("/scans/", &folder.text(""));
    fs::write(&config, &text).unwrap();
    let mut told: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    told["config_sha256"] = sha256(text.as_bytes()).into();
    told["plugins"][1]["sha256"] = sha256(&fs::read(built("rl4seg_echo")).unwrap()).into();
    fs::write(&manifest, told.to_string()).unwrap();
    fs::remove_dir_all(folder.at("run/iteration-001/evaluate")).unwrap();

    let refused = rl4seg(["adapt", &run, "--memory", "4000"]).refused();
    assert!(
        refused.contains("an earlier version began this run") && refused.contains("leave the limit out"),
        "{refused}"
    );
    rl4seg(["adapt", &run]).done();
    let found = rl4seg(["verify", &run, "--json"]).json();
    assert_eq!((&found["steps"].as_array().unwrap().len(), &found["differences"]), (&6, &Value::Array(Vec::new())));
    assert_eq!(found["without_sums"].as_array().unwrap().len(), 5);
    rl4seg(["report", &run, "--out", &folder.text("report.html")]).done();
    rl4seg(["uncertainty", &run, "--out", &folder.text("review")]).done();
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

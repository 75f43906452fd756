//! A plugin that is linked gives what the same plugin gives where it is loaded.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const LINKED: &str = env!("CARGO_BIN_EXE_static-host");

/// The command that loads its plugins; `cargo test --workspace` builds it beside this one.
fn loading() -> PathBuf {
    let path = Path::new(LINKED).with_file_name(format!("rl4seg{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not there: run `cargo test --workspace`", path.display());
    path
}

/// What `program` writes to standard output, with no plugins but its own.
fn output(program: &Path, folder: &Path, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.current_dir(folder).env("XDG_DATA_HOME", folder).env_remove("RL4SEG_PLUGIN_PATH");
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Every file below `folder`, by its path there.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for part in ["", "img", "gt"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.push((path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_images_and_the_same_findings() {
    let folder = tempfile::tempdir().unwrap();
    let (linked, loading) = (Path::new(LINKED), loading());
    for (program, out) in [(linked, "linked"), (&loading, "loaded")] {
        let size = ["--size", "64", "--train", "2", "--validation", "1", "--test", "1"];
        let args: Vec<&str> = ["phantom", "--modality", "echo", "--domain", "target", "--out", out].into();
        output(program, folder.path(), &[args, size.into()].concat());
    }
    let images = files(&folder.path().join("linked"));
    assert!(images.len() > 8, "{} files", images.len());
    assert!(images == files(&folder.path().join("loaded")));

    let check = ["check", "linked/gt", "--modality", "echo", "--json"];
    let findings = output(linked, folder.path(), &check);
    assert!(findings.len() > 1000);
    assert!(findings == output(&loading, folder.path(), &check));
}

#[test]
fn what_is_linked_comes_from_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let list = output(Path::new(LINKED), folder.path(), &["plugins", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let plugins = list["plugins"].as_array().unwrap();
    for name in ["echo", "third-party-metric"] {
        let plugin = plugins.iter().find(|plugin| plugin["name"] == name).unwrap();
        assert!(plugin["path"].is_null() && plugin["sha256"].is_null(), "{plugin}");
        assert!(!plugin["components"].as_array().unwrap().is_empty(), "{plugin}");
    }
}

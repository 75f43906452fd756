//! A run whose files lie elsewhere than when it was begun: its data, and the checkpoint that it started from.

use std::fs;

use serde_json::Value;

use crate::program::{Folder, rl4seg, unpacked};

const SHORT: [&str; 4] = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];

#[test]
fn data_that_were_moved_are_found_again_and_no_others_are_taken_for_them() {
    let folder = Folder::new().with_data();
    folder.adapt(&SHORT).done();
    let (run, page) = (folder.text("run"), folder.text("report.html"));
    let without_pictures =
        || rl4seg(["report", &run, "--out", &page, "--json"]).json()["without_pictures"].as_str().map(str::to_owned);
    assert_eq!(without_pictures(), None);
    fs::rename(folder.at("target"), folder.at("elsewhere")).unwrap();
    let error = rl4seg(["adapt", &run]).refused();
    assert!(error.contains("the data of the run are not there (target.root)"), "{error}");
    assert!(error.contains(&format!("rl4seg adapt {run} --set target.root=FOLDER")), "{error}");
    let why = without_pictures().unwrap();
    assert!(why.contains("target.root=FOLDER"), "{why}");

    let moved = format!("target.root={:?}", folder.text("elsewhere"));
    let error = rl4seg(["adapt", &run, "--set", &moved, "--set", "seed=9"]).refused();
    assert!(error.contains("seed: was") && !error.contains("target.root"), "{error}");
    rl4seg(["adapt", &run, "--set", &moved]).done();
    rl4seg(["adapt", &run]).done();
    assert_eq!(without_pictures(), None);
    let again = folder.text("again");
    rl4seg(["reproduce", &run, "--out", &again]).done();

    let test_case = folder.at("elsewhere/cases.csv");
    let table = fs::read_to_string(test_case).unwrap();
    let case = table.lines().find(|line| line.ends_with("test")).unwrap().split(',').next().unwrap().to_owned();
    let image = folder.at("elsewhere/img").join(format!("{case}.nii.gz"));
    let mut bytes = unpacked(&image);
    let last_voxel = bytes.len() - 4;
    bytes[last_voxel] ^= 1;
    fs::write(&image, bytes).unwrap();
    let why = without_pictures().unwrap();
    assert!(why.contains(&case) && why.contains("was changed since the run was begun"), "{why}");
}

#[test]
fn the_checkpoint_of_a_start_is_not_needed_once_it_is_trained_on() {
    let folder = Folder::new().with_data();
    folder.adapt(&SHORT).done();
    let start = folder.at("start.safetensors");
    fs::copy(folder.at("run/iteration-000/pretrain/actor.safetensors"), &start).unwrap();
    let (checkpoint, output) =
        (format!("pretrain.checkpoint={start:?}"), format!("output={:?}", folder.text("second")));
    let second: Vec<&str> = SHORT.into_iter().chain(["--set", &checkpoint, "--set", &output]).collect();
    folder.adapt(&second).done();
    let step = fs::read_to_string(folder.at("second/iteration-000/pretrain/step.json")).unwrap();
    let step: Value = serde_json::from_str(&step).unwrap();
    assert_eq!(step["start_sha256"].as_str().map(str::len), Some(64), "{step}");
    fs::remove_file(&start).unwrap();
    folder.adapt(&second).done();
    let report = rl4seg(["report", &folder.text("second"), "--out", &folder.text("report.html"), "--json"]).json();
    assert_eq!(report["without_pictures"], Value::Null, "{report}");
}

#[test]
fn a_page_is_not_made_for_a_folder_that_is_not_there() {
    let folder = Folder::new().with_data();
    folder.adapt(&SHORT).done();
    let error = rl4seg(["report", &folder.text("run"), "--out", &folder.text("nowhere/report.html")]).refused();
    assert!(error.contains("nowhere") && error.contains("--out"), "{error}");
}

//! A run whose files lie elsewhere than when it was begun: its data, and the checkpoint that it started from.

use std::{fs, process::Stdio};

use rl4seg_core::run_dir::{self, Event, Step, StepKind, layout};
use serde_json::Value;

use crate::program::{Folder, Outcome, outcome, program, results, rl4seg, short, signal, unpacked, wait_for};

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

/// Runs `rl4seg` in the folder of the data.
fn within(folder: &Folder, args: &[&str]) -> Outcome {
    outcome(program().args(args).current_dir(folder.at("")))
}

/// The places that the run's journal tells of.
fn places(folder: &Folder) -> Vec<String> {
    let told = run_dir::read_journal(&folder.at("run")).unwrap().into_iter();
    told.filter_map(|entry| if let Event::Moved { path, .. } = entry.event { Some(path) } else { None }).collect()
}

#[test]
fn a_place_is_told_from_the_working_directory_and_kept_once_it_is_right() {
    let folder = Folder::new().with_data();
    folder.adapt(&SHORT).done();
    fs::create_dir(folder.at("my scans")).unwrap();
    fs::rename(folder.at("target"), folder.at("my scans/of today")).unwrap();

    let fewer = ["phantom", "--modality", "echo", "--domain", "target", "--out", "fewer", "--size", "48"];
    within(&folder, &[&fewer[..], &["--train", "12", "--validation", "2", "--test", "2"]].concat()).done();
    let error = within(&folder, &["adapt", "run", "--set", "target.root=fewer"]).refused();
    assert!(error.contains("target.root=") && error.contains("not those that the run was begun with"), "{error}");
    let error = within(&folder, &["adapt", "run", "--set", "target.root=nowhere"]).refused();
    assert!(error.contains("nowhere: the data of the run are not there (target.root)"), "{error}");
    assert_eq!(places(&folder), Vec::<String>::new());

    within(&folder, &["adapt", "run", "--set", "target.root=my scans/of today"]).done();
    assert_eq!(places(&folder), [folder.text("my scans/of today")]);
    rl4seg(["adapt", &folder.text("run")]).done();
}

#[test]
fn data_may_be_moved_while_the_run_pretrains() {
    let folder = Folder::new().with_data();
    let config = folder.text("run.toml");
    let adapt = |output: &str| {
        let mut command = program();
        command.args(["adapt", &config, "--set", "iterations=0", "--set", output]).args(short());
        command
    };
    outcome(&mut adapt("output=whole")).done();
    let mut child = adapt("output=run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pretraining = folder.at("run").join(layout::step(&Step::new(0, StepKind::Pretrain)));
    wait_for(&layout::partial(&pretraining).join(layout::CHECKPOINT));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    fs::rename(folder.at("source"), folder.at("moved")).unwrap();
    within(&folder, &["adapt", "run", "--set", "source.root=target"]).refused();
    within(&folder, &["adapt", "run", "--set", "source.root=moved"]).done();
    assert_eq!(results(&folder.at("whole")), results(&folder.at("run")));
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

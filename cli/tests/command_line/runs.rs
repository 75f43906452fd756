//! `init`, `adapt`, `status`, `predict` and `demo`: a run from its configuration to its results.

use std::{
    fs,
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
};

use rl4seg_core::{
    domain::{Grid, Image, SlowAxis},
    io::nifti::{NiftiGeometry, ThirdAxis, write_image},
};
use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::program::rl4seg_measured;
use crate::program::{Folder, files, outcome, program, rl4seg, signal, wait_until};

#[test]
fn a_run_adapts_tells_where_it_is_and_segments() {
    let folder = Folder::new().with_data();
    let results = folder.adapt(&["--json"]).json();
    assert_eq!(results["results"].as_array().unwrap().len(), 2);
    let run = folder.text("run");
    let before = files(&folder.at("run"));

    let status = rl4seg(["status", &run, "--json"]).json();
    assert_eq!((status["done"].as_u64(), status["total"].as_u64()), (Some(6), Some(6)));
    assert!(status["steps"][0]["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(status["results"], results["results"]);
    folder.adapt(&[]).done();
    assert_eq!(files(&folder.at("run")), before, "a finished run stays as it is");
    rl4seg(["adapt", &run]).done();
    assert_eq!(files(&folder.at("run")), before, "also when it is named itself");

    reward_quality(&folder);
    predict(&folder, &run);
    predict_dicom(&folder, &run);
    predict_in_two_calls(&folder, &run);
    predict_to_a_full_disk(&folder, &run);
    review(&folder, &run, &results);
}

#[test]
fn the_loop_runs_on_every_modality_that_comes_along() {
    for modality in ["cardiac-mr", "chest-xray"] {
        let folder = Folder::new().with_data_of(modality, "40");
        let sets = [
            "preprocess.size=[48, 48]",
            "preprocess.spacing_mm=[4.0, 4.0]",
            "network.width=8",
            "pretrain.epochs=15",
            "pretrain.learning_rate=0.01",
            "collect.cases=12",
            "collect.source_cases=12",
            "reward.epochs=4",
            "reward.learning_rate=0.002",
            "reward.validation=0.3",
        ];
        let more: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).chain(["--json"]).collect();
        let results = folder.adapt(&more).json();
        assert_eq!(results["results"].as_array().unwrap().len(), 2, "{modality}");
        let dice = results["results"][1]["source"]["dice"].as_f64().unwrap();
        assert!(dice > 0.15, "{modality}: nothing was learnt, Dice {dice}");
    }
}

fn reward_quality(folder: &Folder) {
    let step = folder.at("run/iteration-001/fit-reward");
    let text = |file: &str| fs::read_to_string(step.join(file)).unwrap();
    let origins: Vec<Value> = text("origins.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let judged: u64 = origins.iter().map(|origin| origin["samples"].as_u64().unwrap()).sum();
    let step: Value = serde_json::from_str(&text("step.json")).unwrap();
    assert_eq!(step["samples"]["test"].as_u64(), Some(judged), "{origins:?}");
    assert!(origins.iter().any(|origin| origin["origin"]["name"] == "swap"), "{origins:?}");
    assert!(origins.iter().all(|origin| (0.0..=1.0).contains(&origin["ece"].as_f64().unwrap())), "{origins:?}");
}

fn review(folder: &Folder, run: &str, results: &Value) {
    let out = folder.text("review");
    let measures = rl4seg(["uncertainty", run, "--out", &out, "--json"]).json();
    let of_last = &results["results"][1]["target"];
    assert_eq!(measures["ece"], of_last["ece"], "the same voxels, the same number");
    assert_eq!(measures["cases"].as_array().unwrap().len() as u64, of_last["cases"].as_u64().unwrap());
    let written = fs::read_to_string(folder.at("review/uncertainty.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), measures);
    let ranking = fs::read_to_string(folder.at("review/cases.csv")).unwrap();
    let first = measures["cases"][0]["case"].as_str().unwrap();
    assert!(ranking.lines().nth(1).unwrap().starts_with(first), "{ranking}");
    for picture in ["reliability.svg", "confidence.svg", "dice.svg"] {
        let drawn = fs::read_to_string(folder.at("review").join(picture)).unwrap();
        assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"), "{picture}");
    }
    assert!(rl4seg(["uncertainty", run]).done().contains("to be looked at first"));
    let error = rl4seg(["uncertainty", &folder.text("target")]).refused();
    assert!(error.contains("target"), "{error}");
}

fn predict(folder: &Folder, run: &str) {
    let image = fs::read_dir(folder.at("target/img")).unwrap().next().unwrap().unwrap().path();
    let scan = folder.text("scan.nii.gz");
    let out = folder.text("results");
    let bytes = fs::read(&image).unwrap();
    fs::write(&scan, &bytes[..bytes.len() / 2]).unwrap();
    let error = rl4seg(["predict", run, &scan, "--out", &out]).refused();
    assert!(error.contains("scan.nii.gz"), "{error}");
    fs::copy(&image, &scan).unwrap();
    let scores = rl4seg(["predict", run, &scan, "--out", &out, "--json"]).json();
    let uncertainty = scores[0]["mean_uncertainty"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&uncertainty), "{scores}");
    let geometry = NiftiGeometry::read(scan.as_ref(), ThirdAxis::Depth).unwrap();
    for result in ["scan_labels.nii.gz", "scan_uncertainty.nii.gz"] {
        let written = NiftiGeometry::read(&folder.at("results").join(result), ThirdAxis::Depth).unwrap();
        assert_eq!(written.difference(&geometry), None);
    }
    let second = folder.text("second scan.nii.gz");
    fs::copy(&scan, &second).unwrap();
    rl4seg(["predict", run, &second, "--out", &out]).done();
    let table = fs::read_to_string(folder.at("results/scores.csv")).unwrap();
    assert!(table.contains(&scan) && table.contains(&second), "{table}");
    let error = rl4seg(["predict", run, &scan, "--out", &out]).refused();
    assert!(error.contains("--force"), "{error}");
    rl4seg(["predict", run, &scan, "--out", &out, "--force"]).done();
    predict_in_tiles(folder, run);
}

/// The memory that is needed is said before the start, and a limit is kept.
fn predict_in_tiles(folder: &Folder, run: &str) {
    let grid = Grid::plane([100, 90], [0.5, 0.5]).unwrap();
    let image = Image::new(grid, 1, (0..grid.len()).map(|index| (index * 37 % 101) as f32 / 100.0).collect()).unwrap();
    let (scan, out) = (folder.text("large.nii"), folder.text("in tiles"));
    write_image(scan.as_ref(), &image, &NiftiGeometry::for_grid(&grid)).unwrap();
    let predict =
        |more: [&str; 2]| rl4seg(["predict", run, &scan, "--out", &out, "--force", "--json", more[0], more[1]]);
    let rows = predict(["--tile", "64"]).json();
    assert_eq!(rows[0]["tile"], 64, "{rows}");
    let bytes = rows[0]["memory_bytes"].as_u64().unwrap();
    let enough = (bytes >> 20) + 40;
    let rows = predict(["--memory", &enough.to_string()]).json();
    assert_eq!(rows[0]["tile"], Value::Null, "{rows}");
    assert!(rows[0]["memory_bytes"].as_u64().unwrap() <= enough << 20, "{rows}");
    let error = predict(["--memory", "1"]).refused();
    assert!(error.contains("limit of 1 MiB") && error.contains("large.nii"), "{error}");
    let error = predict(["--tile", "100"]).refused();
    assert!(error.contains("a multiple of 64") && error.contains("as 128"), "{error}");
    #[cfg(target_os = "linux")]
    predict_within_a_limit(folder, run);
}

/// What the process holds, as the system counts it.
#[cfg(target_os = "linux")]
fn predict_within_a_limit(folder: &Folder, run: &str) {
    let slow = SlowAxis::Time { interval_ms: Some(20.0) };
    let grid = Grid::new([4, 640, 640], [0.25, 0.25], slow).unwrap();
    let image = Image::new(grid, 1, (0..grid.len()).map(|index| (index * 37 % 101) as f32 / 100.0).collect()).unwrap();
    let (scan, out) = (folder.text("long.nii"), folder.text("within"));
    write_image(scan.as_ref(), &image, &NiftiGeometry::for_grid(&grid)).unwrap();
    let predict = ["predict", run, &scan, "--out", &out, "--force", "--json", "--third-axis", "time"];
    for limit in ["200", "400"] {
        let (outcome, taken) = rl4seg_measured(&[&predict[..], &["--memory", limit]].concat());
        let told = outcome.json()[0]["memory_bytes"].as_u64().unwrap();
        assert!(taken <= told && told <= limit.parse::<u64>().unwrap() << 20, "{taken} taken, {told} told");
    }
}

/// What was stopped goes on, and comes to what one call comes to; earlier results of the images left are not taken for new ones.
fn predict_in_two_calls(folder: &Folder, run: &str) {
    let image = fs::read_dir(folder.at("target/img")).unwrap().next().unwrap().unwrap().path();
    let (scans, whole, halved) = (folder.text("many"), folder.text("whole"), folder.text("halved"));
    for scans in ["many", "others"] {
        fs::create_dir(folder.at(scans)).unwrap();
        for number in 0..60 {
            fs::copy(&image, folder.at(scans).join(format!("{number:02}.nii.gz"))).unwrap();
        }
    }
    for out in [&whole, &halved] {
        rl4seg(["predict", run, &scans, "--out", out]).done();
    }
    let rows = || fs::read_to_string(folder.at("halved/scores.csv")).unwrap().lines().count() - 1;
    let mut command = program();
    command.args(["predict", run, &scans, "--out", &halved, "--force"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait_until(|| (3..50).contains(&rows()), "the third image");
    signal(&child, "INT");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    let done = rows();
    assert!(done < 60 && told.contains(&format!("{done} of 60 images are finished and kept")), "{done}: {told}");

    let go_on = told.lines().find_map(|line| line.strip_prefix("go on with: ")).unwrap();
    assert!(go_on.ends_with(" --missing") && !go_on.contains("--force"), "{go_on}");
    let finished = outcome(Command::new("sh").args(["-c", go_on]));
    assert!(finished.stderr.contains(&format!("predict: {0} of {0} images", 60 - done)), "{}", finished.stderr);
    assert!(finished.done().contains("halved/review-2.html"));
    assert_eq!(results_of(&whole), results_of(&halved));

    let missing = |scans: &str| rl4seg(["predict", run, scans, "--out", &halved, "--missing", "--json"]);
    assert_eq!(missing(&scans).json(), Value::Array(Vec::new()));
    assert_eq!(missing(&folder.text("others")).json(), Value::Array(Vec::new()), "the same images, moved");
    fs::write(folder.at("others/00.nii.gz"), crate::program::unpacked_with_voxels(image.as_ref(), 0.25)).unwrap();
    let error = missing(&folder.text("others")).refused();
    assert!(error.contains("00_labels.nii.gz: holds the results of") && error.contains("others/00.nii.gz"), "{error}");
    let table = fs::read_to_string(folder.at("halved/scores.csv")).unwrap();
    let networks = table.lines().nth(1).unwrap().rsplit(',').nth(2).unwrap();
    fs::write(folder.at("halved/scores.csv"), table.replace(networks, "0123456789abcdef")).unwrap();
    let error = missing(&scans).refused();
    assert!(error.contains("was made by other networks") && error.contains(networks), "{error}");
    fs::remove_file(folder.at("halved/scores.csv")).unwrap();
    let error = missing(&scans).refused();
    assert!(error.contains("no scores.csv tells"), "{error}");
}

/// The first image shows that nothing can be written; the others are not segmented in vain.
fn predict_to_a_full_disk(folder: &Folder, run: &str) {
    let (program, scans, out) = (env!("CARGO_BIN_EXE_rl4seg"), folder.text("target/img"), folder.text("full"));
    let call = format!("trap '' XFSZ; ulimit -f 0; exec '{program}' predict '{run}' '{scans}' --out '{out}'");
    let error = outcome(Command::new("sh").args(["-c", &call])).refused();
    assert!(error.contains("make room") && error.contains(" --missing"), "{error}");
    assert!(error.contains("0 of ") && error.matches("cannot be written").count() == 2, "{error}");
}

/// All maps, and the rows of the tables in one order. The page is of one call.
fn results_of(out: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut results = files(out.as_ref());
    results.retain(|(path, _)| !path.to_string_lossy().starts_with("review"));
    for (path, bytes) in &mut results {
        if path.extension().is_some_and(|extension| extension == "csv") {
            let text = String::from_utf8_lossy(bytes).replace(out, "out");
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            *bytes = lines.join("\n").into_bytes();
        }
    }
    results
}

/// A cine comes back as a segmentation that refers to its frames, and its uncertainty as NIfTI.
fn predict_dicom(folder: &Folder, run: &str) {
    let cine = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/command_line/cine.dcm");
    let folder_of_scans = folder.at("scans");
    fs::create_dir(&folder_of_scans).unwrap();
    fs::copy(cine, folder_of_scans.join("IM0001")).unwrap();
    fs::write(folder_of_scans.join("notes"), "no image").unwrap();
    let (scans, out) = (folder.text("scans"), folder.text("from dicom"));
    let rows =
        rl4seg(["predict", run, &scans, "--out", &out, "--write", "dicom", "--intensity", "shown", "--json"]).json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(rows[0]["structures"][0]["areas_mm2"].as_array().unwrap().len(), 2, "{rows}");
    let segmentation = fs::read(rows[0]["labels"].as_str().unwrap()).unwrap();
    assert_eq!(&segmentation[128..132], b"DICM");
    assert!(rows[0]["uncertainty"].as_str().unwrap().ends_with("_uncertainty.nii.gz"), "{rows}");
    let sizes = fs::read_to_string(folder.at("from dicom/sizes.csv")).unwrap();
    assert!(sizes.starts_with("image,structure,plane,area_mm2,volume_ml"), "{sizes}");
    let error = rl4seg(["predict", run, &scans, "--out", &out, "--spacing", "7", "7", "--force"]).refused();
    assert!(error.contains("given by hand"), "{error}");
}

#[test]
fn a_run_is_not_continued_with_another_configuration() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1", "--set", "collect.agreement=0.9"];
    folder.adapt(&begin).done();
    let error = folder.adapt(&[&begin[..], &["--set", "collect.agreement=0.8"]].concat()).refused();
    assert!(error.contains("collect.agreement: was 0.9, is now 0.8"), "{error}");
    assert!(!error.contains("policy."), "{error}");
}

#[test]
fn results_depend_on_the_seed_and_not_on_the_number_of_threads() {
    let folder = Folder::new().with_data();
    let run = |name: &str, more: &[&str]| {
        let output = format!("output={name}");
        let args: Vec<&str> = ["--set", &output].into_iter().chain(more.iter().copied()).collect();
        folder.adapt(&args).done();
        let weights = files(&folder.at(name)).into_iter();
        weights.filter(|(path, _)| path.extension().is_some_and(|ending| ending == "safetensors")).collect::<Vec<_>>()
    };
    let one = run("one", &["--threads", "1"]);
    assert!(!one.is_empty());
    assert!(one == run("two", &["--threads", "2"]), "two threads gave other bytes than one");
    let other = run("other", &["--set", "seed=5", "--set", "iterations=0"]);
    assert!(one[0] != other[0], "the seed made no difference to {}", one[0].0.display());
}

#[test]
fn the_published_numbers_are_one_flag_away() {
    let folder = Folder::new().with_data();
    let (source, target, out) = (folder.text("source"), folder.text("target"), folder.text("published.toml"));
    let init = ["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &out];
    rl4seg(init.into_iter().chain(["--published"])).done();
    let read = |path: &str| rl4seg_core::config::read(path.as_ref(), &[]).unwrap();
    let published = read(&out);
    assert_eq!(published.policy, rl4seg_core::config::PolicySettings::default());
    assert_eq!(published.pretrain, rl4seg_core::config::PretrainSettings::default());
    assert_eq!(published.collect, rl4seg_core::config::CollectSettings::default());
    assert_eq!(published.reward, rl4seg_core::config::RewardSettings::default());
    assert_eq!(published.iterations, 4);
    assert_eq!(published.validity, read(&folder.text("run.toml")).validity);
    assert_eq!(published.distortion.len() + 1, read(&folder.text("run.toml")).distortion.len(), "echo/shape is ours");
}

#[test]
fn a_run_goes_on_as_it_was_begun_or_not_at_all() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    let run = folder.text("run");
    let dotted = folder.text("source/../run.toml");
    let args: Vec<String> = crate::program::adapt_args(&dotted);
    rl4seg(args.iter().map(String::as_str).chain(begin)).done();

    fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let manifest = fs::read_to_string(folder.at("run/manifest.json")).unwrap();
    let of_another = manifest.replacen("\"sha256\": \"", "\"sha256\": \"0", 1);
    fs::write(folder.at("run/manifest.json"), of_another).unwrap();
    let error = rl4seg(["adapt", &run]).refused();
    assert!(error.contains("plugin `echo` is not the one"), "{error}");
    fs::write(folder.at("run/manifest.json"), manifest).unwrap();

    let config = folder.at("run/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("iterations = 0", "iterations = 1")).unwrap();
    assert!(rl4seg(["adapt", &run]).refused().contains("config.toml: was changed"));
}

#[test]
fn init_replaces_nothing() {
    let folder = Folder::new().with_data();
    let config = folder.text("run.toml");
    let (source, target) = (folder.text("source"), folder.text("target"));
    let again = ["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &config];
    assert!(rl4seg(again).refused().contains("already"));
    assert!(fs::read_to_string(config).unwrap().contains("# "), "comments of the preset are kept");
}

#[test]
fn what_is_not_a_run_is_named() {
    let folder = Folder::new();
    for args in [&["status"][..], &["adapt"]] {
        let error = rl4seg(args.iter().copied().chain([folder.text("").as_str()])).refused();
        assert!(error.contains("not a run directory"), "{error}");
    }
}

/// What a run is told to take, from its events, and what its journal says it took.
fn told_and_taken(folder: &Folder, name: &str, sets: &[&str]) -> [f64; 2] {
    let output = format!("output={name}");
    let sets = sets.iter().copied().chain([output.as_str()]).flat_map(|set| ["--set", set]);
    let outcome = folder.adapt(&sets.chain(["--json"]).collect::<Vec<_>>());
    let events: Vec<Value> = outcome.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    outcome.done();
    let estimate = events.iter().find(|event| event["event"] == "memory").unwrap();
    let steps = estimate["steps"].as_array().unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step[0].as_str().unwrap()).collect();
    assert_eq!(kinds, ["pretrain", "collect", "fit-reward", "improve-policy", "evaluate"]);
    let told = steps.iter().map(|step| step[1].as_f64().unwrap()).fold(0.0, f64::max);
    let journal = fs::read_to_string(folder.at(name).join("journal.jsonl")).unwrap();
    let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let taken = entries.filter_map(|entry| entry["peak_memory_bytes"].as_f64()).fold(0.0, f64::max);
    [told, taken].map(|bytes| bytes / f64::from(1 << 20))
}

#[test]
fn a_run_takes_no_more_memory_than_it_says_and_is_refused_above_a_limit() {
    let folder = Folder::new().with_data();
    for (name, sets) in [("narrow", &["iterations=1"][..]), ("wide", &["network.width=12"])] {
        let [told, taken] = told_and_taken(&folder, name, sets);
        println!("{name}: {told:.0} MiB told, {taken:.0} MiB taken");
        assert!(taken <= told && told <= 2.5 * taken, "{name}: {told:.0} MiB told, {taken:.0} MiB taken");
    }
    let refused = folder.adapt(&["--memory", "64", "--set", "output=refused"]).refused();
    assert!(refused.contains("the limit of 64 MiB") && refused.contains("network.width"), "{refused}");
    assert!(!folder.at("refused").exists(), "what was advised would be another configuration than that of the run");
}

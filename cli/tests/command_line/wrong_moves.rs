//! What people do wrong: each move ends in one message that says what was found, where, and what to do.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use rl4seg_core::{
    domain::{Grid, Image},
    io::nifti::{NiftiGeometry, write_image},
};

use crate::program::{Folder, Outcome, copy, labels, outcome, results, rl4seg, volume};

/// Data of both domains and a short run: what the moves begin from. Nothing is written to it.
static BEGUN: LazyLock<Folder> = LazyLock::new(|| {
    let folder = Folder::shared("wrong-moves").with_data();
    folder.adapt(&[]).done();
    folder
});

/// An adaptation with the data of [`BEGUN`] whose results go to `folder`.
fn adapt(folder: &Folder, more: &[&str]) -> Outcome {
    let output = format!("output={:?}", folder.text("run"));
    let short = ["--set", "iterations=0", "--set", "pretrain.epochs=1", "--set", &output];
    BEGUN.adapt(&[&short, more].concat())
}

/// The text of an override that names a folder.
fn root(domain: &str, folder: &Path) -> String {
    format!("{domain}.root={:?}", folder.to_str().unwrap())
}

/// The message of a program that failed as it should, in which all `words` stand.
#[track_caller]
fn told(outcome: Outcome, words: &[&str]) {
    let error = outcome.refused();
    assert!(!error.contains("RUST_BACKTRACE") && !error.contains("stack backtrace"), "{error}");
    for word in words {
        assert!(error.contains(word), "`{word}` is missing: {error}");
    }
}

/// The same of a wrong usage.
#[track_caller]
fn wrong_usage(outcome: Outcome, words: &[&str]) {
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "`{word}` is missing: {}", outcome.stderr);
    }
}

/// A data set like that of a domain of [`BEGUN`], with other lines in its table.
fn data_set(folder: &Folder, domain: &str, change: impl Fn(usize, &str) -> Option<String>) -> PathBuf {
    let copied = folder.at(domain);
    copy(&BEGUN.at(domain), &copied);
    let table = fs::read_to_string(copied.join("cases.csv")).unwrap();
    let rows: Vec<String> = table.lines().enumerate().filter_map(|(index, row)| change(index, row)).collect();
    fs::write(copied.join("cases.csv"), rows.join("\n") + "\n").unwrap();
    copied
}

#[test]
fn a_folder_of_images_is_not_a_run() {
    let folder = Folder::new();
    let (images, out) = (BEGUN.text("target"), folder.text("results"));
    let scan = BEGUN.text("target/img");
    for command in [
        &["adapt", &images][..],
        &["predict", &images, &scan, "--out", &out],
        &["uncertainty", &images],
        &["status", &images],
    ] {
        told(rl4seg(command), &["target is not a run directory", "no manifest.json", "`rl4seg adapt` has made"]);
    }
    let nowhere = folder.text("nowhere");
    told(rl4seg(["predict", &nowhere, &scan, "--out", &out]), &["nowhere", "there is no such folder"]);
}

#[test]
fn a_run_is_not_a_folder_of_label_maps() {
    let run = BEGUN.text("run");
    told(rl4seg(["check", &run, "--modality", "echo"]), &["is a run directory", "`rl4seg predict` writes them"]);
}

#[test]
fn swapped_domains_are_noticed() {
    let folder = Folder::new();
    let unlabelled = folder.at("unlabelled");
    copy(&BEGUN.at("target"), &unlabelled);
    fs::remove_dir_all(unlabelled.join("gt")).unwrap();
    let (source, target, out) = (folder.text("unlabelled"), BEGUN.text("source"), folder.text("run.toml"));
    let init = ["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &out];
    told(rl4seg(init), &["none of its 20 cases has an expert's label map", "were --source and --target swapped?"]);
    let swapped = adapt(&folder, &["--set", &root("source", &unlabelled)]);
    told(swapped, &["source domain", "none of its 20 cases has an expert's label map", "swapped?"]);
}

#[test]
fn one_folder_as_both_domains_is_refused_unless_it_is_meant() {
    let folder = Folder::new();
    let same = root("target", &BEGUN.at("source"));
    let both = ["--set", &same, "--set", "iterations=1"];
    told(adapt(&folder, &both), &["target: is the same data set as source", "reward.model"]);
    assert!(!folder.at("run").exists());
    adapt(&folder, &["--set", &same, "--set", "iterations=0"]).done();
}

#[test]
fn one_case_is_not_enough() {
    let folder = Folder::new();
    let one = data_set(&folder, "target", |index, row| (index < 2).then(|| row.to_owned()));
    let error = adapt(&folder, &["--set", &root("target", &one)]);
    told(error, &["target domain", "it has 1 cases of 1 patients", "add patients"]);
}

#[test]
fn cases_of_one_patient_are_not_divided() {
    let folder = Folder::new();
    let same = data_set(&folder, "target", |index, row| {
        let id = row.split(',').next().unwrap();
        Some(if index == 0 { "id,patient".to_owned() } else { format!("{id},somebody") })
    });
    let error = adapt(&folder, &["--set", &root("target", &same)]);
    told(error, &["it has 20 cases of 1 patients", "a patient is in one split alone"]);
}

#[test]
fn where_nothing_can_be_written_nothing_is_begun() {
    let folder = Folder::new();
    fs::write(folder.at("file"), "").unwrap();
    let below_a_file = format!("output={:?}", folder.text("file/run"));
    told(BEGUN.adapt(&["--set", &below_a_file]), &["cannot write", "file/run", "where a folder should be"]);
    let (run, scan, out) = (BEGUN.text("run"), BEGUN.text("target/img"), folder.text("file/results"));
    told(rl4seg(["predict", &run, &scan, "--out", &out]), &["file/results", "--out"]);
    if cfg!(target_os = "linux") {
        told(BEGUN.adapt(&["--set", "output=/proc/run"]), &["cannot write /proc/run", "that can be written to"]);
    }
}

#[test]
fn an_output_that_is_something_else_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir(folder.at("run")).unwrap();
    fs::write(folder.at("run/thesis.txt"), "mine").unwrap();
    told(adapt(&folder, &[]), &["run is not a run directory", "one that is not there yet"]);
    assert_eq!(fs::read_to_string(folder.at("run/thesis.txt")).unwrap(), "mine");
}

#[test]
fn a_run_without_its_plugin_says_where_plugins_come_from() {
    let folder = Folder::new();
    // A program that lies alone finds no plugin beside it.
    let alone = folder.at("rl4seg");
    fs::copy(env!("CARGO_BIN_EXE_rl4seg"), &alone).unwrap();
    let mut command = Command::new(&alone);
    command.args(["adapt", &BEGUN.text("run")]).env("HOME", folder.at("home"));
    command.env_remove("RL4SEG_PLUGIN_PATH").env_remove("XDG_DATA_HOME");
    told(outcome(&mut command), &["the modality `echo` is not known", "rl4seg plugins install"]);
    let mut doctor = Command::new(&alone);
    doctor.arg("doctor").env("HOME", folder.at("home")).env_remove("RL4SEG_PLUGIN_PATH").env_remove("XDG_DATA_HOME");
    let found = outcome(&mut doctor);
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    assert!(
        found.stdout.contains("problem") && found.stdout.contains("no plugin for a kind of images"),
        "{}",
        found.stdout
    );
}

#[test]
fn a_run_of_a_newer_version_is_left_to_it() {
    let folder = Folder::new();
    copy(&BEGUN.at("run"), &folder.at("run"));
    let manifest = fs::read_to_string(folder.at("run/manifest.json")).unwrap();
    fs::write(folder.at("run/manifest.json"), manifest.replace("\"schema\": 2", "\"schema\": 9")).unwrap();
    for command in ["adapt", "status"] {
        told(rl4seg([command, &folder.text("run")]), &["was written by rl4seg", "in schema 9", "or newer"]);
    }
}

#[test]
fn a_slip_in_a_key_is_answered_with_the_near_one() {
    let folder = Folder::new();
    let text = fs::read_to_string(BEGUN.at("run.toml")).unwrap().replace("clip_range", "clip_rnage");
    fs::write(folder.at("run.toml"), text).unwrap();
    told(rl4seg(["adapt", &folder.text("run.toml")]), &["run.toml", "line", "did you mean `clip_range`?"]);
    let error = adapt(&folder, &["--set", "policy.epohcs=3"]);
    told(error, &["--set policy.epohcs=3", "did you mean `epochs`?"]);
    told(adapt(&folder, &["--set", "policy.clip_range=abc"]), &["--set policy.clip_range=\"abc\"", "invalid type"]);
    told(adapt(&folder, &["--set", "source.rooot=here"]), &["echo/cases-csv", "rooot", "did you mean `root`?"]);
    told(adapt(&folder, &["--set", "modality=ehco"]), &["did you mean `echo`?"]);
    told(adapt(&folder, &["--set", "distortion=[]", "--set", "iterations=1"]), &["[[distortion]]", "collect.distort"]);
    wrong_usage(adapt(&folder, &["--set", "policy.clip_range"]), &["expected KEY=VALUE"]);
    wrong_usage(rl4seg(["adpat", "run.toml"]), &["'adapt'"]);
}

#[test]
fn a_component_is_named_once() {
    let folder = Folder::new();
    let error = adapt(&folder, &["--set", "source.root=nowhere"]).refused();
    assert!(error.contains("nowhere: there is no such folder"), "{error}");
    assert_eq!(error.matches("echo/cases-csv").count(), 1, "{error}");
}

#[test]
fn a_volume_is_not_read_as_planes_unasked() {
    let folder = Folder::new();
    let (run, out) = (BEGUN.text("run"), folder.text("results"));
    let file = volume(&folder.at("volume.nii.gz"));
    told(rl4seg(["predict", &run, &file, "--out", &out]), &["volume.nii.gz", "--third-axis"]);
}

#[test]
fn an_image_whose_intensities_were_not_prepared_is_named() {
    let folder = Folder::new();
    let grid = Grid::plane([64, 64], [0.5, 0.5]).unwrap();
    let image = Image::new(grid, 1, (0..grid.len()).map(|index| (index % 251) as f32).collect()).unwrap();
    let (scan, out) = (folder.text("bytes.nii"), folder.text("results"));
    write_image(scan.as_ref(), &image, &NiftiGeometry::for_grid(&grid)).unwrap();
    let error = rl4seg(["predict", &BEGUN.text("run"), &scan, "--out", &out]);
    let words = ["bytes.nii", "intensities lie in [0, 250]", "preprocess.rescale", "give it images as those were"];
    told(error, &words);
}

#[test]
fn a_picture_whose_intensities_were_not_prepared_is_named_and_once() {
    let folder = Folder::new();
    let (scan, out) = (folder.text("color.png"), folder.text("results"));
    let mut encoder = png::Encoder::new(fs::File::create(&scan).unwrap(), 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&(0..16 * 16 * 3).map(|i| (i % 255) as u8).collect::<Vec<u8>>())
        .unwrap();
    let error = rl4seg(["predict", &BEGUN.text("run"), &scan, "--out", &out, "--spacing", "1", "1"]);
    let error = error.refused();
    let (_, failure) = error.split_once("error: ").unwrap();
    assert_eq!(failure.matches("color.png").count(), 1, "{error}");
    assert!(error.contains("intensities lie in"), "{error}");
}

#[test]
fn a_checkpoint_of_another_network_is_told_by_its_shapes() {
    let folder = Folder::new();
    let start = |file: &Path| format!("pretrain.checkpoint={:?}", file.to_str().unwrap());
    let wider = start(&BEGUN.at("run/iteration-000/pretrain/actor.safetensors"));
    let error = adapt(&folder, &["--set", &wider, "--set", "network.width=8"]);
    told(error, &["actor.safetensors", "has shape [2, 1, 3, 3]", "the width"]);
    let no_weights = start(&BEGUN.at("run.toml"));
    told(adapt(&folder, &["--set", &no_weights]), &["run.toml", "neither safetensors nor a file of torch.save"]);
    let nowhere = start(&folder.at("nowhere.ckpt"));
    told(adapt(&folder, &["--set", &nowhere]), &["nowhere.ckpt", "No such file"]);
}

#[test]
fn a_label_outside_the_set_stops_an_adaptation_before_it_begins() {
    let folder = Folder::new();
    let source = data_set(&folder, "source", |_, row| Some(row.to_owned()));
    let first = fs::read_dir(source.join("gt")).unwrap().map(|file| file.unwrap().path()).min().unwrap();
    let bytes = crate::program::unpacked(&first);
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() = 7;
    fs::write(&first, damaged).unwrap();
    let name = first.file_name().unwrap().to_str().unwrap().to_owned();
    told(adapt(&folder, &["--set", &root("source", &source)]), &[&name, "label 7", "expected one of"]);
}

#[test]
fn a_device_that_this_build_has_not_is_told_so() {
    let folder = Folder::new();
    if !cfg!(feature = "cuda") {
        told(adapt(&folder, &["--device", "cuda"]), &["needs a build with the cargo feature `cuda`", "rl4seg doctor"]);
    }
    wrong_usage(adapt(&folder, &["--device", "gpu"]), &["device `gpu` is not known", "`cuda`"]);
}

#[test]
fn a_limit_of_memory_that_is_too_small_is_told_with_what_is_needed() {
    let folder = Folder::new();
    let scan = fs::read_dir(BEGUN.at("target/img")).unwrap().map(|file| file.unwrap().path()).min().unwrap();
    let (run, scan, out) = (BEGUN.text("run"), scan.to_str().unwrap(), folder.text("results"));
    let error = rl4seg(["predict", &run, scan, "--out", &out, "--memory", "1"]);
    told(error, &[scan, "voxels take about", "the limit of 1 MiB: raise it"]);
}

#[test]
fn a_damaged_policy_is_named_with_its_run() {
    let folder = Folder::new();
    copy(&BEGUN.at("run"), &folder.at("run"));
    let policy = folder.at("run/iteration-001/improve-policy/actor.safetensors");
    fs::write(&policy, &fs::read(&policy).unwrap()[..1000]).unwrap();
    let (run, scan, out) = (folder.text("run"), BEGUN.text("target/img"), folder.text("results"));
    told(rl4seg(["predict", &run, &scan, "--out", &out]), &["actor.safetensors: was changed since it was written"]);
    assert!(!folder.at("results").exists());
}

#[test]
fn a_step_that_was_removed_before_others_is_not_done_again_by_itself() {
    let folder = Folder::new();
    copy(&BEGUN.at("run"), &folder.at("run"));
    let iteration = folder.at("run/iteration-001");
    fs::remove_dir_all(iteration.join("collect")).unwrap();
    let (run, scan, out) = (folder.text("run"), BEGUN.text("target/img"), folder.text("results"));
    let words = ["iteration-001/collect is not there", "iteration-001/evaluate", "remove those too"];
    told(rl4seg(["adapt", &run]), &words);
    told(rl4seg(["predict", &run, &scan, "--out", &out]), &words);
    let status = rl4seg(["status", &run]).done();
    assert!(words.iter().all(|word| status.contains(word)) && !status.contains("go on with"), "{status}");
    for later in ["fit-reward", "improve-policy", "evaluate"] {
        fs::remove_dir_all(iteration.join(later)).unwrap();
    }
    rl4seg(["adapt", &run]).done();
    assert_eq!(results(&BEGUN.at("run")), results(&folder.at("run")));
}

#[test]
fn what_is_there_and_something_else_is_not_replaced() {
    let folder = Folder::new();
    let run = BEGUN.text("run");
    for (name, text) in [("cases.csv", "id,patient\n"), ("run.toml", "seed = 1\n"), ("sheet.svg", "x")] {
        fs::write(folder.at(name), text).unwrap();
    }
    told(rl4seg(["uncertainty", &run, "--out", &folder.text("")]), &["cases.csv is there already", "--out"]);
    told(rl4seg(["report", &run, "--out", &folder.text("run.toml")]), &["run.toml: is there already", "--out"]);
    let inspect =
        ["data", "inspect", &BEGUN.text("target"), "--modality", "echo", "--sheet", &folder.text("sheet.svg")];
    told(rl4seg(inspect), &["sheet.svg: is there already", "--sheet"]);
    assert_eq!(fs::read_to_string(folder.at("cases.csv")).unwrap(), "id,patient\n");
    assert_eq!(fs::read_to_string(folder.at("run.toml")).unwrap(), "seed = 1\n");
}

#[test]
fn results_of_two_networks_do_not_come_into_one_folder() {
    let folder = Folder::new();
    let scans: Vec<_> =
        fs::read_dir(BEGUN.at("target/img")).unwrap().map(|file| file.unwrap().path()).take(2).collect();
    let [first, second] = [0, 1].map(|index| scans[index].to_str().unwrap());
    let (run, out) = (BEGUN.text("run"), folder.text("results"));
    rl4seg(["predict", &run, first, "--out", &out]).done();
    let table = folder.at("results/scores.csv");
    let text = fs::read_to_string(&table).unwrap();
    let networks = text.lines().nth(1).unwrap().split(',').nth(6).unwrap();
    let other = text.replace(networks, "00ff");
    fs::write(&table, &other).unwrap();
    for more in [&[][..], &["--missing"], &["--force"]] {
        let again = rl4seg(["predict", &run, second, "--out", &out].iter().chain(more));
        told(again, &["was made by other networks (scores.csv has 00ff"]);
    }
    assert_eq!(fs::read_to_string(&table).unwrap(), other);
    let both = rl4seg(["predict", &run, first, second, "--out", &out, "--force", "--quiet"]);
    assert!(!both.stderr.contains("memory"), "{}", both.stderr);
    both.done();
}

#[test]
fn what_is_missing_is_told_where_nobody_can_be_asked() {
    let folder = Folder::new();
    let out = folder.text("run.toml");
    wrong_usage(rl4seg(["init", "--modality", "echo", "--out", &out]), &["--source <DIR>, --target <DIR>", "Usage:"]);
    let file = labels(&folder.at("a.nii"), |_| 0);
    wrong_usage(rl4seg(["check", &file]), &["--modality"]);
}

#[test]
fn a_demo_takes_no_folder_of_others_for_its_own() {
    let folder = Folder::new();
    let out = folder.text("demo");
    copy(&BEGUN.at("source"), &folder.at("demo/source"));
    let expected = ["demo: has `source` in it", "empty or not there"];
    told(rl4seg(["demo", "--out", &out]), &expected);
    fs::copy(BEGUN.at("run.toml"), folder.at("demo/run.toml")).unwrap();
    told(rl4seg(["demo", "--out", &out]), &["run.toml is no configuration of a demo", "`rl4seg adapt` takes your own"]);
}

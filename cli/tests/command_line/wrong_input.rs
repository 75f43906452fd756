//! Every kind of wrong input gets one clear error and a non-zero exit, and nothing is lost.

use std::fs;

use crate::program::{Folder, change_header, files, labels, place_along, rl4seg};

/// Offset of `pixdim[1]`, the spacing along x, in a NIfTI-1 header.
const PIXDIM_1: usize = 80;

#[track_caller]
fn refused_by_check(file: &str, words: &[&str]) {
    let error = rl4seg(["check", file, "--modality", "echo"]).refused();
    for word in words {
        assert!(error.contains(word), "`{word}` is missing: {error}");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let folder = Folder::new();
    let nowhere = folder.text("nowhere");
    let error = rl4seg(["init", "--modality", "echo", "--source", &nowhere, "--target", &nowhere]).refused();
    assert!(error.contains("nowhere") && error.contains("no such folder"), "{error}");
    refused_by_check(&nowhere, &["nowhere", "no such file"]);
}

#[test]
fn an_empty_folder_is_told_what_was_expected_there() {
    let folder = Folder::new();
    fs::create_dir(folder.at("empty")).unwrap();
    let empty = folder.text("empty");
    let error = rl4seg(["init", "--modality", "echo", "--source", &empty, "--target", &empty]).refused();
    assert!(error.contains("echo/"), "every data source says why: {error}");
    assert!(!folder.at("run.toml").exists());
    refused_by_check(&empty, &["empty", "expected files of NIfTI"]);
}

#[test]
fn a_file_that_was_cut_short_is_named() {
    let folder = Folder::new();
    let file = labels(&folder.at("cut.nii.gz"), |index| (index % 251) as u8 % 3);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    refused_by_check(&file, &["cut.nii.gz", "cut short"]);
}

#[test]
fn a_spacing_must_be_a_length() {
    let folder = Folder::new();
    for (name, spacing) in [("zero.nii", 0.0_f32), ("nan.nii", f32::NAN)] {
        let file = labels(&folder.at(name), |_| 0);
        change_header(&file, PIXDIM_1, &spacing.to_le_bytes());
        refused_by_check(&file, &[name, "pixdim"]);
    }
}

#[test]
fn a_label_outside_the_set_is_shown_with_its_place() {
    let folder = Folder::new();
    let file = labels(&folder.at("odd.nii"), |index| if index == 100 { 7 } else { 0 });
    refused_by_check(&file, &["odd.nii", "label 7"]);
}

#[test]
fn label_maps_that_lie_elsewhere_are_not_compared() {
    let folder = Folder::new();
    let [file, moved] = [("a.nii", 0.0), ("b.nii", 20.0)].map(|(name, x)| {
        let file = labels(&folder.at(name), |_| 1);
        let mut bytes = fs::read(&file).unwrap();
        place_along(&mut bytes, x);
        fs::write(&file, bytes).unwrap();
        file
    });
    let error = rl4seg(["compare", &file, &moved, "--modality", "echo"]).refused();
    assert!(error.contains("a.nii") && error.contains("b.nii") && error.contains("mm apart"), "{error}");
}

#[test]
fn a_configuration_with_an_unknown_key_names_it() {
    let folder = Folder::new().with_data();
    let config = folder.at("run.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[policy]", "[policy]\nclip = 0.1")).unwrap();
    let error = folder.adapt(&[]).refused();
    assert!(error.contains("clip") && error.contains("run.toml"), "{error}");
    assert!(!folder.at("run").exists());
}

#[test]
fn all_values_that_cannot_be_used_are_told_at_once() {
    let folder = Folder::new().with_data();
    let error = folder.adapt(&["--set", "policy.clip_range=-1", "--set", "network.width=3"]).refused();
    assert!(error.contains("policy.clip_range") && error.contains("network.width"), "{error}");
}

#[test]
fn an_image_without_numbers_stops_the_run_and_is_named() {
    let folder = Folder::new().with_data();
    let image = first_file(&folder, "source/img");
    let all_nan = crate::program::unpacked_with_voxels(&image, f32::NAN);
    fs::write(&image, all_nan).unwrap();
    let error = folder.adapt(&[]).refused();
    assert!(error.contains(image.file_name().unwrap().to_str().unwrap()) && error.contains("NaN"), "{error}");
}

#[test]
fn a_bad_case_is_told_of_before_anything_is_computed() {
    let folder = Folder::new().with_data();
    let image = first_file(&folder, "target/img");
    fs::write(&image, crate::program::unpacked_with_voxels(&image, 0.25)).unwrap();
    let error = folder.adapt(&[]).refused();
    let name = image.file_stem().unwrap().to_str().unwrap().trim_end_matches(".nii");
    assert!(error.contains(name) && error.contains("every intensity is 0.25"), "{error}");
    assert!(!folder.at("run/iteration-000/pretrain").exists());
    let error = folder.adapt(&["--set", "output=small", "--set", "preprocess.size=[16, 16]"]).refused();
    assert!(error.contains("16 x 16") && error.contains("preprocess.size"), "{error}");
}

#[test]
fn what_is_neither_configuration_nor_run_is_told_so() {
    let folder = Folder::new();
    assert!(rl4seg(["adapt", &folder.text("nowhere")]).refused().contains("rl4seg init"));
}

#[test]
fn sizes_beyond_reason_and_odd_schedules_are_refused() {
    let folder = Folder::new().with_data();
    let error = folder.adapt(&["--set", "network.width=100000", "--set", "iterations=1000000000"]).refused();
    assert!(error.contains("network.width") && error.contains("iterations"), "{error}");
    let error = folder.adapt(&["--set", "policy.batch={initial=8,over_iterations=\"quadratic\"}"]).refused();
    assert!(error.contains("expected a number or { initial"), "{error}");
}

#[test]
fn one_folder_is_not_both_domains() {
    let folder = Folder::new().with_data();
    let (source, out) = (folder.text("source"), folder.text("same.toml"));
    let init = ["init", "--modality", "echo", "--source", &source, "--target", &source, "--out", &out];
    assert!(rl4seg(init).refused().contains("nothing to adapt to"));
}

#[test]
fn a_label_map_that_does_not_fit_its_image_is_named() {
    for (what, damage) in [("shape", true), ("affine", false)] {
        let folder = Folder::new().with_data();
        let reference = first_file(&folder, "source/gt");
        if damage {
            let made = labels(&folder.at("other.nii"), |_| 0);
            fs::copy(made, &reference).unwrap();
        } else {
            let mut bytes = crate::program::unpacked(&reference);
            place_along(&mut bytes, 25.0);
            fs::write(&reference, bytes).unwrap();
        }
        let error = folder.adapt(&[]).refused();
        assert!(error.contains(reference.file_name().unwrap().to_str().unwrap()), "{what}: {error}");
    }
}

#[test]
fn a_full_disk_loses_no_finished_step_and_the_run_goes_on_afterwards() {
    let folder = Folder::new().with_data();
    let config = folder.text("run.toml");
    let args = crate::program::adapt_args(&config);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    // Files may grow to 8 KiB: a configuration fits, a checkpoint does not.
    let error = crate::program::rl4seg_after("trap '' XFSZ; ulimit -f 8", &args).refused();
    assert!(error.contains("cannot write") && error.contains("safetensors"), "{error}");
    let before = files(&folder.at("run"));
    rl4seg(&args).done();
    let after = files(&folder.at("run"));
    let finished = before.iter().filter(|(path, _)| !path.to_string_lossy().contains(".partial"));
    for file in finished.filter(|(path, _)| path.starts_with("iteration-000")) {
        assert!(after.contains(file), "{} has changed", file.0.display());
    }
    assert!(after.iter().all(|(path, _)| !path.to_string_lossy().contains(".partial")));
}

fn first_file(folder: &Folder, name: &str) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder.at(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.remove(0)
}

#[test]
fn what_the_third_axis_is_must_be_said() {
    let folder = Folder::new();
    let file = crate::program::volume(&folder.at("volume.nii.gz"));
    refused_by_check(&file, &["volume.nii.gz", "--third-axis"]);
    rl4seg(["check", &file, "--modality", "echo", "--third-axis", "time"]).done();
}

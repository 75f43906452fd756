//! `data inspect` and `data convert`, and DICOM through `predict`.

use std::fs;

use crate::program::{Folder, change_header, rl4seg};

#[test]
fn inspect_tells_what_a_folder_is_and_what_is_wrong_with_it() {
    let folder = Folder::new().with_data();
    let (data, sheet) = (folder.text("source"), folder.text("sheet.svg"));
    let text = rl4seg(["data", "inspect", &data, "--modality", "echo", "--sheet", &sheet]).done();
    assert!(text.contains("read by echo/cases-csv") && text.contains("no problem found"), "{text}");
    let drawn = fs::read_to_string(folder.at("sheet.svg")).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("data:image/png;base64,"), "{drawn}");

    let mut images: Vec<_> = fs::read_dir(folder.at("source/img")).unwrap().map(|file| file.unwrap().path()).collect();
    images.sort();
    fs::copy(&images[0], &images[1]).unwrap();
    let bytes = fs::read(&images[2]).unwrap();
    fs::write(&images[2], &bytes[..bytes.len() / 2]).unwrap();
    let report = rl4seg(["data", "inspect", &data, "--modality", "echo", "--json"]).json();
    let problems: Vec<&str> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["problems"].as_array().unwrap())
        .map(|problem| problem.as_str().unwrap())
        .collect();
    assert!(problems.iter().any(|problem| problem.contains("voxel by voxel")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("cut short")), "{problems:?}");
    let error = rl4seg(["data", "inspect", &data, "--strict"]).refused();
    assert!(error.contains("problems in"), "{error}");
    let error = rl4seg(["data", "inspect", &folder.text("nowhere")]).refused();
    assert!(error.contains("there is no such folder"), "{error}");
}

#[test]
fn what_convert_writes_is_read_again() {
    let folder = Folder::new().with_data();
    let (data, out) = (folder.text("source"), folder.text("Dataset001"));
    rl4seg(["data", "convert", &data, "--modality", "echo", "--out", &out]).done();
    let [before, after] =
        [&data, &out].map(|path| rl4seg(["data", "inspect", path, "--modality", "echo", "--json"]).json());
    assert_eq!(after["component"], "echo/nnunet");
    assert_eq!(after["cases"].as_array().unwrap().len(), before["cases"].as_array().unwrap().len());
    assert_eq!(after["label_maps"], before["label_maps"]);
    assert_eq!(after["cases"][0]["voxels"].is_object(), true, "{after}");
    let error = rl4seg(["data", "convert", &data, "--modality", "echo", "--out", &out]).refused();
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn spacing_by_hand_is_for_files_that_do_not_tell_it() {
    let folder = Folder::new().with_data();
    let image = fs::read_dir(folder.at("source/gt")).unwrap().next().unwrap().unwrap().path();
    let labels = folder.text("labels.nii");
    fs::write(&labels, crate::program::unpacked(&image)).unwrap();
    let error = rl4seg(["check", &labels, "--modality", "echo", "--spacing", "9", "9"]).refused();
    assert!(error.contains("given by hand"), "{error}");
    change_header(&labels, 80, &0.0_f32.to_le_bytes());
    let error = rl4seg(["check", &labels, "--modality", "echo"]).refused();
    assert!(error.contains("pixdim[1]"), "{error}");
}

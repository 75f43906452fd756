//! `data inspect` and `data convert`, and DICOM through `predict`.

use std::fs;

use crate::program::{Folder, change_header, pixdim, place, rl4seg, unpacked};

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
    let error = rl4seg(["data", "inspect", &data, "--modality", "echo", "--strict"]).refused();
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
    assert!(after["cases"][0]["voxels"].is_object(), "{after}");
    let error = rl4seg(["data", "convert", &data, "--modality", "echo", "--out", &out]).refused();
    assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn label_maps_that_several_modalities_read_are_not_given_the_names_of_one() {
    let folder = Folder::new().with_data();
    let (data, out) = (folder.text("target"), folder.text("Dataset002"));
    for refused in [rl4seg(["data", "convert", &data, "--out", &out]), rl4seg(["data", "inspect", &data])] {
        let error = refused.refused();
        assert!(error.contains("echo/cases-csv") && error.contains("with --modality"), "{error}");
    }
    assert!(!folder.at("Dataset002").exists());
}

#[test]
fn pictures_are_a_domain_once_their_spacing_is_given() {
    let folder = Folder::new().with_data();
    fs::create_dir(folder.at("pictures")).unwrap();
    for name in 'a'..='f' {
        let file = fs::File::create(folder.at("pictures").join(format!("{name}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 48, 48);
        encoder.set_color(png::ColorType::Grayscale);
        let voxels: Vec<u8> = (0..48 * 48).map(|index| (index % 251) as u8 ^ name as u8).collect();
        encoder.write_header().unwrap().write_image_data(&voxels).unwrap();
    }
    let (source, target, out) = (folder.text("source"), folder.text("pictures"), folder.text("new.toml"));
    let init = ["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &out];
    let error = rl4seg(init).refused();
    assert!(error.contains("the size of a pixel in mm") && error.contains("--target-set"), "{error}");
    rl4seg(init.into_iter().chain(["--target-set", "spacing_mm=[3.7,3.7]"])).done();
    let written = fs::read_to_string(&out).unwrap();
    assert!(
        written.contains("component = \"echo/images\"") && written.contains("spacing_mm = [3.7, 3.7]"),
        "{written}"
    );
}

#[test]
fn spacing_by_hand_is_for_files_that_do_not_tell_it() {
    let folder = Folder::new().with_data();
    let image = fs::read_dir(folder.at("source/gt")).unwrap().next().unwrap().unwrap().path();
    let labels = folder.text("labels.nii");
    fs::write(&labels, unpacked(&image)).unwrap();
    let error = rl4seg(["check", &labels, "--modality", "echo", "--spacing", "9", "9"]).refused();
    assert!(error.contains("given by hand"), "{error}");
    change_header(&labels, 80, &0.0_f32.to_le_bytes());
    let error = rl4seg(["check", &labels, "--modality", "echo"]).refused();
    assert!(error.contains("pixdim[1]"), "{error}");
}

#[test]
fn what_files_leave_open_is_told_with_the_data_source_that_reads_them() {
    let folder = Folder::new().with_data();
    for (from, to) in [("img", "images"), ("gt", "labels")] {
        fs::create_dir_all(folder.at("ours").join(to)).unwrap();
        let file = fs::read_dir(folder.at("source").join(from)).unwrap().next().unwrap().unwrap().path();
        fs::copy(&file, folder.at("ours").join(to).join(file.file_name().unwrap())).unwrap();
    }
    let ours = folder.text("ours");
    let error = rl4seg(["data", "inspect", &ours, "--modality", "echo"]).refused();
    assert!(error.contains("have one name") && error.contains("--component"), "{error}");
    let named = ["data", "inspect", &ours, "--component", "echo/images", "--set", "labels=labels", "--json"];
    let report = rl4seg(named).json();
    assert_eq!((&report["component"], &report["label_maps"]), (&"echo/images".into(), &1.into()), "{report}");
    let error = rl4seg(["data", "inspect", &ours, "--component", "imagse"]).refused();
    assert!(error.contains("there is no data source `imagse`") && error.contains("/images`?"), "{error}");
    let wrong = ["data", "inspect", &ours, "--component", "echo/images", "--set", "lables=labels"];
    assert!(rl4seg(wrong).refused().contains("lables"));
}

#[test]
fn where_nothing_could_be_read_there_are_no_intensities() {
    let folder = Folder::new();
    fs::create_dir(folder.at("ours")).unwrap();
    fs::write(folder.at("ours/a.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let ours = folder.text("ours");
    let text = rl4seg(["data", "inspect", &ours, "--modality", "chest-xray"]).done();
    assert!(!text.contains("inf") && text.contains("intensities"), "{text}");
}

#[test]
fn convert_keeps_where_images_lie_and_invents_nothing() {
    let folder = Folder::new().with_data();
    let file = fs::read_dir(folder.at("source/gt")).unwrap().next().unwrap().unwrap().path();
    fs::create_dir(folder.at("ours")).unwrap();
    let header_of = |name: &str| unpacked(&folder.at(name))[..348].to_vec();
    let code = |header: &[u8], at: usize| i16::from_le_bytes([header[at], header[at + 1]]);
    fs::write(folder.at("ours/a.nii"), unpacked(&file)).unwrap();
    // A second image, turned: x leads to the back, y to the left.
    let mut turned = unpacked(&file);
    let [dx, dy, dz] = pixdim(&turned);
    place(&mut turned, [[0.0, -dy, 0.0, 10.0], [-dx, 0.0, 0.0, 5.0], [0.0, 0.0, dz, 7.0]]);
    fs::write(folder.at("ours/b.nii"), &turned).unwrap();
    let (ours, out) = (folder.text("ours"), folder.text("Dataset002"));
    rl4seg(["data", "convert", &ours, "--component", "echo/images", "--out", &out]).done();
    let placed = header_of("Dataset002/imagesTs/b_0000.nii.gz");
    assert_eq!((code(&placed, 254), &placed[280..328]), (1, &turned[280..328]));
    let made_up = header_of("Dataset002/imagesTs/a_0000.nii.gz");
    assert_eq!([252, 254].map(|at| code(&made_up, at)), [0, 0]);
}

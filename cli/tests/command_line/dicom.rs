//! DICOM from one end to the other: a folder of it is adapted to, and its run reads others as it read that.

use std::fs;

use rl4seg_core::run_dir::layout;
use serde_json::Value;

use crate::program::{Folder, adapt_args, rl4seg};

const CINE: &[u8] = include_bytes!("cine.dcm");

/// The cine, as if it were another patient's.
fn cine(patient: u8) -> Vec<u8> {
    let digit = b'0' + patient;
    let mut bytes = CINE.to_vec();
    let mut replace = |then: &[u8], now: &[u8]| {
        let places: Vec<usize> =
            bytes.windows(then.len()).enumerate().filter(|(_, is)| *is == then).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{then:?}");
        places.into_iter().for_each(|at| bytes[at..at + now.len()].copy_from_slice(now));
    };
    for (then, now) in [(b"1.2.3.1", *b"1.2.4.0"), (b"1.2.3.2", *b"1.2.5.0"), (b"1.2.3.3", *b"1.2.6.0")] {
        let [rest @ .., _] = now;
        replace(then, &[&rest[..], &[digit]].concat());
    }
    let patient_id = b"\x10\x00\x20\x00LO\x02\x00P";
    replace(patient_id, &[&patient_id[..8], &[b'A' + patient]].concat());
    // No two images are the same.
    if let Some(last) = bytes.last_mut() {
        *last ^= patient;
    }
    bytes
}

#[test]
fn a_folder_of_dicom_is_adapted_to_and_others_are_read_as_it_was() {
    let folder = Folder::new().with_data();
    fs::create_dir(folder.at("ours")).unwrap();
    for patient in 0..10 {
        fs::write(folder.at(&format!("ours/IM{patient:04}")), cine(patient)).unwrap();
    }
    let (source, ours, config) = (folder.text("source"), folder.text("ours"), folder.text("dicom.toml"));
    let found = rl4seg(["data", "inspect", &ours, "--modality", "echo", "--json"]).json();
    assert_eq!((&found["component"], found["cases"].as_array().unwrap().len()), (&"echo/images".into(), 10), "{found}");

    let init = ["init", "--modality", "echo", "--source", &source, "--target", &ours, "--out", &config];
    rl4seg(init.into_iter().chain(["--target-set", "intensity=shown", "--target-set", "mask_outside_regions=true"]))
        .done();
    rl4seg(adapt_args(&config)).done();
    let rows = fs::read_to_string(folder.at("run").join(layout::CASES_TABLE)).unwrap();
    assert!(rows.contains("target"), "{rows}");

    let (run, scan) = (folder.text("run"), folder.text("another.dcm"));
    fs::write(&scan, CINE).unwrap();
    let predict = |name: &str, flags: &[&str]| -> Value {
        let out = folder.text(name);
        rl4seg(["predict", &run, &scan, "--out", &out, "--json"].iter().chain(flags)).json()[0].clone()
    };
    let (by_itself, the_same) = (predict("by itself", &[]), predict("the same", &["--intensity", "shown"]));
    assert_eq!((&by_itself["read_with"], &the_same["read_with"]), (&"".into(), &"--intensity shown".into()));
    assert_eq!(by_itself["image_sha256"], the_same["image_sha256"]);
    let table = fs::read_to_string(folder.at("the same/scores.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().ends_with(",--intensity shown"), "{table}");
}

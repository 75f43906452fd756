use super::*;
use crate::{
    conformance,
    sources::made_folder::{Folder, Scan},
};

/// Two patients with two images each; walls are 1 and cavities 2.
fn folder() -> Folder {
    let folder = Folder::new();
    dataset(&folder, r#""labels": { "background": 0, "wall": 1, "LV cavity": 2 }"#, 4);
    for case in ["p1_a", "p1_b", "p2_a", "p2_b"] {
        folder.image(&format!("imagesTr/{case}_0000.nii.gz"), 1.0);
        folder.labels(&format!("labelsTr/{case}.nii.gz"), [0, 1, 2, 2, 1, 0]);
    }
    folder
}

fn dataset(folder: &Folder, more: &str, cases: usize) {
    let json = format!(
        r#"{{ "channel_names": {{ "0": "MRI" }}, "numTraining": {cases}, "file_ending": ".nii.gz", "name": "x",
             "overwrite_image_reader_writer": "SimpleITKIO", {more} }}"#
    );
    folder.text("dataset.json", &json);
}

fn open(folder: &Folder, more: &str) -> Result<Nnunet<Scan>> {
    let json = format!(r#"{{ "root": {:?}, "labels": {{ "LV cavity": "cavity" }} {more} }}"#, folder.path());
    Nnunet::new(&serde_json::from_str(&json).unwrap())
}

fn refusal(folder: &Folder, more: &str) -> String {
    open(folder, more).err().unwrap().to_string()
}

#[test]
fn names_give_labels_whatever_their_numbers() {
    let folder = folder();
    let source = open(&folder, "").unwrap();
    let cases = source.cases().unwrap();
    assert_eq!((cases.len(), cases[0].group.as_str(), cases[0].split), (4, "p1_a", None));
    assert_eq!(source.reference(&cases[0].id).unwrap().unwrap().labels(), [0, 2, 1, 1, 2, 0]);
    conformance::check_data_source(&source).unwrap();
}

#[test]
fn patients_come_from_names_and_splits_from_folders_and_folds() {
    let folder = folder();
    folder.image("imagesTs/p3_a_0000.nii.gz", 2.0);
    folder.image("imagesTs/p3_b_0000.nii.gz", 2.0);
    folder.labels("labelsTs/p3_b.nii.gz", [0; 6]);
    let fold = r#"{ "train": ["p1_a", "p1_b"], "val": ["p2_a", "p2_b"] }"#;
    folder.text("splits_final.json", &format!("[{{ \"train\": [], \"val\": [] }}, {fold}]"));
    let source = open(&folder, r#", "fold": 1, "patient": { "before": "_" }"#).unwrap();
    let cases = source.cases().unwrap();
    let told: Vec<_> = cases.iter().map(|case| (case.group.as_str(), case.split, case.has_reference)).collect();
    let [train, validation, test] = [Split::Train, Split::Validation, Split::Test].map(Some);
    let expected = [
        ("p1", train, true),
        ("p1", train, true),
        ("p2", validation, true),
        ("p2", validation, true),
        ("p3", test, false),
        ("p3", test, true),
    ];
    assert_eq!(told, expected);
    conformance::check_data_source(&source).unwrap();
    assert!(refusal(&folder, r#", "fold": 0"#).contains("case `p1_a` is for neither"));
    assert!(refusal(&folder, r#", "fold": 2"#).contains("fold is 2; expected one of 2 folds"));
    folder.text("splits_final.json", r#"[{ "train": ["p1_a", "p1_b", "p2_a", "p2_b", "p9"], "val": [] }]"#);
    assert!(refusal(&folder, r#", "fold": 0"#).contains("there is no case `p9`"));
    folder.text("splits_final.json", r#"[{ "train": ["p1_a"], "val": ["p1_a"] }]"#);
    assert!(refusal(&folder, r#", "fold": 0"#).contains("stands there twice"));
    folder.remove("splits_final.json");
    assert!(refusal(&folder, r#", "fold": 0"#).contains("splits_final.json"));
    assert!(refusal(&folder, r#", "patient": { "before": "-" }"#).contains("case `p1_a`"));
}

#[test]
fn one_channel_of_several_is_taken_where_it_is_said() {
    let folder = folder();
    let channels = r#""channel_names": { "0": "T2", "1": "ADC" }, "numTraining": 4, "file_ending": ".nii.gz""#;
    let labels = r#""labels": { "background": 0, "wall": 1, "LV cavity": 2 }"#;
    folder.text("dataset.json", &format!("{{ {channels}, {labels} }}"));
    for case in ["p1_a", "p1_b", "p2_a", "p2_b"] {
        folder.image(&format!("imagesTr/{case}_0001.nii.gz"), 7.0);
    }
    let error = refusal(&folder, "");
    assert!(error.contains("0 T2, 1 ADC") && error.contains("channel = 0"), "{error}");
    assert!(refusal(&folder, r#", "channel": 2"#).contains("channel is 2"));
    let source = open(&folder, r#", "channel": 1"#).unwrap();
    assert_eq!(source.image(&CaseId("p1_a".to_owned())).unwrap().values(), [7.0; 6]);
    folder.remove("imagesTr/p1_a_0001.nii.gz");
    assert!(refusal(&folder, r#", "channel": 1"#).contains("p1_a_0001.nii.gz"));
}

#[test]
fn files_may_lie_where_the_map_of_cases_says() {
    let folder = folder();
    let elsewhere = Folder::new();
    elsewhere.image("a.nii.gz", 3.0);
    let labels = r#""labels": { "background": 0, "wall": 1, "LV cavity": 2 }"#;
    let listed = |image: &str| {
        let case = format!(r#"{{ "images": [{image:?}], "label": "./labelsTr/p1_a.nii.gz" }}"#);
        dataset(&folder, &format!(r#"{labels}, "dataset": {{ "one": {case} }}"#), 1);
    };
    listed(elsewhere.path().join("a.nii.gz").to_str().unwrap());
    let source = open(&folder, "").unwrap();
    let id = CaseId("one".to_owned());
    assert_eq!(source.image(&id).unwrap().values(), [3.0; 6]);
    assert_eq!(source.reference(&id).unwrap().unwrap().labels(), [0, 2, 1, 1, 2, 0]);
    listed("../a.nii.gz");
    assert!(refusal(&folder, "").contains("case `one`: `../a.nii.gz`"));
}

#[test]
fn labels_that_are_no_classes_are_refused_with_the_reason() {
    let folder = folder();
    let refused = |labels: &str| {
        dataset(&folder, &format!("\"labels\": {labels}"), 4);
        refusal(&folder, "")
    };
    assert!(refused(r#"{ "background": 0, "wall": 1, "LV cavity": [1, 2] }"#).contains("regions overlap"));
    assert!(refused(r#"{ "background": 0, "wall": 1, "LV cavity": 2, "ignore": 3 }"#).contains("nobody labelled"));
    assert!(refused(r#"{ "background": 0, "wall": 300, "LV cavity": 2 }"#).contains("up to 255"));
    assert!(refused(r#"{ "background": 0, "septum": 1, "LV cavity": 2 }"#).contains("2 LV cavity; the modality has"));
}

#[test]
fn a_value_that_the_data_set_does_not_list_is_no_label() {
    let folder = folder();
    folder.labels("labelsTr/p1_a.nii.gz", [0, 3, 0, 0, 0, 0]);
    let error = open(&folder, "").unwrap().reference(&CaseId("p1_a".to_owned())).unwrap_err().to_string();
    assert!(error.contains("p1_a.nii.gz") && error.contains("2 LV cavity"), "{error}");
}

#[test]
fn files_that_disagree_with_the_list_are_refused() {
    let folder = folder();
    folder.remove("labelsTr/p1_a.nii.gz");
    assert!(refusal(&folder, "").contains("the label maps of 1 of 4 cases are missing"));
    folder.labels("labelsTr/p1_a.nii.gz", [0; 6]);
    folder.labels("labelsTr/p9.nii.gz", [0; 6]);
    assert!(refusal(&folder, "").contains("p9.nii.gz"));
    folder.remove("labelsTr/p9.nii.gz");
    folder.image("imagesTr/p1_c.nii.gz", 1.0);
    assert!(refusal(&folder, "").contains("CASE_0000.nii.gz"));
    folder.remove("imagesTr/p1_c.nii.gz");
    folder.text("imagesTr/._p1_a_0000.nii.gz", "what macOS leaves");
    assert!(open(&folder, "").is_ok());
    dataset(&folder, r#""labels": { "background": 0, "wall": 1, "LV cavity": 2 }"#, 5);
    assert!(refusal(&folder, "").contains("numTraining is 5, but there are 4"));
    folder.text("dataset.json", r#"{ "modality": { "0": "MRI" }, "labels": {} }"#);
    assert!(refusal(&folder, "").contains("`msd`"));
    folder.text("dataset.json", r#"{ "channel_names": { "0": "MRI" }, "labels": {} }"#);
    assert!(refusal(&folder, "").contains("numTraining"));
    folder.remove("dataset.json");
    assert!(refusal(&folder, "").contains("dataset.json"));
}

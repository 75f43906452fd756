//! `phantom`, `check` and `compare`.

use std::fs;

use crate::program::{Folder, rl4seg};

fn phantom(folder: &Folder, name: &str) -> String {
    let out = folder.text(name);
    let args = ["phantom", "--modality", "echo", "--out", &out, "--size", "48"];
    rl4seg(args.into_iter().chain(["--train", "3", "--validation", "1", "--test", "1"])).done();
    out
}

#[test]
fn a_phantom_is_valid_equals_itself_and_is_the_same_every_time() {
    let folder = Folder::new();
    let out = phantom(&folder, "a");
    let labels = format!("{out}/gt");
    let checked = rl4seg(["check", &labels, "--modality", "echo", "--strict", "--json"]).json();
    assert_eq!(checked.as_array().unwrap().len(), 5);
    let compared = rl4seg(["compare", &labels, &labels, "--modality", "echo", "--json"]).json();
    for comparison in compared.as_array().unwrap() {
        for structure in comparison["structures"].as_array().unwrap() {
            assert_eq!(structure["dice"], 1.0, "{structure}");
            assert_eq!(structure["hausdorff_mm"], 0.0, "{structure}");
        }
    }
    let again = phantom(&folder, "b");
    assert_eq!(crate::program::files(out.as_ref()), crate::program::files(again.as_ref()));
}

#[test]
fn a_phantom_replaces_nothing() {
    let folder = Folder::new();
    fs::create_dir(folder.at("mine")).unwrap();
    fs::write(folder.at("mine/notes.txt"), "keep").unwrap();
    let error = rl4seg(["phantom", "--modality", "echo", "--out", &folder.text("mine")]).refused();
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(fs::read_to_string(folder.at("mine/notes.txt")).unwrap(), "keep");
}

#[test]
fn an_impossible_label_map_is_told_with_value_range_and_unit() {
    let folder = Folder::new();
    let labels = crate::program::labels(&folder.at("specks.nii.gz"), |index| u8::from(index % 7 == 0));
    let found = rl4seg(["check", &labels, "--modality", "echo"]).done();
    assert!(found.contains("invalid") && found.contains("accepted"), "{found}");
    let error = rl4seg(["check", &labels, "--modality", "echo", "--strict"]).refused();
    assert!(error.contains("1 of 1 label maps are not valid"), "{error}");
}

#[test]
fn label_maps_are_judged_by_the_metrics_of_a_configuration() {
    let folder = Folder::new();
    let [source, target] = ["source", "target"].map(|name| phantom(&folder, name));
    let config = folder.text("run.toml");
    rl4seg(["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &config]).done();
    let labels = crate::program::labels(&folder.at("specks.nii.gz"), |index| u8::from(index % 7 == 0));
    let anatomy = rl4seg(["check", &labels, "--config", &config]).done();
    assert!(anatomy.contains("invalid"), "{anatomy}");
    let text = fs::read_to_string(&config).unwrap();
    let of_preset = "component = \"echo/anatomy\"";
    assert!(text.contains(of_preset), "{text}");
    let rule =
        "component = \"topology\"\nstructures = { lv = 1 }\nrules = [{ measure = \"size\", of = \"lv\", min = 1 }]";
    fs::write(&config, text.replace(of_preset, rule)).unwrap();
    rl4seg(["check", &labels, "--config", &config, "--strict"]).done();
    let both = rl4seg(["check", &labels, "--config", &config, "--modality", "echo"]);
    assert_eq!(both.code, Some(2), "{}", both.stderr);
    let none = rl4seg(["check", &labels, "--config", &folder.text("no.toml")]).refused();
    assert!(none.contains("no.toml"), "{none}");
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    for args in
        [&["no-such-command"][..], &["check"], &["adapt"], &["compare", "a", "b"], &["adapt", "a", "--set", "x"]]
    {
        let outcome = rl4seg(args);
        assert_eq!(outcome.code, Some(2), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("--help"), "{args:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_tree_that_numbers_its_structures_otherwise_is_compared() {
    let folder = Folder::new();
    let patient = folder.at("camus/patient0001");
    fs::create_dir_all(&patient).unwrap();
    let heart = |index: usize| [0, 1, 2, 3][index % 4];
    crate::program::labels(&patient.join("patient0001_4CH_ED_gt.nii.gz"), heart);
    crate::program::labels(&patient.join("patient0001_4CH_ED.nii.gz"), |_| 200);
    fs::create_dir(folder.at("results")).unwrap();
    crate::program::labels(&folder.at("results/patient0001_4CH_ED_labels.nii.gz"), |index| heart(index) % 3);
    let (results, camus) = (folder.text("results"), folder.text("camus"));
    let compare = ["compare", &results, &camus, "--modality", "echo", "--json"];
    assert!(rl4seg(compare).refused().contains("label 3"));
    let compared = rl4seg(compare.into_iter().chain(["--read-as", "3=0"])).json();
    assert_eq!(compared[0]["structures"][0]["dice"], 1.0, "{compared}");
    assert!(rl4seg(compare.into_iter().chain(["--read-as", "3=9"])).refused().contains("9 is no label"));
}

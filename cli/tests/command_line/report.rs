//! `report`, and the review page of `predict`: what they hold. `.ci/report` looks at them in a browser.

use std::fs;

use sha2::{Digest, Sha256};

use crate::program::{Folder, rl4seg};

/// What a page could load with, but for `data:`.
const LOADING: [&str; 6] = ["<link", "<img", "<iframe", "src=", "@import", "url("];

#[track_caller]
fn assert_loads_nothing(page: &str) {
    for found in LOADING {
        assert!(!page.contains(found), "{found}");
    }
    // The name of a namespace loads nothing.
    let others = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!others.contains("http://") && !others.contains("https://"), "an address");
    assert!(page.contains("default-src 'none'"));
}

#[track_caller]
fn assert_holds(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} is not there");
    }
}

#[test]
fn a_finished_run_gives_a_page_of_all_its_parts() {
    let folder = Folder::new().with_data();
    folder.adapt(&["--set", "iterations=2"]).done();
    let (run, out) = (folder.text("run"), folder.text("report.html"));
    let written = rl4seg(["report", &run, "--out", &out, "--json"]).json();
    assert_eq!((written["cases"].as_u64(), written["pictures"].as_u64()), (Some(2), Some(2)), "{written}");
    assert_eq!((written["steps_done"].as_u64(), written["steps_total"].as_u64()), (Some(10), Some(10)));
    let page = fs::read_to_string(&out).unwrap();
    assert_eq!(written["bytes"].as_u64(), Some(page.len() as u64));
    assert_loads_nothing(&page);
    let sections =
        ["results", "cases", "uncertainty", "learning", "time", "run"].map(|id| format!("<section id=\"{id}\""));
    assert_holds(&page, &sections.each_ref().map(String::as_str));
    assert_holds(&page, &["Target domain, 2 test cases", "Source domain, 2 test cases", "Dice, left ventricle"]);
    assert_holds(
        &page,
        &["Reliability, expected calibration error", "What became of the target", "Entropy of the policy"],
    );
    assert_holds(&page, &["Reward samples, by what made them", "Data: cases", &folder.text("source")]);
    let cases = fs::read(folder.at("run/iteration-000/pretrain/cases.jsonl")).unwrap();
    let sha256: String = Sha256::digest(&cases).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_holds(&page, &["SHA-256 of the list of cases", &sha256]);
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.at("run/manifest.json")).unwrap()).unwrap();
    assert_holds(&page, &[manifest["config_sha256"].as_str().unwrap(), "iteration-001/improve-policy"]);
    assert_eq!(page.matches("<li class=\"card\"").count(), 2);
    assert!(
        fs::read_dir(folder.at("")).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".part"))
    );

    let one = rl4seg(["report", &run, "--out", &out, "--cases", "1", "--json"]).json();
    assert_eq!((one["cases"].as_u64(), one["cases_shown"].as_u64()), (Some(2), Some(1)), "{one}");
    assert_holds(&fs::read_to_string(&out).unwrap(), &["The worst 1 of 2 are shown"]);
    rl4seg(["report", &run, "--out", &out, "--cases", "0"]).done();
    assert!(!fs::read_to_string(&out).unwrap().contains("<section id=\"cases\""));

    without_the_images(&folder, &run, &out);
}

/// What the run keeps of itself is shown where its data are gone.
fn without_the_images(folder: &Folder, run: &str, out: &str) {
    fs::rename(folder.at("target"), folder.at("elsewhere")).unwrap();
    let outcome = rl4seg(["report", run, "--out", out, "--json"]);
    assert!(outcome.stderr.contains("no pictures") && outcome.stderr.contains("target"), "{}", outcome.stderr);
    let written = outcome.json();
    assert_eq!((written["cases_shown"].as_u64(), written["pictures"].as_u64()), (Some(2), Some(0)), "{written}");
    assert_holds(
        &fs::read_to_string(out).unwrap(),
        &["could not be segmented again", "<li class=\"card\"", "Hausdorff"],
    );
}

#[test]
fn a_run_that_is_not_finished_gives_a_page_of_what_is_there() {
    let folder = Folder::new().with_data();
    folder.adapt(&[]).done();
    let out = folder.text("report.html");
    let page = || {
        rl4seg(["report", &folder.text("run"), "--out", &out]).done();
        fs::read_to_string(&out).unwrap()
    };
    let behind = folder.at("run/iteration-001");
    if behind.exists() {
        fs::remove_dir_all(behind).unwrap();
    }
    let begun = page();
    assert_holds(
        &begun,
        &["Not finished: 2 of 6 steps are done", "No reward network is fitted yet", "Not finished yet."],
    );
    assert_holds(&begun, &["<section id=\"cases\"", "Target domain, 2 test cases"]);
    assert!(!begun.contains("After iteration") && !begun.contains("data-uncertainty"));
    fs::remove_dir_all(folder.at("run/iteration-000")).unwrap();
    let nothing = page();
    assert_holds(&nothing, &["Not finished: 0 of 6 steps are done", "No evaluation is finished yet"]);
    assert!(!nothing.contains("<section id=\"cases\""));
}

#[test]
fn what_users_wrote_is_text_and_nothing_else() {
    let folder = Folder::new();
    let evil = "a<script>alert(1)<script>&\"'";
    let data = folder.at(evil);
    fs::create_dir(&data).unwrap();
    let of = |name: &str| data.join(name).to_str().unwrap().to_owned();
    for domain in ["source", "target"] {
        let args = ["phantom", "--modality", "echo", "--domain", domain, "--out", &of(domain), "--size", "48"];
        rl4seg(args.into_iter().chain(["--train", "4", "--validation", "2", "--test", "2"])).done();
    }
    rename_cases(&data.join("target"));
    let (source, target, config) = (of("source"), of("target"), folder.text("run.toml"));
    rl4seg(["init", "--modality", "echo", "--source", &source, "--target", &target, "--out", &config]).done();
    folder.adapt(&["--set", "iterations=0", "--set", "pretrain.epochs=1"]).done();
    let out = folder.text("report.html");
    rl4seg(["report", &folder.text("run"), "--out", &out]).done();
    let page = fs::read_to_string(&out).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<b>tar"), "markup of a user's");
    assert_holds(&page, &["a&lt;script&gt;alert(1)&lt;script&gt;&amp;", "&lt;b&gt;tar"]);
    assert_eq!(page.matches("</script>").count(), 3, "an element was ended by what it holds");
}

/// Puts markup into the name of every case.
fn rename_cases(folder: &std::path::Path) {
    for part in ["img", "gt"] {
        for file in fs::read_dir(folder.join(part)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            fs::rename(&path, path.with_file_name(format!("<b>{name}"))).unwrap();
        }
    }
    let table = folder.join("cases.csv");
    let text = fs::read_to_string(&table).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: String = rows.lines().map(|row| format!("<b>{row}\n")).collect();
    fs::write(&table, format!("{header}\n{rows}")).unwrap();
}

#[test]
fn predict_leaves_a_page_to_review() {
    let folder = Folder::new().with_data();
    folder.adapt(&[]).done();
    let (run, images, out) = (folder.text("run"), folder.text("target/img"), folder.text("results"));
    let rows = rl4seg(["predict", &run, &images, "--out", &out, "--json"]).json();
    let page = fs::read_to_string(folder.at("results/review.html")).unwrap();
    assert_loads_nothing(&page);
    let rows = rows.as_array().unwrap();
    assert_eq!(page.matches("<li class=\"card\"").count(), rows.len());
    let worst_first: Vec<usize> = ["invalid", "unmeasurable", "valid"]
        .iter()
        .flat_map(|verdict| {
            page.match_indices(&format!("data-verdict=\"{verdict}\" data-uncertainty"))
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(worst_first.is_sorted() && worst_first.len() == rows.len(), "{worst_first:?}");
    let invalid = rows.iter().filter(|row| row["verdict"] == "invalid").count();
    assert_eq!(page.contains("Why it is not valid"), invalid > 0 || rows.iter().any(|row| row["verdict"] != "valid"));
}

#[test]
fn a_report_is_of_a_run_and_names_what_is_wrong() {
    let folder = Folder::new();
    let error = rl4seg(["report", &folder.text(""), "--out", &folder.text("report.html")]).refused();
    assert!(error.contains("not a run directory"), "{error}");
    assert!(!folder.at("report.html").exists());
}

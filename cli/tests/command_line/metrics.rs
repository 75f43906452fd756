//! What a run logs: all metrics in one file, for TensorBoard, and the cases as a table; and the page that tells of them.

use std::{collections::BTreeSet, fs, path::Path};

use rl4seg_core::{
    adapt::MetricsLine,
    run_dir::{Step, StepKind, layout, read_json_lines},
};
use serde_json::Value;

use crate::program::{Folder, files, rl4seg};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

#[test]
fn the_page_tells_of_all_that_is_logged_and_of_nothing_else() {
    let folder = Folder::new().with_data();
    folder.adapt(&[]).done();
    folder.adapt(&["--set", "output=tent", "--set", "policy.baseline=tent"]).done();
    let (run, page) = (folder.at("run"), fs::read_to_string(PAGE).unwrap());
    let mut lines: Vec<MetricsLine> = read_json_lines(&run.join(layout::METRICS)).unwrap();
    lines.extend(read_json_lines::<MetricsLine>(&folder.at("tent").join(layout::METRICS)).unwrap());
    for kind in Step::all(1).map(|step| step.kind) {
        let of_kind = lines.iter().filter(|line| line.step == kind);
        let logged: BTreeSet<&String> = of_kind.flat_map(|line| line.values.keys()).collect();
        compare(&section(&page, kind.name()), &logged);
    }
    let told = rl4seg(["uncertainty", &folder.text("run"), "--json"]).json();
    let numbers = told.as_object().unwrap().iter().filter(|(_, value)| value.is_number() || value.is_null());
    let logged: BTreeSet<&String> = numbers.map(|(name, _)| name).filter(|name| *name != "iteration").collect();
    compare(&section(&page, "uncertainty"), &logged);
    follows_from_the_steps(&folder, &lines);
    cases(&run, &page);
}

/// The names in the first column of a section's tables.
fn section(page: &str, title: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(&format!("\n## {title}\n")).unwrap();
    let text = rest.split("\n## ").next().unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn compare(documented: &BTreeSet<String>, logged: &BTreeSet<&String>) {
    // A word in capitals stands for any.
    let is_placeholder = |word: &str| word.chars().all(|letter| letter.is_ascii_uppercase());
    let is = |pattern: &str, name: &str| {
        let (words, parts): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), name.split('.').collect());
        words.len() == parts.len() && words.iter().zip(&parts).all(|(word, part)| word == part || is_placeholder(word))
    };
    for name in logged {
        assert!(
            documented.iter().any(|pattern| is(pattern, name)),
            "docs/metrics.md does not tell of {name}: {documented:?}"
        );
    }
    for pattern in documented {
        assert!(
            logged.iter().any(|name| is(pattern, name)),
            "docs/metrics.md tells of {pattern}, which is not logged: {logged:?}"
        );
    }
}

/// Whatever becomes of the files, they are mended when the run is opened again.
fn follows_from_the_steps(folder: &Folder, lines: &[MetricsLine]) {
    let epochs = |kind| lines.iter().filter(|line| line.step == kind && line.epoch.is_some()).count();
    // Of both runs.
    assert_eq!([StepKind::Pretrain, StepKind::FitReward, StepKind::ImprovePolicy].map(epochs), [40, 2, 2]);
    let run = folder.at("run");
    let events = || {
        let mut files: Vec<_> =
            fs::read_dir(run.join(layout::TENSORBOARD)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let (before, events_before) = (files(&run), events());
    assert_eq!(events_before.len(), 6, "one for each step");
    let metrics = fs::read(run.join(layout::METRICS)).unwrap();
    fs::write(run.join(layout::METRICS), &metrics[..metrics.len() / 2]).unwrap();
    fs::write(run.join(layout::CASES_TABLE), "mine").unwrap();
    fs::remove_dir_all(run.join(layout::TENSORBOARD)).unwrap();
    folder.adapt(&[]).done();
    assert_eq!(files(&run), before);
    assert!(events() == events_before, "event files that are made anew are those that grew");
    let size: usize = events_before.iter().map(Vec::len).sum();
    assert!(size < 100_000, "{size} bytes");
}

fn cases(run: &Path, page: &str) {
    let mut table = csv::Reader::from_path(run.join(layout::CASES_TABLE)).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let (_, of_cases) = page.split_once("\n## cases.csv\n").unwrap();
    let of_cases = of_cases.split("\n## ").next().unwrap();
    for column in &header {
        let general =
            ["dice_", "hausdorff_mm_", "hd95_mm_", "assd_mm_"].iter().find(|start| column.starts_with(**start));
        let name = general.map_or_else(|| column.clone(), |start| format!("{start}STRUCTURE"));
        assert!(of_cases.contains(&format!("`{name}`")), "docs/metrics.md does not tell of the column {name}");
    }
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    // Two test cases of each domain, before and after.
    assert_eq!(rows.len(), 8);
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let last = run.join(layout::step(&Step::new(1, StepKind::Evaluate)));
    let results: Vec<Value> = read_json_lines(&last.join(layout::CASES)).unwrap();
    for (row, result) in rows[4..].iter().zip(&results) {
        assert_eq!(
            (&row[place("case")], &row[place("domain")]),
            (result["case"].as_str().unwrap(), result["domain"].as_str().unwrap())
        );
        assert_eq!(row[place("iteration")], *"1");
        let reward = result["mean_reward"].as_f64().unwrap();
        assert_eq!(row[place("mean_uncertainty")].parse::<f64>().unwrap(), 1.0 - reward);
    }
}

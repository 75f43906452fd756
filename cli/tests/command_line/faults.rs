//! Whatever happens to a run between two calls that change its files, it goes on and ends with the same bytes.
//!
//! A library that is loaded before the C library (`faults.c`) counts those calls and lets one fail. In the tests it is loaded again
//! and again into one run, each time a few calls later; `RL4SEG_FAULTS=200 cargo test --workspace --test command_line faults` tries
//! as many single faults, spread over a whole run, of every kind.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rl4seg_core::{adapt, run_dir};

use crate::program::{Folder, Outcome, adapt_args, outcome, program, results, rl4seg, unpacked};

/// What `faults.c` knows.
const KINDS: [&str; 5] = ["kill", "torn", "ENOSPC", "EIO", "EROFS"];
/// A run of a few seconds, with several epochs in each step that has some.
const SHORTER: [&str; 10] = [
    "network.width=2",
    "pretrain.epochs=2",
    "collect.cases=4",
    "collect.source_cases=2",
    "collect.max_samples=64",
    "reward.epochs=4",
    "reward.batch=8",
    "policy.epochs=2",
    "policy.update_epochs=1",
    "policy.rehearsal_steps=1",
];

/// A data set, and the library.
struct Laboratory {
    folder: Folder,
    library: PathBuf,
}

impl Laboratory {
    fn new() -> Self {
        let folder = Folder::new().with_data_of("echo", "8");
        let library = folder.at("faults.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/faults.c");
        let compiled = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        assert!(compiled.unwrap().success());
        Self { folder, library }
    }

    /// A run of this name.
    fn adapt(&self, name: &str) -> Command {
        let mut command = program();
        command.args(adapt_args(&self.folder.text("run.toml"))).args(SHORTER.iter().flat_map(|set| ["--set", set]));
        command.args(["--set", &format!("output={name}")]);
        command
    }

    /// The same, in which the `at`-th call that changes its files fails; 0 is none.
    fn adapt_with_fault(&self, name: &str, kind: &str, at: usize) -> Outcome {
        let mut command = self.adapt(name);
        command.env("LD_PRELOAD", &self.library).env("FAULT_BELOW", self.folder.at(name));
        outcome(command.env("FAULT", kind).env("FAULT_AT", at.to_string()))
    }

    /// A run that nothing happens to; gives the number of its calls.
    fn whole(&self) -> usize {
        let log = self.folder.at("calls");
        let mut command = self.adapt("whole");
        command.env("LD_PRELOAD", &self.library).env("FAULT_BELOW", self.folder.at("whole")).env("FAULT_LOG", &log);
        outcome(&mut command).done();
        fs::metadata(log).unwrap().len() as usize
    }

    /// The run of this name ends as the whole one, and is as it was written.
    fn require_same(&self, name: &str) {
        let run = self.folder.at(name);
        assert_eq!(results(&run), results(&self.folder.at("whole")), "{name}");
        assert_eq!(adapt::verify(&run).unwrap().differences, []);
    }
}

/// A program that was killed, or that says what is wrong and what to do.
#[track_caller]
fn require_sound(outcome: &Outcome, kind: &str, at: usize) {
    let told = &outcome.stderr;
    match outcome.code {
        None => assert!(kind == "kill" || kind == "torn", "{kind} at {at}: a signal"),
        Some(0) => {}
        Some(code) => {
            assert_eq!(code, 1, "{kind} at {at}: {told}");
            let advice = match kind {
                "ENOSPC" => "make room",
                "EROFS" => "make the folder writable",
                _ => "see to the disk or network folder",
            };
            for expected in ["cannot write", advice, "run the same command again"] {
                assert!(told.contains(expected), "{kind} at {at}: {told}");
            }
        }
    }
    assert!(!told.contains("panicked"), "{kind} at {at}: {told}");
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() {
    let laboratory = Laboratory::new();
    let calls = laboratory.whole();
    let mut at = 0;
    loop {
        at += 1;
        assert!(at < calls, "the run never ends");
        let kind = KINDS[at % KINDS.len()];
        let outcome = laboratory.adapt_with_fault("stopped", kind, at);
        require_sound(&outcome, kind, at);
        if outcome.code == Some(0) {
            break;
        }
    }
    println!("stopped {} times; a whole run changes its files by {calls} calls", at - 1);
    laboratory.require_same("stopped");
}

#[test]
fn any_single_fault_loses_nothing() {
    let laboratory = Laboratory::new();
    let calls = laboratory.whole();
    let points = std::env::var("RL4SEG_FAULTS").ok().and_then(|count| count.parse().ok()).unwrap_or(KINDS.len());
    for point in 0..points {
        // Kinds change fastest, so that each is spread over the whole run.
        let (kind, at) = (KINDS[point % KINDS.len()], 1 + point * calls / points);
        let outcome = laboratory.adapt_with_fault("one", kind, at);
        require_sound(&outcome, kind, at);
        if outcome.code != Some(0) {
            crate::program::outcome(&mut laboratory.adapt("one")).done();
        }
        laboratory.require_same("one");
        fs::remove_dir_all(laboratory.folder.at("one")).unwrap();
    }
    println!("{points} single faults among {calls} calls");
}

#[test]
fn a_second_process_is_told_who_holds_the_run() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    let held = run_dir::RunDir::open(&folder.at("run")).unwrap();
    let told = folder.adapt(&begin).refused();
    assert!(told.contains(&format!("in use by process {} on ", std::process::id())), "{told}");
    drop(held);
    fs::write(folder.at("run/.lock"), r#"{"process":7,"host":"ward-3"}"#).unwrap();
    fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let told = folder.adapt(&begin);
    assert!(told.stderr.contains("process 7 on ward-3 worked on this run and was ended"), "{}", told.stderr);
    told.done();
}

#[test]
fn a_run_is_not_begun_where_nothing_can_be_locked() {
    let laboratory = Laboratory::new();
    let told = laboratory.adapt_with_fault("unlocked", "ENOLCK", 0).refused();
    assert!(told.contains("cannot lock") && told.contains("choose an output on a local disk"), "{told}");
    assert!(!told.contains("make room"), "{told}");
    let left = fs::read_dir(laboratory.folder.at("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("unlocked")));
}

#[test]
fn a_run_is_verified_and_reproduced() {
    let folder = Folder::new().with_data();
    folder.adapt(&[]).done();
    let (run, again) = (folder.text("run"), folder.text("again"));
    let found = rl4seg(["verify", &run, "--json"]).json();
    assert_eq!((found["steps"].as_array().unwrap().len(), found["differences"].as_array().unwrap().len()), (6, 0));
    let same = rl4seg(["reproduce", &run, "--out", &again, "--json"]).json();
    assert_eq!((same["steps"].as_array().unwrap().len(), same["differences"].as_array().unwrap().len()), (6, 0));
    for inside in [run.clone(), folder.text("run/again"), folder.text("run/iteration-000/../again/../once more")] {
        let told = rl4seg(["reproduce", &run, "--out", &inside]).refused();
        assert!(told.contains("is the run itself or lies in it"), "{told}");
    }
    assert!(!folder.at("run/again").exists());

    let log = folder.at("run/iteration-000/pretrain/metrics.jsonl");
    fs::write(&log, fs::read_to_string(&log).unwrap().replace("\"epoch\":1", "\"epoch\":7")).unwrap();
    let told = rl4seg(["verify", &run]);
    assert!(told.stdout.contains("pretrain/metrics.jsonl was changed since it was written"), "{}", told.stdout);
    assert!(told.refused().contains("1 differences"));
    let told = rl4seg(["reproduce", &run, "--out", &again]);
    assert!(told.stdout.contains("pretrain/metrics.jsonl has other bytes"), "{}", told.stdout);
    assert!(told.refused().contains("is not reproduced: 1 files differ"));
}

#[test]
fn what_a_run_lost_and_what_follows_from_it_is_verified() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    let run = folder.text("run");
    assert!(rl4seg(["verify", &run]).done().contains("files read; 2 of 2 steps are finished"));
    let table = folder.at("run/cases.csv");
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, rows.replace("source", "target")).unwrap();
    let told = rl4seg(["verify", &run]);
    assert!(told.stdout.contains("cases.csv does not say what the steps say; `rl4seg adapt"), "{}", told.stdout);
    told.refused();
    folder.adapt(&begin).done();
    assert_eq!(fs::read_to_string(&table).unwrap(), rows);
    rl4seg(["verify", &run]).done();

    fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let manifest = folder.at("run/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let seed = text.lines().find(|line| line.contains("\"seed\"")).unwrap();
    fs::write(&manifest, text.replace(seed, "  \"seed\": 4711,")).unwrap();
    let told = rl4seg(["verify", &run]);
    for difference in
        ["evaluate is gone: the journal says", "manifest.json has the seed 4711", "1 of 2 steps", "cases.csv"]
    {
        assert!(told.stdout.contains(difference), "{}", told.stdout);
    }
    told.refused();
}

#[test]
fn a_run_is_not_reproduced_with_other_data() {
    let folder = Folder::new().with_data();
    folder.adapt(&["--set", "iterations=0", "--set", "pretrain.epochs=1"]).done();
    let (run, again) = (folder.text("run"), folder.text("again"));
    let [_, last] = first_and_last(&folder.at("target/img"));
    let kept = fs::read(&last).unwrap();
    let mut changed = unpacked(&last);
    let last_voxel = changed.len() - 4;
    changed[last_voxel] ^= 1;
    fs::write(&last, changed).unwrap();
    let told = rl4seg(["reproduce", &run, "--out", &again]).refused();
    assert!(told.contains("target case") && told.contains("the image was changed since the run was begun"), "{told}");
    assert!(!folder.at("again").exists(), "nothing was begun");
    // A second run that was begun with these data can never come to the same.
    folder.adapt(&["--set", "iterations=0", "--set", "pretrain.epochs=1", "--set", "output=again"]).done();
    fs::write(last, kept).unwrap();
    let told = rl4seg(["reproduce", &run, "--out", &again]).refused();
    assert!(told.contains("was begun with other data than"), "{told}");
}

/// By their names.
fn first_and_last(folder: &Path) -> [PathBuf; 2] {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    [files.remove(0), files.pop().unwrap()]
}

#[test]
fn data_that_changed_under_a_run_are_refused() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let [first, last] = first_and_last(&folder.at("target/img"));
    fs::copy(first, last).unwrap();
    let told = folder.adapt(&begin).refused();
    assert!(told.contains("target case") && told.contains("the image was changed since the run was begun"), "{told}");
}

#[test]
fn a_run_goes_on_on_the_device_that_it_was_begun_on() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let manifest = folder.at("run/manifest.json");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("\"cpu\"", "\"cuda:7\"")).unwrap();
    let told = folder.adapt(&begin).refused();
    assert!(told.contains("was begun on `cuda:7`") && told.contains("--device cpu"), "{told}");
    let told = folder.adapt(&begin.into_iter().chain(["--device", "cpu"]).collect::<Vec<_>>());
    assert!(told.stderr.contains("was begun on `cuda:7` and goes on on `cpu`"), "{}", told.stderr);
    told.done();
}

//! A run that is killed goes on where it was and ends with the same bytes.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rl4seg_core::run_dir::{self, Event, Step, StepKind, layout};

use crate::program::{Folder, adapt_args, program, results};

#[test]
fn a_run_that_is_killed_in_each_step_ends_with_the_same_bytes() {
    let folder = Folder::new().with_data();
    folder.adapt(&["--set", "output=whole"]).done();
    let root = folder.at("killed");
    for step in Step::all(1) {
        kill_in(&folder, &root, &step);
        assert!(!run_dir::is_done(&root, &step), "{step} was over before it could be killed");
    }
    folder.adapt(&["--set", "output=killed"]).done();
    assert_eq!(results(&folder.at("whole")), results(&root));
}

/// Starts the run and kills it as soon as it works on `step`.
fn kill_in(folder: &Folder, root: &Path, step: &Step) {
    let partial = layout::partial(&root.join(layout::step(step)));
    // What an earlier attempt left there must not be taken for this one's.
    let _ = fs::remove_dir_all(&partial);
    kill_when(folder, &["--set", "output=killed"], &|| partial.exists(), &step.to_string());
}

/// Starts the run and kills it as soon as something is so, which `what` names.
fn kill_when(folder: &Folder, more: &[&str], is_so: &dyn Fn() -> bool, what: &str) {
    let mut child = program()
        .args(adapt_args(&folder.text("run.toml")))
        .args(more)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what} never began");
        assert!(child.try_wait().unwrap().is_none(), "the program ended before {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_loses_no_whole_epoch() {
    let folder = Folder::new().with_data();
    let root = folder.at("killed");
    let epochs = ["--set", "output=killed", "--set", "reward.epochs=6", "--set", "policy.epochs=6"];
    let learning = [(0, StepKind::Pretrain), (1, StepKind::FitReward), (1, StepKind::ImprovePolicy)];
    for step in learning.map(|(iteration, kind)| Step::new(iteration, kind)) {
        let is_second = || attempts(&root, &step).last().is_some_and(|attempt| attempt.len() >= 2);
        kill_when(&folder, &epochs, &is_second, &format!("an epoch after the second of {step}"));
        assert!(!run_dir::is_done(&root, &step), "{step} was over before it could be killed");
    }
    folder.adapt(&epochs).done();
    for step in learning.map(|(iteration, kind)| Step::new(iteration, kind)) {
        let [killed, resumed] = attempts(&root, &step).try_into().unwrap();
        // The journal tells of an epoch before it is kept.
        let last = *killed.last().unwrap();
        assert!([last, last + 1].contains(&resumed[0]), "{step}: {killed:?}, then {resumed:?}");
    }
}

/// The epochs that the journal tells of, for each attempt at a step.
fn attempts(root: &Path, step: &Step) -> Vec<Vec<usize>> {
    let mut attempts: Vec<Vec<usize>> = Vec::new();
    for entry in run_dir::read_journal(root).unwrap_or_default() {
        match entry.event {
            Event::Started { step: begun } if begun == *step => attempts.push(Vec::new()),
            Event::Epoch { step: of, epoch } if of == *step => attempts.last_mut().unwrap().push(epoch),
            _ => {}
        }
    }
    attempts
}

#[test]
fn a_run_is_not_continued_with_other_data() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    folder.adapt(&begin).done();
    std::fs::remove_dir_all(folder.at("run/iteration-000/evaluate")).unwrap();
    let table = folder.at("target/cases.csv");
    let rows = std::fs::read_to_string(&table).unwrap();
    let last = rows.trim_end().lines().last().unwrap();
    std::fs::write(&table, rows.replace(last, "")).unwrap();
    let error = folder.adapt(&begin).refused();
    let case = last.split(',').next().unwrap();
    assert!(error.contains(&format!("target case {case} is gone")) && error.contains("cases.jsonl"), "{error}");
    std::fs::write(&table, rows).unwrap();
    folder.adapt(&begin).done();
}

//! How a run shows itself while it is at work, and how it is stopped.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rl4seg_core::run_dir::{self, Event, Step, StepKind, layout};
use serde_json::Value;

use crate::{
    plugins::built,
    program::{Folder, adapt_args, outcome, program, results, signal, wait_for},
};

fn adapt(folder: &Folder, more: &[&str]) -> Command {
    let mut command = program();
    command.args(adapt_args(&folder.text("run.toml"))).args(more);
    command
}

/// The events on standard error up to the first that `is_last`.
fn events_until(stderr: &mut impl BufRead, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut events = Vec::new();
    // What is said of a plugin is text.
    for line in stderr.lines().map(Result::unwrap).filter(|line| line.starts_with('{')) {
        events.push(serde_json::from_str(&line).unwrap());
        if events.last().is_some_and(&is_last) {
            return events;
        }
    }
    panic!("the program ended before it told of that: {events:?}")
}

fn step_name(step: Step) -> Value {
    serde_json::to_value(step.kind).unwrap()
}

/// A step that is over before the signal comes is stopped in the next one, and so is its run; the last may just end.
#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() {
    let folder = Folder::new().with_data();
    outcome(&mut adapt(&folder, &["--set", "output=whole"])).done();
    let root = folder.at("halted");
    let mut stops = 0;
    for (step, name) in Step::all(1).zip(["INT", "TERM"].into_iter().cycle()) {
        if run_dir::is_done(&root, &step) {
            continue;
        }
        let mut command = adapt(&folder, &["--set", "output=halted", "--json"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let begins = |event: &Value| event["event"] == "step-started" && event["step"] == step_name(step);
        events_until(&mut stderr, |event| begins(event) && event["iteration"] == step.iteration);
        signal(&child, name);
        let (mut told, mut result) = (String::new(), String::new());
        stderr.read_to_string(&mut told).unwrap();
        child.stdout.take().unwrap().read_to_string(&mut result).unwrap();
        let code = child.wait().unwrap().code();
        if code != Some(0) {
            assert_eq!((code, result.as_str()), (Some(130), ""), "{told}");
            assert_stopped(&root, &told);
            stops += 1;
        }
    }
    assert!(stops >= 3, "{stops}");
    outcome(&mut adapt(&folder, &["--set", "output=halted"])).done();
    assert_eq!(results(&folder.at("whole")), results(&root));
}

/// Events, lock, journal and status say so.
fn assert_stopped(root: &Path, told: &str) {
    // The note that Ctrl-C was heard may come after it.
    let mut events = told.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = events.find(|event| event["event"] != "note").unwrap();
    assert_eq!(last["event"], "interrupted", "{told}");
    let done = Step::all(1).filter(|step| run_dir::is_done(root, step)).count();
    let step = Step::all(1).nth(done).unwrap();
    assert_eq!((&last["iteration"], &last["step"]), (&step.iteration.into(), &step_name(step)), "{last}");
    assert_eq!(last["steps_finished"], done);
    assert!(!run_dir::is_busy(root), "{step}: the lock is kept");
    let events: Vec<Event> = run_dir::read_journal(root).unwrap().into_iter().map(|entry| entry.event).collect();
    let begun = events.contains(&Event::Started { step });
    assert_eq!(events.last() == Some(&Event::Interrupted { step }), begun, "{events:?}");
    let status = outcome(program().arg("status").arg(root)).done();
    assert_eq!(status.contains("stopped"), begun, "{status}");
    assert!(!status.contains("failed"), "{status}");
}

#[test]
fn who_stops_a_run_is_told_what_is_kept_and_how_to_go_on() {
    let folder = Folder::new().with_data();
    let mut command = adapt(&folder, &["--set", "output=\"my run\""]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&layout::partial(&folder.at("my run").join(layout::step(&Step::new(0, StepKind::Pretrain)))));
    signal(&child, "INT");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(told.contains("stopped in iteration-000/pretrain; 0 of 6 steps are finished and kept"), "{told}");
    let command = told.lines().find_map(|line| line.strip_prefix("go on with: ")).unwrap();
    assert!(command.contains("'output=\"my run\"'"), "{command}");
    assert!(outcome(Command::new("sh").args(["-c", command])).done().contains("iteration 1"));
}

/// A plugin keeps the program from coming to the next batch.
#[test]
fn who_stops_a_run_twice_does_not_wait() {
    let folder = Folder::new().with_data();
    fs::create_dir(folder.at("plugins")).unwrap();
    let library = built("rl4seg_faulty");
    fs::copy(&library, folder.at("plugins").join(library.file_name().unwrap())).unwrap();
    let hangs = folder.text("hangs");
    let hang = format!("validity=[{{ component = 'faulty/component', behaviour = 'hang', hangs = '{hangs}' }}]");
    let plugins = folder.text("plugins");
    let mut command =
        adapt(&folder, &["--set", &hang, "--set", "pretrain.epochs=1", "--plugin-path", &plugins, "--json"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for(Path::new(&hangs));
    signal(&child, "INT");
    let said = events_until(&mut stderr, |event| event["event"] == "note").pop().unwrap();
    assert!(said["message"].as_str().unwrap().contains("Ctrl-C again"), "{said}");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it ended with the first");
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!run_dir::is_busy(&folder.at("run")));
}

#[test]
fn a_log_gets_lines_with_the_time_and_silence_where_that_is_asked_for() {
    let folder = Folder::new().with_data();
    let begin = ["--set", "iterations=0", "--set", "pretrain.epochs=1"];
    let log = outcome(&mut adapt(&folder, &begin));
    assert_eq!(log.code, Some(0), "{}", log.stderr);
    assert!(!log.stderr.contains(['\r', '\u{1b}']), "{:?}", log.stderr);
    let finished: Vec<&str> = log.stderr.lines().filter(|line| line.contains(": done in ")).collect();
    assert_eq!(finished.len(), 2, "{}", log.stderr);
    for line in log.stderr.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert!(rest.starts_with('[') || rest.starts_with("memory: about "), "{line}");
    }
    let silent = outcome(&mut adapt(&folder, &[&begin[..], &["--set", "output=silent", "--quiet"]].concat()));
    assert_eq!((silent.code, silent.stderr.as_str()), (Some(0), ""));
    assert!(silent.stdout.contains("before"), "{}", silent.stdout);
}

#[test]
fn machines_are_told_by_events_and_get_one_result() {
    let folder = Folder::new().with_data();
    let told = outcome(&mut adapt(&folder, &["--set", "iterations=0", "--set", "pretrain.epochs=2", "--json"]));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(serde_json::from_str::<Value>(&told.stdout).unwrap()["results"].as_array().unwrap().len(), 1);
    let events: Vec<Value> = told.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    names.retain(|name| *name != "progress");
    let of_steps = ["step-started", "memory", "epoch", "epoch", "step-finished", "step-started", "step-finished"];
    assert_eq!(names, of_steps, "{}", told.stderr);
    let metrics: Vec<Value> = run_dir::read_json_lines(&folder.at("run").join(layout::METRICS)).unwrap();
    let mut epoch = events.iter().find(|event| event["event"] == "epoch").unwrap().clone();
    epoch.as_object_mut().unwrap().retain(|name, _| name != "event" && name != "time");
    assert_eq!(epoch, metrics[0]);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md")).unwrap();
    let known = |event: &Value| {
        let name = event["event"].as_str().unwrap();
        let row =
            page.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap_or_else(|| panic!("{name}"));
        let everywhere = ["event", "time", "iteration", "step"];
        let fields = event.as_object().unwrap().keys().filter(|field| !everywhere.contains(&field.as_str()));
        name == "epoch" || fields.clone().all(|field| row.contains(&format!("`{field}`")))
    };
    let unknown: Vec<&Value> = events.iter().filter(|event| !known(event)).collect();
    assert!(unknown.is_empty(), "docs/metrics.md does not tell of all fields: {unknown:?}");
}

/// One line a step is what stays on a terminal.
#[test]
fn a_terminal_shows_one_line_a_step_and_no_colour_where_none_is_wanted() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("NOT CHECKED: there is no `script` (util-linux)");
        return;
    }
    let folder = Folder::new().with_data();
    let on_terminal = |output: &str, colour: bool| {
        let args = adapt_args(&folder.text("run.toml"));
        let more = ["--set", "iterations=0", "--set", &format!("output={output}")].map(str::to_owned);
        let words: Vec<String> = args.iter().chain(&more).map(|word| format!("'{word}'")).collect();
        let run = format!("stty cols 160; exec '{}' {} >/dev/null", env!("CARGO_BIN_EXE_rl4seg"), words.join(" "));
        let mut command = Command::new("script");
        command.args(["-qec", &run, "/dev/null"]).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        if !colour {
            command.env("NO_COLOR", "1");
        }
        outcome(&mut command).done()
    };
    let seen = on_terminal("coloured", true);
    assert!(seen.contains("epoch 1 of 20") && seen.contains(" %"), "{seen:?}");
    assert!(seen.contains("\u{1b}[36m"), "the bar is cyan: {seen:?}");
    let stays: Vec<&str> =
        seen.split('\n').filter_map(|line| line.rsplit(['\r', 'K']).find(|part| !part.is_empty())).collect();
    assert_eq!(stays.len(), 3, "{stays:?}");
    assert!(stays[0].contains("memory: about"), "{stays:?}");
    assert!(stays[1..].iter().all(|line| line.contains(": done in ")), "{stays:?}");
    let plain = on_terminal("plain", false);
    assert!(plain.contains("epoch 1 of 20"), "{plain:?}");
    assert!(!plain.contains("\u{1b}[3"), "{plain:?}");
}

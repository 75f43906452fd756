//! Every command that README.md and docs/ show is run, on made-up data.

use std::{fs, path::Path, thread};

use super::{Document, guide};
use crate::program::{Folder, outcome, program, rl4seg, short};

/// Commands that are not run: the document, how the command begins, and why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "cargo demo", "takes eight minutes; `demo` is tested by its parts"),
    ("README.md", "cargo test", "the gate runs it"),
    ("README.md", "cargo build", "a release build takes ten minutes"),
    ("README.md", "cargo install", "a release build takes ten minutes"),
    ("README.md", "export PATH", "the program of this build is in the PATH already"),
    ("README.md", "tensorboard", "a server of others; `.ci/tensorboard` reads the files with its own reader"),
    ("docs/quick-start.md", "cargo build", "a release build takes ten minutes"),
    ("docs/quick-start.md", "export PATH", "the program of this build is in the PATH already"),
    ("docs/adaptation.md", "rl4seg bench adaptation", "takes hours; adaptation.rs runs it small"),
    ("docs/performance.md", "python3", "needs PyTorch"),
    ("docs/performance.md", "cargo bench", "measures; nothing would be measured beside other tests"),
    (
        "docs/plugins.md",
        "cargo",
        "builds a crate from the registry; plugins.rs tests the files, the gate the templates they come from",
    ),
    (
        "docs/plugins.md",
        "rl4seg plugins verify target",
        "needs the library of the line above; plugins.rs verifies others",
    ),
    ("docs/plugins.md", "rl4seg plugins install target", "needs that library; plugins.rs installs others"),
    (
        "docs/plugins.md",
        "rl4seg phantom --modality kidney-ct",
        "needs that library; tests/tests/modalities.rs runs its template",
    ),
    ("docs/plugins.md", "rl4seg init --modality kidney-ct", "needs that library"),
    ("docs/plugins.md", "rl4seg adapt run.toml", "needs that library"),
    ("docs/plugins.md", "sha256sum", "is about the user's own folder; plugins.rs tests the list"),
    ("docs/plugins.md", "export RL4SEG_TRUSTED_PLUGINS", "names the list of the line above"),
    ("docs/write-a-metric.md", "cargo", "builds a crate from the registry"),
    (
        "docs/write-a-metric.md",
        "rl4seg plugins verify target",
        "needs the library of the line above; plugins.rs verifies others",
    ),
    ("docs/write-a-metric.md", "rl4seg plugins install target", "needs that library; plugins.rs installs others"),
    ("docs/write-a-metric.md", "rl4seg plugins inspect lung-metrics", "needs that library"),
    ("docs/write-a-modality.md", "cargo", "builds a crate from the registry"),
    ("docs/write-a-modality.md", "rl4seg plugins verify target", "needs the library of the line above"),
    ("docs/write-a-modality.md", "rl4seg plugins install target", "needs that library"),
    (
        "docs/write-a-modality.md",
        "rl4seg phantom --modality kidney-ct",
        "needs that library; tests/tests/modalities.rs runs its template",
    ),
    ("docs/write-a-modality.md", "rl4seg init --modality kidney-ct", "needs that library"),
    ("docs/write-a-modality.md", "rl4seg adapt run.toml", "needs that library"),
];

/// The commands of a document: lines after `$`, with those that go on after a backslash, without comments.
fn commands(document: &Document) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in document.blocks().iter().filter(|block| block.kind == "console").flat_map(|block| &block.lines) {
        let text = match line.strip_prefix("$ ") {
            Some(command) => {
                commands.push(String::new());
                command
            }
            None if goes_on => line,
            None => continue,
        };
        let text = text.split(" # ").next().unwrap_or_default().trim();
        goes_on = text.ends_with('\\');
        let command = commands.last_mut().unwrap();
        *command = format!("{command} {}", text.trim_end_matches('\\').trim()).trim().to_owned();
    }
    commands
}

/// Stands for `rl4seg` in the shell: the same command with numbers that make it take seconds.
const SMALL: &str = r#"
rl4seg() {
    local given=() name=$1
    case $name in
    adapt) command rl4seg "$@" $SHORT ;;
    phantom | bench)
        while (($#)); do
            case $1 in
            --size | --train | --validation | --test | --batch | --width) shift 2 ;;
            *) given+=("$1") && shift ;;
            esac
        done
        if [ "$name" = phantom ]; then
            command rl4seg "${given[@]}" --size 48 --train 16 --validation 2 --test 2
        else
            command rl4seg "${given[@]}" --size 48 --batch 2 --width 4
        fi ;;
    # The made-up images that the run learnt from lie in [0, 1]; what DICOM holds are bytes.
    predict) case "$*" in *DICOMDIR*) command rl4seg "$@" --intensity shown ;; *) command rl4seg "$@" ;; esac ;;
    *) command rl4seg "$@" ;;
    esac
}
"#;

/// What the documents take for given: data sets of the user's own, a scan, a medium, references.
fn lay_out(folder: &Folder) {
    for (name, domain) in [("camus", "source"), ("ours", "target")] {
        let out = folder.text(name);
        let args = ["phantom", "--modality", "echo", "--domain", domain, "--out", &out, "--size", "48"];
        rl4seg(args.into_iter().chain(["--train", "16", "--validation", "2", "--test", "2"])).done();
    }
    let first = |inside: &str| {
        let files = fs::read_dir(folder.at(inside)).unwrap().map(|file| file.unwrap().path());
        files.min().unwrap()
    };
    fs::copy(first("ours/img"), folder.at("scan.nii.gz")).unwrap();
    fs::create_dir(folder.at("reference")).unwrap();
    fs::copy(first("ours/gt"), folder.at("reference/scan.nii.gz")).unwrap();
    fs::create_dir(folder.at("DICOMDIR")).unwrap();
    let cine = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/cine.dcm");
    fs::copy(cine, folder.at("DICOMDIR/IM0001")).unwrap();
}

/// Runs the commands of a document one after the other in one shell, as a reader would.
fn run(document: &Document) {
    let is_run = |command: &&String| {
        !NOT_RUN.iter().any(|(name, start, _)| *name == document.name && command.starts_with(start))
    };
    let commands = commands(document);
    let script: Vec<String> =
        commands.iter().filter(is_run).map(|command| format!("echo '$' {command:?} >&2\n{command}\n")).collect();
    if script.is_empty() {
        return;
    }
    let folder = Folder::new();
    lay_out(&folder);
    let program = program();
    let own_folder = Path::new(program.get_program()).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(own_folder.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let short: Vec<&str> = short().chain(["--set", "iterations=1", "--set", "collect.source_cases=4"]).collect();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &format!("{SMALL}{}", script.concat())]);
    shell.current_dir(folder.at("")).env("PATH", path.unwrap()).env("SHORT", short.join(" "));
    shell.env("HOME", folder.at("home")).env_remove("XDG_DATA_HOME").env_remove("RL4SEG_PLUGIN_PATH");
    let outcome = outcome(&mut shell);
    assert_eq!(outcome.code, Some(0), "{}\n{}{}", document.name, outcome.stdout, outcome.stderr);
}

#[test]
fn what_the_documents_show_can_be_run() {
    let documents = guide();
    thread::scope(|scope| {
        let running: Vec<_> = documents.iter().map(|document| scope.spawn(|| run(document))).collect();
        running.into_iter().for_each(|document| document.join().unwrap());
    });
}

#[test]
fn what_is_not_run_stands_in_a_document() {
    let documents = guide();
    for (name, start, _) in NOT_RUN {
        let document = documents.iter().find(|document| document.name == *name);
        let shown = document.is_some_and(|document| commands(document).iter().any(|shown| shown.starts_with(start)));
        assert!(shown, "{name} shows no command `{start}`");
    }
}

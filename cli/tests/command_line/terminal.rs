//! What a person at a terminal meets, and what a script does.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::program::{Folder, rl4seg};

/// Starts colours and other shows of a terminal.
const ESCAPE: char = '\u{1b}';

#[test]
fn colours_are_for_terminals_that_want_them() {
    assert!(!rl4seg(["--help"]).done().contains(ESCAPE));
    assert!(!rl4seg(["adapt"]).stderr.contains(ESCAPE));
    let help = |environment: &str| on_a_terminal(&format!("env {environment} {} --help", program()), "");
    assert!(help("-u NO_COLOR TERM=xterm").contains(ESCAPE));
    assert!(!help("NO_COLOR=1 TERM=xterm").contains(ESCAPE));
}

#[test]
fn init_asks_for_what_was_not_given() {
    let folder = Folder::new().with_data();
    let (source, target, out) = (folder.text("source"), folder.text("target"), folder.text("asked.toml"));
    let command = format!("env NO_COLOR=1 {} init --modality echo --out '{out}'", program());
    let shown = on_a_terminal(&command, &format!("{}\n{source}\n{target}\n", folder.text("nowhere")));
    assert!(shown.contains("The folder with labels") && shown.contains("there is no such folder"), "{shown}");
    let written = std::fs::read_to_string(&out).unwrap_or_else(|_| panic!("{shown}"));
    assert!(written.contains(&source) && written.contains(&target), "{written}");
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef rl4seg"),
        ("fish", "complete -c rl4seg"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = rl4seg(["completions", shell]).done();
        assert!(script.contains(word) && script.contains("uncertainty"), "{shell}: {script}");
        // Scripts name their functions with underscores, as `rl4seg__plugins__verify`.
        let hidden =
            script.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == "__verify");
        assert!(!hidden, "{shell} completes what is hidden");
    }
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let folder = Folder::new();
    let written = rl4seg(["man", "--out", &folder.text("man1"), "--json"]).json();
    let pages: Vec<&str> = written["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    for page in ["rl4seg.1", "rl4seg-adapt.1", "rl4seg-plugins-verify.1", "rl4seg-config-reference.1"] {
        let text =
            std::fs::read_to_string(folder.at("man1").join(page)).unwrap_or_else(|_| panic!("{page}: {pages:?}"));
        assert!(text.contains(".TH") && text.contains("Example"), "{page}");
    }
    assert!(!pages.iter().any(|page| page.contains("__")), "{pages:?}");
    assert!(rl4seg(["man"]).done().contains(".SH SUBCOMMANDS"));
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_rl4seg")
}

/// What a command shows on a terminal where `typed` is typed: `script` of util-linux makes the terminal.
fn on_a_terminal(command: &str, typed: &str) -> String {
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--command", command, "/dev/null"]);
    let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

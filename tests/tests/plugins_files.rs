//! Files that are no plugins, or none that this program can use.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rl4seg_core::plugin::{Catalog, DiscoverOptions, LoadError};
use rl4seg_tests::plugins::{built, built_example, compiled};

const TRIAL: &str = env!("CARGO_BIN_EXE_load-on-trial");

fn options(folder: &Path) -> DiscoverOptions {
    DiscoverOptions { named: vec![folder.to_path_buf()], ..DiscoverOptions::nowhere() }
}

fn search(folder: &Path) -> Catalog {
    Catalog::discover(&options(folder).probing_with(PathBuf::from(TRIAL)))
}

/// What is said about the one file of this name among good ones, each loaded on trial.
fn refusal(make: impl FnOnce(&Path)) -> String {
    refusal_by(make, search)
}

/// The same of a file whose code would end this program, were it opened: it is not tried in a process of its own.
fn refusal_unopened(make: impl FnOnce(&Path)) -> String {
    refusal_by(make, |folder| Catalog::discover(&options(folder)))
}

fn refusal_by(make: impl FnOnce(&Path), search: impl FnOnce(&Path) -> Catalog) -> String {
    let folder = tempfile::tempdir().unwrap();
    let good = built("third-party-metric").unwrap();
    fs::copy(&good, folder.path().join("a_good_one.so")).unwrap();
    make(&folder.path().join("libbroken.so"));
    let catalog = search(folder.path());
    assert!(catalog.plugins().iter().any(|plugin| plugin.name == "third-party-metric"), "{:?}", catalog.refused());
    assert!(catalog.plugins().iter().all(|plugin| plugin.name != "broken"));
    let [(path, error)] = catalog.refused() else { panic!("{:?}", catalog.refused()) };
    assert!(path.ends_with("libbroken.so"), "{path:?}");
    error.to_string()
}

fn refusal_of_copy(library: impl AsRef<Path>) -> String {
    refusal(|file| assert_ne!(fs::copy(library, file).unwrap(), 0))
}

fn refusal_of_c(defines: &[&str]) -> String {
    refusal(|file| compiled("tests/plugins/broken.c", file, defines).unwrap())
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

#[test]
fn a_text_file_is_no_library() {
    assert_says(&refusal(|file| fs::write(file, "hello").unwrap()), &["not a shared library"]);
    assert_says(&refusal(|file| fs::write(file, "").unwrap()), &["not a shared library"]);
    assert_says(&refusal(|file| fs::create_dir(file).unwrap()), &["not a shared library"]);
}

#[test]
fn what_the_linker_takes_is_no_plugin() {
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rlib");
    let program = std::env::current_exe().unwrap();
    let beside = fs::read_dir(program.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let archive = beside.filter(is_archive).min().unwrap();
    assert_says(&refusal_of_copy(archive), &["not a shared library"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_of_the_system_is_no_plugin() {
    let mapped = fs::read_to_string("/proc/self/maps").unwrap();
    let of_c = mapped.lines().find(|line| line.contains("/libc.so") || line.contains("/libc-")).unwrap();
    let path = &of_c[of_c.find('/').unwrap()..];
    assert_says(&refusal_of_copy(path), &["no `rl4seg_plugin_v*`", "not a plugin"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_for_another_processor_is_never_opened() {
    /// Where an ELF file says for which processor it is, and two of them.
    const MACHINE: usize = 18;
    const PROCESSORS: [(&str, u16); 2] = [("x86_64", 62), ("aarch64", 183)];
    let (name, number) = PROCESSORS.into_iter().find(|(name, _)| *name != std::env::consts::ARCH).unwrap();
    let text = refusal_unopened(|file| {
        compiled("tests/plugins/broken.c", file, &["ABORT"]).unwrap();
        let mut bytes = fs::read(file).unwrap();
        bytes[MACHINE..MACHINE + 2].copy_from_slice(&number.to_ne_bytes());
        fs::write(file, bytes).unwrap();
    });
    assert_says(&text, &[&format!("built for {name}"), std::env::consts::ARCH]);
}

#[test]
fn a_library_that_is_cut_short_is_never_opened() {
    let bytes = fs::read(built("third-party-metric").unwrap()).unwrap();
    for part in [1, 10, 50, 90, 99] {
        let text = refusal(|file| fs::write(file, &bytes[..bytes.len() * part / 100]).unwrap());
        assert!(text.contains("not a shared library") || text.contains("cut short"), "{part} %: {text}");
    }
}

#[test]
fn what_is_no_plugin_of_this_version_is_never_opened() {
    for (entry, words) in [
        ("hello", ["no `rl4seg_plugin_v*`", "not a plugin"]),
        ("rl4seg_plugin_v2", ["version 2 of", "this program 1.2"]),
        ("rl4seg_plugin_v3__broken", ["version 3 of", "this program 1.2"]),
    ] {
        let entry = format!("ENTRY={entry}");
        let text = refusal_unopened(|file| compiled("tests/plugins/broken.c", file, &["ABORT", &entry]).unwrap());
        assert_says(&text, &words);
    }
}

#[test]
fn a_library_that_cannot_be_used_says_why() {
    for (define, words) in [
        ("MAJOR=3", ["version 3.2 of", "this program 1.2"]),
        ("FINGERPRINT=7", ["laid out otherwise", "fingerprint 0x7; expected 0x"]),
        ("MAGIC=7", ["description is broken", "begins with 0x7; expected 0x4c50474553344c52"]),
        ("SIZE=8", ["description is broken", "8 bytes; expected"]),
        ("COUNT=5000", ["description is broken", "5000 components"]),
        ("NO_DESCRIPTOR", ["description is broken", "lies at 0x0"]),
        ("NAME=\"a b\"", ["a b", "letters"]),
        ("UNDEFINED", ["loader refused it", "nowhere"]),
        ("ENTRY_FAILS", ["entry point failed", "the atlas is not installed: no such folder"]),
        ("ENTRY_PANICS", ["entry point panicked", "index 7 is out of bounds"]),
        ("SETTINGS_PANIC", ["the settings of its component `broken/source` panicked", "no schema"]),
        ("SETTINGS_ARE_A_LIST", ["the settings of its component `broken/source` failed", "expected a JSON Schema"]),
        ("MODALITY_PANICS", ["the function that tells its modality panicked", "no preset.toml"]),
    ] {
        assert_says(&refusal_of_c(&[define]), &words);
    }
}

#[test]
fn a_library_that_ends_the_process_ends_only_the_trial() {
    for (define, words) in [
        ("ABORT", ["ends the process (signal: 6", "licence server unreachable"]),
        ("SEGFAULT", ["ends the process", "(signal: 11"]),
        ("EXIT", ["ends the process", "(exit status: 0)"]),
        ("ENTRY_ABORTS", ["ends the process", "(signal: 6"]),
    ] {
        assert_says(&refusal_of_c(&[define]), &words);
    }
}

#[test]
fn a_library_that_never_finishes_loading_is_given_up() {
    let time_limit = Duration::from_secs(2);
    let text = refusal_by(
        |file| compiled("tests/plugins/broken.c", file, &["HANG"]).unwrap(),
        |folder| {
            let options = options(folder).probing_with(PathBuf::from(TRIAL));
            Catalog::discover(&DiscoverOptions { time_limit, ..options })
        },
    );
    assert_says(&text, &["still loading after 2 s"]);
}

#[test]
fn a_function_with_another_signature_is_told_in_one_line() {
    let text = refusal_of_copy(built_example("other-sdk-changed").unwrap());
    assert_says(&text, &["laid out otherwise", "ErrorSink.push param_1: mismatched type", "Expected: Str Found: f32"]);
    assert!(!text.contains('\n') && text.len() < 160, "{text}");
}

#[test]
fn two_plugins_of_one_name_are_both_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = built("third-party-metric").unwrap();
    fs::copy(&good, folder.path().join("a.so")).unwrap();
    fs::copy(&good, folder.path().join("b.so")).unwrap();
    let catalog = search(folder.path());
    let [(path, error)] = catalog.refused() else { panic!("{:?}", catalog.refused()) };
    assert!(path.ends_with("b.so"));
    assert_says(&error.to_string(), &["`third-party-metric`", "a.so"]);
}

#[test]
fn other_libraries_beside_the_program_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(built("third-party-metric").unwrap(), folder.path().join("a.so")).unwrap();
    fs::write(folder.path().join("notes.so"), "hello").unwrap();
    compiled("tests/plugins/broken.c", &folder.path().join("b.so"), &["ENTRY=hello"]).unwrap();
    let options = DiscoverOptions { own: vec![folder.path().to_path_buf()], ..DiscoverOptions::nowhere() };
    let catalog = Catalog::discover(&options);
    assert!(catalog.refused().is_empty(), "{:?}", catalog.refused());
    assert!(catalog.plugins().iter().any(|plugin| plugin.name == "third-party-metric"));
}

#[test]
fn a_folder_that_the_user_named_must_be_there() {
    let catalog = search(Path::new("no/such/folder"));
    assert!(matches!(catalog.refused(), [(_, LoadError::Folder(_))]), "{:?}", catalog.refused());
}

#[test]
fn the_echo_plugin_is_found_beside_this_program() {
    let catalog = Catalog::discover(&DiscoverOptions::standard());
    let echo = catalog.plugins().iter().find(|plugin| plugin.name == "echo").unwrap();
    assert!(echo.path.is_some() && echo.modality.is_some());
    assert!(catalog.modality("echo").is_some());
}

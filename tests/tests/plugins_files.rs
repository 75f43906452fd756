//! Files that are no plugins, or none that this program can use.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rl4seg_core::plugin::{Catalog, DiscoverOptions, LoadError};
use rl4seg_tests::plugins::{built, compiled};

const TRIAL: &str = env!("CARGO_BIN_EXE_load-on-trial");

fn search(folder: &Path) -> Catalog {
    let options = DiscoverOptions {
        named: vec![folder.to_path_buf()],
        time_limit: Duration::from_secs(5),
        ..DiscoverOptions::nowhere()
    };
    Catalog::discover(&options.probing_with(PathBuf::from(TRIAL)))
}

/// What is said about the one file of this name among good ones.
fn refusal(make: impl FnOnce(&Path)) -> String {
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
fn a_library_that_is_cut_short_is_never_opened() {
    let bytes = fs::read(built("third-party-metric").unwrap()).unwrap();
    for part in [1, 10, 50, 90, 99] {
        let text = refusal(|file| fs::write(file, &bytes[..bytes.len() * part / 100]).unwrap());
        assert!(text.contains("not a shared library") || text.contains("cut short"), "{part} %: {text}");
    }
}

#[test]
fn another_version_of_the_boundary_is_named() {
    assert_says(&refusal_of_c(&["ENTRY=rl4seg_plugin_v2"]), &["version 2", "this program 1.0"]);
    assert_says(&refusal_of_c(&["MAJOR=3"]), &["version 3.0", "this program 1.0"]);
    assert_says(&refusal_of_c(&["FINGERPRINT=7"]), &["laid out"]);
    assert_says(&refusal_of_c(&["MAGIC=7"]), &["description is broken"]);
    assert_says(&refusal_of_c(&["NO_DESCRIPTOR"]), &["description is broken"]);
    assert_says(&refusal_of_c(&["NAME=\"a b\""]), &["a b", "letters"]);
}

#[test]
fn a_library_without_an_entry_is_no_plugin() {
    assert_says(&refusal_of_c(&["ENTRY=hello"]), &["no `rl4seg_plugin_v*`", "not a plugin"]);
}

#[test]
fn a_library_that_cannot_be_linked_is_refused() {
    assert_says(&refusal_of_c(&["UNDEFINED"]), &["loader refused", "nowhere"]);
}

#[test]
fn an_entry_that_fails_says_why() {
    let text = refusal_of_c(&["ENTRY_FAILS"]);
    assert_says(&text, &["entry point failed", "the atlas is not installed: no such folder"]);
}

#[test]
fn a_library_that_ends_the_process_ends_only_the_trial() {
    assert_says(&refusal_of_c(&["ABORT"]), &["ends the process", "licence server unreachable"]);
    assert_says(&refusal_of_c(&["EXIT"]), &["ends the process"]);
}

#[test]
fn a_library_that_never_finishes_loading_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    compiled("tests/plugins/broken.c", &folder.path().join("libbroken.so"), &["HANG"]).unwrap();
    let named = vec![folder.path().to_path_buf()];
    let time_limit = Duration::from_millis(300);
    let options = DiscoverOptions { named, time_limit, ..DiscoverOptions::nowhere() };
    let catalog = Catalog::discover(&options.probing_with(PathBuf::from(TRIAL)));
    assert!(matches!(catalog.refused(), [(_, LoadError::TimedOut { .. })]), "{:?}", catalog.refused());
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

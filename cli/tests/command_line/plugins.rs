//! `plugins list` and `inspect`, and libraries that are no plugins.

use std::{fs, process::Command};

use serde_json::json;

use crate::program::{Folder, rl4seg, rl4seg_after};

/// Compiles `source`, C, to a shared library.
fn library(folder: &Folder, name: &str, source: &str) -> String {
    let code = folder.at("library.c");
    fs::write(&code, source).unwrap();
    let library = folder.text(name);
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &library]).arg(&code).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

#[test]
fn the_echo_plugin_is_loaded_and_told_in_full() {
    let list = rl4seg(["plugins", "list", "--json"]).json();
    let plugins = list["plugins"].as_array().unwrap();
    let echo = plugins.iter().find(|plugin| plugin["name"] == "echo").unwrap();
    assert!(echo["path"].as_str().unwrap().contains("rl4seg_echo"), "echo is loaded, not linked: {echo}");
    assert_eq!(echo["modality"]["id"], "echo");
    assert_eq!(list["refused"].as_array().unwrap().len(), 0, "{list}");
    for modality in ["cardiac-mr", "chest-xray"] {
        assert!(plugins.iter().any(|plugin| plugin["modality"]["id"] == modality), "{modality}: {list}");
    }
    let text = rl4seg(["plugins", "inspect", "echo"]).done();
    for words in [
        "echo/anatomy",
        "left ventricle",
        "SHA-256",
        "settings of the validity metric echo/anatomy",
        "erosion_ratio.min",
        "settings of the data source echo/camus",
        "required",
    ] {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
    let by_path = rl4seg(["plugins", "inspect", echo["path"].as_str().unwrap(), "--json"]).json();
    assert_eq!(by_path["sha256"], echo["sha256"]);
    let components = by_path["components"].as_array().unwrap();
    let shape = components.iter().find(|component| component["id"] == "echo/shape").unwrap();
    let strength = json!({
        "key": "strength_mm", "type": "list of 2 float", "required": false, "default": [3.0, 9.0],
        "doc": "Smallest and largest strength, mm; what it means depends on the `Kind`."
    });
    assert!(shape["settings"].as_array().unwrap().contains(&strength), "{shape}");
    assert_eq!(shape["settings_schema"]["type"], "object");
}

#[test]
fn where_there_is_a_list_of_trusted_libraries_no_other_is_loaded() {
    let all = rl4seg(["plugins", "list", "--json"]).json();
    let echo = all["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "echo").unwrap();
    let folder = Folder::new();
    let list = folder.at("trusted.txt");
    fs::write(&list, format!("{}  librl4seg_echo.so\n", echo["sha256"].as_str().unwrap())).unwrap();
    let export = format!("export RL4SEG_TRUSTED_PLUGINS='{}'", list.display());
    let listed = rl4seg_after(&export, &["plugins", "list", "--json"]).json();
    let loaded: Vec<_> =
        listed["plugins"].as_array().unwrap().iter().map(|plugin| plugin["name"].as_str().unwrap()).collect();
    assert_eq!(loaded, ["core", "echo"]);
    let reasons: Vec<_> = listed["refused"].as_array().unwrap().iter().map(|file| file["reason"].to_string()).collect();
    assert!(reasons.len() >= 2 && reasons.iter().all(|reason| reason.contains("trusted.txt: add it if you trust it")));
    fs::write(&list, "echo\n").unwrap();
    let error = rl4seg_after(&export, &["plugins", "list"]).refused();
    assert!(error.contains("RL4SEG_TRUSTED_PLUGINS") && error.contains("line 1"), "{error}");
}

#[test]
fn a_text_file_is_refused_and_hides_no_other_plugin() {
    let folder = Folder::new();
    fs::write(folder.at("libnotes.so"), "these are my notes\n").unwrap();
    let path = folder.text("");
    let list = rl4seg(["plugins", "list", "--plugin-path", &path, "--json"]).json();
    assert!(list["refused"][0]["reason"].as_str().unwrap().contains("not a shared library"), "{list}");
    assert!(list["plugins"].as_array().unwrap().iter().any(|plugin| plugin["name"] == "echo"));
    let error = rl4seg(["plugins", "inspect", &folder.text("libnotes.so")]).refused();
    assert!(error.contains("libnotes.so") && error.contains("not a shared library"), "{error}");
}

#[test]
fn a_plugin_of_another_abi_is_refused_with_both_versions() {
    let folder = Folder::new();
    let library = library(&folder, "libfuture.so", "const void *rl4seg_plugin_v9__future(void) { return 0; }");
    let error = rl4seg(["plugins", "inspect", &library]).refused();
    assert!(error.contains("libfuture.so") && error.contains("version 9") && error.contains("1.2"), "{error}");
}

#[test]
fn a_plugin_that_crashes_takes_nothing_with_it() {
    let folder = Folder::new();
    let source = "#include <stdlib.h>\n\
                  __attribute__((constructor)) static void start(void) { abort(); }\n\
                  const void *rl4seg_plugin_v1__crash(void) { return 0; }";
    let library = library(&folder, "libcrash.so", source);
    let error = rl4seg(["plugins", "inspect", &library]).refused();
    assert!(error.contains("ends the process"), "{error}");
    let list = rl4seg(["plugins", "list", "--plugin-path", &folder.text("")]).done();
    assert!(list.contains("echo") && list.contains("refused"), "{list}");
}

#[test]
fn a_plugin_that_is_not_there_is_answered_with_where_to_look() {
    let error = rl4seg(["plugins", "inspect", "no-such-plugin"]).refused();
    assert!(error.contains("plugins list"), "{error}");
    let error = rl4seg(["check", "labels", "--modality", "no-such-modality"]).refused();
    assert!(error.contains("no-such-modality") && error.contains("plugins list"), "{error}");
}

/// A library that tests are built with, by its crate.
pub fn built(krate: &str) -> std::path::PathBuf {
    let built = std::path::Path::new(env!("CARGO_BIN_EXE_rl4seg")).parent().unwrap();
    let name = format!("{}{krate}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    [built.join("deps").join(&name), built.join(&name)].into_iter().find(|path| path.is_file()).unwrap()
}

/// A program with no plugins of its own and a plugin folder in `folder`.
fn installed(folder: &Folder) -> impl Fn(&[&str]) -> crate::program::Outcome {
    let program = folder.at("rl4seg");
    fs::copy(env!("CARGO_BIN_EXE_rl4seg"), &program).unwrap();
    let home = folder.at("home");
    move |args| {
        crate::program::outcome(
            Command::new(&program).args(args).env("XDG_DATA_HOME", &home).env_remove("RL4SEG_PLUGIN_PATH"),
        )
    }
}

#[test]
fn a_plugin_is_installed_replaced_and_removed() {
    let folder = Folder::new();
    let rl4seg = installed(&folder);
    let library = built("third_party_metric");
    let library = library.to_str().unwrap();
    let names = || {
        let list = rl4seg(&["plugins", "list", "--json"]).json();
        list["plugins"]
            .as_array()
            .unwrap()
            .iter()
            .map(|plugin| plugin["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(!names().contains(&"third-party-metric".to_owned()));
    let change = rl4seg(&["plugins", "install", library, "--json"]).json();
    let file = std::path::PathBuf::from(change["path"].as_str().unwrap());
    assert!(file.starts_with(folder.at("home")) && fs::read(&file).unwrap() == fs::read(library).unwrap());
    assert!(names().contains(&"third-party-metric".to_owned()));
    let error = rl4seg(&["plugins", "install", library]).refused();
    assert!(error.contains("installed already") && error.contains("--replace"), "{error}");
    fs::create_dir(folder.at("new")).unwrap();
    let renamed = folder.at("new/libother_name.so");
    fs::copy(library, &renamed).unwrap();
    rl4seg(&["plugins", "install", renamed.to_str().unwrap(), "--replace"]).done();
    assert!(!file.exists(), "two libraries of one plugin");
    rl4seg(&["plugins", "remove", "third-party-metric"]).done();
    assert!(!names().contains(&"third-party-metric".to_owned()));
    let error = rl4seg(&["plugins", "remove", "third-party-metric"]).refused();
    assert!(error.contains("plugins list"), "{error}");
    let error = rl4seg(&["plugins", "remove", "core"]).refused();
    assert!(error.contains("this program"), "{error}");
    let error = rl4seg(&["plugins", "remove", "../rl4seg"]).refused();
    assert!(error.contains("no such file") && folder.at("rl4seg").exists(), "{error}");
}

#[test]
fn what_is_no_plugin_is_not_installed_and_can_be_removed() {
    let folder = Folder::new();
    let rl4seg = installed(&folder);
    fs::write(folder.at("libnotes.so"), "these are my notes\n").unwrap();
    let error = rl4seg(&["plugins", "install", &folder.text("libnotes.so")]).refused();
    assert!(error.contains("not a shared library"), "{error}");
    let error = rl4seg(&["plugins", "install", &folder.text("")]).refused();
    assert!(error.contains("expected a library"), "{error}");
    let plugins = folder.at("home/rl4seg/plugins");
    assert!(!plugins.join("libnotes.so").exists());
    fs::create_dir_all(&plugins).unwrap();
    fs::copy(folder.at("libnotes.so"), plugins.join("libnotes.so")).unwrap();
    rl4seg(&["plugins", "remove", "libnotes.so"]).done();
    assert!(!plugins.join("libnotes.so").exists());
}

/// What `plugins verify` says of one component of the plugin that misbehaves as it is told.
fn verified(behaviour: &str, component: &str) -> (bool, String) {
    verified_after("true", behaviour, component)
}

/// The same in a shell that has first done `before`, as setting a limit.
fn verified_after(before: &str, behaviour: &str, component: &str) -> (bool, String) {
    let library = built("rl4seg_faulty");
    let settings = [format!("component.behaviour=\"{behaviour}\""), format!("source.behaviour=\"{behaviour}\"")];
    let args = ["plugins", "verify", library.to_str().unwrap(), "--json", "--set", &settings[0], "--set", &settings[1]];
    let outcome = rl4seg_after(before, &args);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("error: ").count(), 1, "{}", outcome.stderr);
    let found: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    // Whatever one component does, the others are checked.
    assert_eq!(found.as_array().unwrap().len(), 5, "{found}");
    let of_component =
        |found: &&serde_json::Value| format!("{} {}", found["kind"], found["component"]).contains(component);
    let found = found.as_array().unwrap().iter().find(of_component).unwrap();
    (found["passed"].as_bool().unwrap(), found["detail"].as_str().unwrap().to_owned())
}

#[test]
fn a_plugin_that_never_answers_is_named_and_given_up() {
    for component in ["validity metric", "distortion generator", "corrector", "data source"] {
        let (passed, detail) = verified_after("export RL4SEG_PLUGIN_TIME_LIMIT=1", "hang", component);
        assert!(!passed && detail.contains("has not answered for 1 s"), "{component}: {detail}");
        assert!(detail.contains("`faulty/"), "{component}: {detail}");
    }
    let error = rl4seg_after("export RL4SEG_PLUGIN_TIME_LIMIT=soon", &["doctor"]).refused();
    assert!(error.contains("RL4SEG_PLUGIN_TIME_LIMIT is `soon`; expected seconds"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_plugin_that_takes_all_memory_is_named_and_stopped() {
    let (passed, detail) = verified_after("export RL4SEG_PLUGIN_MEMORY_LIMIT=200", "hoard", "validity metric");
    assert!(!passed && detail.contains("while `faulty/component` was at work"), "{detail}");
    let words = detail.split_once("grew by ").unwrap().1;
    let grown: u64 = words.split(' ').next().unwrap().parse().unwrap();
    assert!((200..4000).contains(&grown) && detail.contains("RL4SEG_PLUGIN_MEMORY_LIMIT allows 200 MiB"), "{detail}");
    let error = rl4seg_after("export RL4SEG_PLUGIN_MEMORY_LIMIT=0", &["doctor"]).refused();
    assert!(error.contains("RL4SEG_PLUGIN_MEMORY_LIMIT is `0`; expected whole MiB, above 0"), "{error}");
}

#[test]
fn a_plugin_that_ends_the_process_is_found_out() {
    let (passed, detail) = verified("greedy", "validity metric");
    assert!(!passed && detail.contains("ended the process"), "{detail}");
    assert!(detail.contains("memory allocation of 1152921504606846976 bytes failed"), "{detail}");
}

#[test]
fn every_broken_promise_is_found_in_a_built_library() {
    for component in ["validity metric\" \"faulty/component", "distortion", "corrector", "faulty/source"] {
        let (passed, detail) = verified("sound", component);
        assert!(passed, "{component}: {detail}");
    }
    let metric = "validity metric\" \"faulty/component";
    for (behaviour, component, expected) in [
        ("nan", metric, "NaN"),
        ("nameless", metric, "lacks a name or a unit"),
        ("silent", metric, "does not say why"),
        ("panic_on_one_voxel", metric, "one voxel"),
        ("fickle", metric, "differs from the first"),
        ("racy", metric, "4 threads"),
        ("refuse", metric, "refuses all"),
        ("panic_when_made", metric, "no memory for the atlas"),
        ("fickle", "distortion", "differs from the first"),
        ("other_grid", "distortion", "different grids"),
        ("panic", "distortion", "index 7"),
        ("fickle", "corrector", "differs from the first"),
        ("other_image", "distortion", "the altered image"),
        ("other_channels", "distortion", "2 channels, the original 1"),
        ("other_grid", "corrector", "different grids"),
        ("panic", "corrector", "index 7"),
        ("nan", "faulty/source", "NaN"),
        ("other_label", "faulty/source", "label"),
        ("other_grid", "faulty/source", "different grids"),
        ("panic_on_labels", "faulty/source", "index 7"),
        ("panic", "faulty/source", "index 7"),
        ("sound", "lenient", "deny_unknown_fields"),
    ] {
        let (passed, detail) = verified(behaviour, component);
        assert!(!passed && detail.contains(expected), "{behaviour}, {component}: {detail}");
    }
}

#[test]
fn a_sound_plugin_is_verified_and_settings_are_asked_for() {
    let library = built("third_party_metric");
    let library = library.to_str().unwrap();
    let sets = ["--set", "area.label=1", "--set", "area.accepted_mm2=[1.0, 2.0]"];
    let text = rl4seg(["plugins", "verify", library].into_iter().chain(sets)).done();
    assert!(text.contains("passed") && text.contains("ms a call") && text.contains("answered 28 of 28"), "{text}");
    let error = rl4seg(["plugins", "verify", library]).refused();
    assert!(error.contains("1 of 1 components"), "{error}");
    let error = rl4seg(["plugins", "verify", library, "--set", "nothing.x=1"]).refused();
    assert!(error.contains("`nothing` is no component") && error.contains("COMPONENT.KEY=VALUE"), "{error}");
}

#[test]
fn a_new_plugin_is_a_crate_on_the_sdk() {
    let folder = Folder::new();
    for kind in ["metric", "distortion", "corrector", "source", "modality", "network"] {
        let crate_folder = folder.at(kind);
        let made =
            rl4seg(["plugins", "new", "rl4seg-lungs", "--kind", kind, "--out", &folder.text(kind), "--json"]).json();
        assert_eq!(
            (made["plugin"].as_str(), made["files"].as_array().map(Vec::len)),
            (Some("lungs"), Some(5 + usize::from(kind == "modality")))
        );
        let manifest: toml::Table = fs::read_to_string(crate_folder.join("Cargo.toml")).unwrap().parse().unwrap();
        let sdk = manifest["dependencies"]["rl4seg-sdk"]["path"].as_str().unwrap();
        assert!(std::path::Path::new(sdk).join("src/lib.rs").is_file(), "{sdk}");
        let template = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/templates").join(kind);
        let source = fs::read_to_string(crate_folder.join("src/lib.rs")).unwrap();
        assert_eq!(source, fs::read_to_string(template.join("src/lib.rs")).unwrap());
        let readme = fs::read_to_string(crate_folder.join("README.md")).unwrap();
        let component = readme.split("`lungs/").nth(1).unwrap().split('`').next().unwrap();
        let is_there = source.contains(&format!("const ID: &\'static str = \"{component}\""));
        assert!(is_there || (kind == "modality" && component == "phantom"), "{readme}");
    }
    let error = rl4seg(["plugins", "new", "lungs", "--kind", "metric", "--out", &folder.text("metric")]).refused();
    assert!(error.contains("is there already"), "{error}");
    let error = rl4seg(["plugins", "new", "Lungs!", "--kind", "metric"]).refused();
    assert!(error.contains("lower-case letters"), "{error}");
    let error = rl4seg(["plugins", "new", "lungs", "--kind", "metric", "--sdk", &folder.text("metric/src")]).refused();
    assert!(error.contains("--sdk"), "{error}");
}

#[test]
fn what_the_templates_make_passes() {
    for (krate, settings) in [
        ("template_metric", "pieces.label=1"),
        ("template_distortion", "shift.most_voxels=5"),
        ("template_corrector", "largest-piece.structures=[1, 2]"),
        ("template_network", "small-unet.width=4"),
    ] {
        let library = built(krate);
        rl4seg(["plugins", "verify", library.to_str().unwrap(), "--set", settings]).done();
    }
    let library = built("template_modality");
    let seen = rl4seg(["plugins", "verify", library.to_str().unwrap(), "--json"]).json();
    let details: Vec<&str> = seen.as_array().unwrap().iter().filter_map(|seen| seen["detail"].as_str()).collect();
    assert_eq!(details, ["5 cases", "5 cases"]);
}

#[test]
fn a_metric_in_c_judges_in_the_loop() {
    let folder = Folder::new().with_data();
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::create_dir(folder.at("plugins")).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", &folder.text("plugins/libforeground.so"), "-I"])
        .arg(repository.join("sdk/abi/include"))
        .arg(repository.join("examples/metric-in-c/foreground.c"))
        .status();
    assert!(compiled.unwrap().success());
    let plugins = folder.text("plugins");
    let judged = "validity=[{ component = 'metric-in-c/foreground' }]";
    let results = folder.adapt(&["--plugin-path", &plugins, "--set", judged, "--json"]).json();
    assert_eq!(results["results"].as_array().unwrap().len(), 2);
    let cases = fs::read_to_string(folder.at("run/iteration-001/evaluate/cases.jsonl")).unwrap();
    assert!(cases.lines().all(|case| case.contains("\"verdict\"")), "{cases}");
    let manifest = fs::read_to_string(folder.at("run/manifest.json")).unwrap();
    assert!(manifest.contains("metric-in-c"), "{manifest}");
}

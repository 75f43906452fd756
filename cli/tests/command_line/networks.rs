//! Networks that plugins bring, in the loop.

use std::fs;

use crate::{
    plugins::built,
    program::{Folder, rl4seg},
};

/// A folder with the library of one plugin.
fn plugin(folder: &Folder, krate: &str) -> String {
    let (library, plugins) = (built(krate), folder.at("plugins"));
    fs::create_dir_all(&plugins).unwrap();
    fs::copy(&library, plugins.join(library.file_name().unwrap())).unwrap();
    folder.text("plugins")
}

#[test]
fn the_loop_trains_a_network_of_a_plugin_and_predict_takes_it() {
    for (krate, component, settings) in [
        ("template_network", "template-network/small-unet", "network.settings.width=4"),
        ("own_network", "own-network/function", "network.settings.hidden=8"),
    ] {
        let folder = Folder::new().with_data();
        let plugins = plugin(&folder, krate);
        let component = format!("network.component={component}");
        let with = ["--plugin-path", &plugins, "--set", &component, "--set", settings, "--json"];
        let results = folder.adapt(&with).json();
        let dice = |iteration: usize| results["results"][iteration]["source"]["dice"].as_f64().unwrap();
        assert!(dice(0) > 0.15 && dice(1) > 0.1, "{krate}: {results}");

        let run = folder.text("run");
        let image = fs::read_dir(folder.at("target/img")).unwrap().next().unwrap().unwrap().path();
        let args = ["predict", &run, image.to_str().unwrap(), "--out", &folder.text("results")];
        rl4seg(args.into_iter().chain(["--plugin-path", &plugins])).done();
        let manifest = fs::read_to_string(folder.at("run/manifest.json")).unwrap();
        assert!(manifest.contains(&krate.replace('_', "-")), "{manifest}");
    }
}

#[test]
fn settings_of_a_network_that_is_not_named_are_refused() {
    let folder = Folder::new().with_data();
    let error = folder.adapt(&["--set", "network.settings.hidden=8"]).refused();
    assert!(error.contains("network.settings") && error.contains("network.component names none"), "{error}");
    let error = folder.adapt(&["--set", "network.component=echo/camus"]).refused();
    assert!(error.contains("`echo/camus` is a data source"), "{error}");
    let error = folder.adapt(&["--set", "network.component=no-such/network"]).refused();
    assert!(
        error.contains("network.component") && error.contains("no network architecture `no-such/network`"),
        "{error}"
    );
}

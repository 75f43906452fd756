//! Networks that plugins bring, in the loop. Their libraries lie beside the program.

use std::fs;

use serde_json::Value;

use crate::program::{Folder, rl4seg};

fn dice(results: &Value, iteration: usize, domain: &str) -> f64 {
    results["results"][iteration][domain]["dice"].as_f64().unwrap()
}

#[test]
fn the_loop_trains_a_network_of_a_plugin_and_predict_takes_it() {
    let folder = Folder::new().with_data();
    let network = ["network.component=template-network/small-unet", "network.settings.width=4"];
    let results = folder.adapt(&["--set", network[0], "--set", network[1], "--json"]).json();
    assert!(dice(&results, 0, "source") > 0.15 && dice(&results, 1, "source") > 0.1, "{results}");

    let run = folder.text("run");
    let image = fs::read_dir(folder.at("target/img")).unwrap().next().unwrap().unwrap().path();
    rl4seg(["predict", &run, image.to_str().unwrap(), "--out", &folder.text("results")]).done();
    let manifest = fs::read_to_string(folder.at("run/manifest.json")).unwrap();
    assert!(manifest.contains("template-network"), "{manifest}");
}

/// Two convolutions segment no heart, so their results are judged by whether they segment anything.
const FOR_A_SMALL_NETWORK: [&str; 9] = [
    "network.settings.hidden=8",
    "pretrain.epochs=150",
    "collect.cases=16",
    "collect.source_cases=16",
    "collect.agreement=0.0",
    "reward.epochs=20",
    "pretrain.learning_rate=0.05",
    "validity=[{ component = 'third-party-metric/area', label = 1, accepted_mm2 = [0.0, 100000.0] }]",
    "distortion=[{ component = 'swap' }, { component = 'weight-noise' }]",
];

#[test]
fn layers_and_a_function_go_through_the_loop_alike() {
    let [layers, function] = ["layers", "function"].map(|way| {
        let folder = Folder::new().with_data();
        let component = format!("network.component=own-network/{way}");
        let sets = FOR_A_SMALL_NETWORK.iter().copied().chain([component.as_str()]);
        let args: Vec<&str> = sets.flat_map(|set| ["--set", set]).chain(["--json"]).collect();
        folder.adapt(&args).json()
    });
    for (iteration, domain) in [(0, "source"), (0, "target"), (1, "source"), (1, "target")] {
        let [layers, function] = [&layers, &function].map(|results| dice(results, iteration, domain));
        assert!(layers > 0.02 && (layers - function).abs() < 0.02, "{layers} and {function}");
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

//! `doctor` and `bench`: what this machine can do.

use crate::program::rl4seg;

#[test]
fn doctor_tells_devices_and_plugins() {
    let found = rl4seg(["doctor", "--json"]).json();
    let devices = found["devices"].as_array().unwrap();
    assert_eq!((devices[0]["name"].as_str(), devices[0]["present"].as_u64()), (Some("cpu"), Some(1)));
    assert!(found["plugins"].as_array().unwrap().iter().any(|plugin| plugin.as_str().unwrap().starts_with("echo ")));
    assert!(rl4seg(["doctor"]).done().contains("--device"));
}

#[test]
fn the_cpu_agrees_with_itself() {
    let size = ["--size", "48", "--batch", "2", "--width", "4"];
    let agreement = rl4seg(["bench", "agreement", "--json"].into_iter().chain(size)).json();
    assert_eq!((agreement["fresh"].as_f64(), agreement["trained"].as_f64()), (Some(0.0), Some(0.0)), "{agreement}");
    let low = ["bench", "agreement", "--precision", "bfloat16"];
    assert!(rl4seg(low.into_iter().chain(size)).refused().contains("network.precision"));
    let elsewhere = ["bench", "infer", "--device", "tpu"];
    let usage = rl4seg(elsewhere.into_iter().chain(size));
    assert_eq!(usage.code, Some(2));
    assert!(usage.stderr.contains("`tpu` is not known"), "{}", usage.stderr);
}

#[test]
fn each_kind_of_work_is_measured() {
    for work in ["infer", "step", "ppo", "collect"] {
        let measured = rl4seg(["bench", work, "--size", "48", "--batch", "2", "--width", "4", "--json"]).json();
        assert!(measured["median_s_per_image"].as_f64().unwrap() > 0.0, "{measured}");
    }
}

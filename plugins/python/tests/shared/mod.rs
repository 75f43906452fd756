//! Settings of the metrics in `examples` and `tests/metrics`.
#![allow(dead_code, reason = "every test file uses a part")]

use std::path::Path;

use serde_json::{Value, json};

/// The function of the example.
pub const MARGIN: &str = "margin:assess";

/// Settings of the example.
pub fn margin_settings() -> Value {
    json!({
        "function": MARGIN,
        "path": folder("examples"),
        "labels": ["background", "lv", "myo"],
        "settings": {"least_mm": 1.0},
        "measured": {"margin_of_lv": {"unit": "mm"}, "margin_of_myo": {"unit": "mm"}},
    })
}

/// Settings of a function in `tests/metrics`, with `more`.
pub fn settings_of(function: &str, more: Value) -> Value {
    let mut settings = json!({"function": function, "path": folder("tests/metrics")});
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    settings
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

//! Configurations, and the files of a run.

use std::path::Path;

use rl4seg_core::{
    adapt::Calibration,
    config,
    run_dir::{self, Event},
};

use crate::WholeFile;

const HEAD: &str = "modality = \"echo\"\noutput = \"run\"\nsource = { component = \"echo/camus\", root = \"a\" }\ntarget = { component = \
                    \"echo/camus\", root = \"b\" }\n";

const MANIFEST: &str = r#"{ "schema": 1, "version": "0.1.0", "device": "cpu", "seed": 1, "config_sha256": "0",
    "plugins": [{ "name": "echo", "version": "0.1.0", "sha256": null }] }"#;
const CALIBRATION: &str = r#"{ "temperature": 1.25, "ece_before": 0.1, "ece_after": 0.05, "error_auroc": null }"#;
const JOURNAL: &str = r#"{ "time_ms": 1, "event": "opened", "version": "0.1.0", "device": "cpu" }
{ "time_ms": 2, "event": "finished", "step": { "iteration": 0, "kind": "pretrain" }, "seconds": 1.5 }
"#;

pub(crate) fn configurations() -> Vec<WholeFile> {
    let preset = rl4seg_echo::modality::modality().unwrap().preset;
    vec![WholeFile { name: "run.toml", bytes: [HEAD, &preset].concat().into_bytes() }]
}

pub(crate) fn open_configuration(path: &Path) -> Result<(), String> {
    let raw = config::read(path, &[]).map_err(|error| error.to_string())?;
    raw.check().map(drop).map_err(|error| error.to_string())
}

pub(crate) fn files() -> Vec<WholeFile> {
    [("manifest.json", MANIFEST), ("calibration.json", CALIBRATION), ("journal.jsonl", JOURNAL)]
        .map(|(name, text)| WholeFile { name, bytes: text.as_bytes().to_vec() })
        .into()
}

/// As the manifest, the calibration or the journal of a run, whichever it is.
pub(crate) fn open(path: &Path) -> Result<(), String> {
    let manifest = run_dir::read_manifest(path.parent().unwrap());
    let calibration = run_dir::read_json::<Calibration>(path);
    let journal = run_dir::read_json_lines::<Event>(path);
    if calibration.is_ok() || journal.is_ok() {
        return Ok(());
    }
    manifest.map(drop).map_err(|error| error.to_string())
}

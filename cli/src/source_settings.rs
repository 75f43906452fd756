//! What a data source is made from, where it is not the `[source]` or `[target]` of a configuration.

use std::path::Path;

use anyhow::{Context, ensure};
use rl4seg_core::config::Override;

use crate::output::utf8;

/// The settings that were given, as they stand in a configuration.
pub fn table(given: &[Override]) -> anyhow::Result<toml::Table> {
    let mut table = toml::Table::new();
    for setting in given {
        setting.apply(&mut table)?;
    }
    Ok(table)
}

/// The same with the folder, as JSON.
pub fn with_root(settings: &toml::Table, root: &Path) -> anyhow::Result<String> {
    for own in ["root", "component"] {
        ensure!(
            !settings.contains_key(own),
            "the setting `{own}` is told by the folder and what reads it; leave it out"
        );
    }
    let mut settings = serde_json::to_value(settings).context("writing JSON")?;
    settings["root"] = utf8(root)?.into();
    Ok(settings.to_string())
}

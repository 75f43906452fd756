//! The conformance kit of the SDK, run on a library as it was built: each component in a process of its own.

use anyhow::{Context, bail};
use rl4seg_core::{config::Override, plugin::PluginInfo};
use serde_json::json;

use super::{
    made_up::MadeUp,
    one::{Outcome, apart},
    show::with_plugin,
};
use crate::{
    args::GlobalArgs,
    catalog::name_of,
    output::{self, table},
};

pub fn verify(wanted: &str, settings: &[Override], global: &GlobalArgs) -> anyhow::Result<()> {
    with_plugin(wanted, global, |catalog, plugin| {
        let settings = settings_of(plugin, settings)?;
        let made_up = MadeUp::of(plugin, catalog).context("making up images with the modality's phantom")?;
        let mut outcomes = Vec::new();
        for (index, component) in plugin.components.iter().enumerate() {
            let settings = match settings.get(name_of(&component.id)) {
                Some(given) => serde_json::to_value(given).context("writing JSON")?,
                None => made_up.as_ref().and_then(|images| images.settings(&component.id)).unwrap_or_else(|| json!({})),
            };
            let outcome = apart(wanted, index, component, &settings.to_string(), global);
            outcomes.push(outcome.context("checking a component in a process of its own")?);
        }
        output::result(global.json, &outcomes, || text(&outcomes))?;
        let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
        match failed {
            0 => Ok(()),
            _ => bail!("{failed} of {} components of `{}` did not pass", outcomes.len(), plugin.name),
        }
    })
}

/// The settings of each component, by its name.
fn settings_of(plugin: &PluginInfo, settings: &[Override]) -> anyhow::Result<toml::Table> {
    let mut all = toml::Table::new();
    for setting in settings {
        setting.apply(&mut all)?;
    }
    let names: Vec<&str> = plugin.components.iter().map(|component| name_of(&component.id)).collect();
    match all.iter().find(|(key, value)| !names.contains(&key.as_str()) || !value.is_table()) {
        None => Ok(all),
        Some((key, _)) => bail!(
            "--set: `{key}` is no component of `{}`; expected COMPONENT.KEY=VALUE with one of {}",
            plugin.name,
            names.join(", ")
        ),
    }
}

fn text(outcomes: &[Outcome]) -> String {
    let rows = outcomes.iter().map(|outcome| {
        vec![
            outcome.component.clone(),
            outcome.kind.clone(),
            if outcome.passed { "passed" } else { "FAILED" }.to_owned(),
            outcome.milliseconds.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3} ms a call")),
            outcome.detail.clone(),
        ]
    });
    table(&["component", "kind", "", "time", "what was seen"], rows)
}

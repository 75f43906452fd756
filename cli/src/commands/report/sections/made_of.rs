//! What was run: data, plugins, versions, configuration.

use std::collections::BTreeSet;

use maud::{Markup, html};
use rl4seg_core::{config::ComponentTable, domain::Split};

use super::parts::table;
use crate::commands::report::run_data::RunData;

/// All that somebody needs to run it again.
pub fn made_of(run: &RunData) -> Markup {
    let manifest = &run.manifest;
    let facts = [
        ("Run", run.root.display().to_string()),
        ("rl4seg", manifest.version.clone()),
        ("Device", manifest.device.clone()),
        ("Seed", manifest.seed.to_string()),
        ("Modality", run.plan.modality.clone()),
        ("Source", component(&run.plan.source)),
        ("Target", component(&run.plan.target)),
        ("SHA-256 of the configuration", manifest.config_sha256.clone()),
    ];
    let facts = facts.map(|(name, value)| vec![name.to_owned(), value]);
    let plugins = manifest.plugins.iter().map(|plugin| {
        let hash = plugin.sha256.clone().unwrap_or_else(|| "part of the program".to_owned());
        vec![plugin.name.clone(), plugin.version.clone(), hash]
    });
    html! {
        (table("The run", &["", "Value"], &facts))
        @if !run.cases.is_empty() { (table("Cases, and in brackets the patients that they are of", &["Domain", "Training", "Validation", "Test"], &cases(run))) }
        (table("Plugins", &["Name", "Version", "SHA-256 of the library"], &plugins.collect::<Vec<_>>()))
        details {
            summary { "Configuration, every default spelled out" }
            pre tabindex="0" { (run.config) }
        }
    }
}

/// A component and its settings that are texts or numbers.
fn component(table: &ComponentTable) -> String {
    let plain = table.settings.iter().filter(|(_, value)| !value.is_table() && !value.is_array());
    let settings: Vec<String> = plain.map(|(key, value)| format!("{key} = {value}")).collect();
    if settings.is_empty() { table.component.clone() } else { format!("{} ({})", table.component, settings.join(", ")) }
}

fn cases(run: &RunData) -> Vec<Vec<String>> {
    let count = |domain: &str, split: Split| {
        let of_split = || run.cases.iter().filter(move |case| case.domain == domain && case.split == split);
        let patients: BTreeSet<&str> = of_split().map(|case| case.group.as_str()).collect();
        format!("{} ({})", of_split().count(), patients.len())
    };
    let row = |domain: &str| {
        let counts = [Split::Train, Split::Validation, Split::Test].map(|split| count(domain, split));
        std::iter::once(domain.to_owned()).chain(counts).collect()
    };
    vec![row("source"), row("target")]
}

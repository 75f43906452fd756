//! What was run: data, plugins, versions, configuration.

use std::collections::BTreeSet;

use maud::{Markup, html};
use rl4seg_core::{
    config::{ComponentTable, PATH_KEYS},
    domain::Split,
    run_dir::StepKind,
};

use super::{parts::table, summary::place};
use crate::commands::report::run_data::{CaseList, RunData};

/// Stands where nothing is known.
const ABSENT: &str = "–";

/// All that somebody needs to run it again.
pub fn made_of(run: &RunData) -> Markup {
    let plugins = run.manifest.plugins.iter().map(|plugin| {
        let hash = plugin.sha256.clone().unwrap_or_else(|| "part of the program".to_owned());
        vec![plugin.name.clone(), plugin.version.clone(), hash]
    });
    let of_data = ["Domain", "Folder or file", "Read by", "Training", "Validation", "Test"];
    html! {
        (table("The run", &["", "Value"], &facts(run)))
        (table("Data: cases, and in brackets the patients that they are of", &of_data, &data(run)))
        @if let Some(list) = &run.case_list { p .small { (explained(list)) } }
        (table("Plugins", &["Name", "Version", "SHA-256 of the library"], &plugins.collect::<Vec<_>>()))
        details {
            summary { "Configuration, every default spelled out" }
            pre tabindex="0" { (run.config) }
        }
    }
}

fn facts(run: &RunData) -> Vec<Vec<String>> {
    let manifest = &run.manifest;
    let mut facts = vec![
        ("Run", run.root.display().to_string()),
        ("rl4seg", manifest.version.clone()),
        ("Device", manifest.device.clone()),
        ("Seed", manifest.seed.to_string()),
        ("Modality", run.plan.modality.clone()),
        ("SHA-256 of the configuration", manifest.config_sha256.clone()),
    ];
    facts.extend(run.case_list.as_ref().map(|list| ("SHA-256 of the list of cases", list.sha256.clone())));
    if let Some(checkpoint) = &run.plan.pretrain.checkpoint {
        facts.push(("Checkpoint that it started from", checkpoint.display().to_string()));
    }
    let pretrained = run.summaries.iter().find(|(step, _)| step.kind == StepKind::Pretrain);
    let start = pretrained.and_then(|(_, summary)| summary["start_sha256"].as_str());
    facts.extend(start.map(|sum| ("SHA-256 of the weights taken from it", sum.to_owned())));
    facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

fn explained(list: &CaseList) -> &'static str {
    if list.knows_contents {
        "The list of cases, iteration-000/pretrain/cases.jsonl in the run, has a line for each case: its patient, what it is for, and the \
         SHA-256 of the voxels and the spacing of its image, and of its label map where the run reads that. So the SHA-256 of the list stands \
         for all data."
    } else {
        "An earlier version wrote the list of cases, iteration-000/pretrain/cases.jsonl in the run: it has the names and the patients of the \
         cases and what they are for, and no SHA-256 of their voxels."
    }
}

/// A row for each domain.
fn data(run: &RunData) -> Vec<Vec<String>> {
    let count = |domain: &str, split: Split| {
        let of_split = || run.cases.iter().filter(move |case| case.domain == domain && case.split == split);
        let patients: BTreeSet<&str> = of_split().map(|case| case.group.as_str()).collect();
        format!("{} ({})", of_split().count(), patients.len())
    };
    let row = |domain: &str, table: &ComponentTable| {
        let told = |split| if run.cases.is_empty() { ABSENT.to_owned() } else { count(domain, split) };
        let counts = [Split::Train, Split::Validation, Split::Test].map(told);
        let first = [domain, place(table).unwrap_or(ABSENT)].map(str::to_owned);
        first.into_iter().chain([component(table)]).chain(counts).collect()
    };
    vec![row("source", &run.plan.source), row("target", &run.plan.target)]
}

/// A component and its settings that are texts or numbers, but for the place of its data.
fn component(table: &ComponentTable) -> String {
    let is_told = |key: &str, value: &toml::Value| !(value.is_table() || value.is_array() || PATH_KEYS.contains(&key));
    let settings = table.settings.iter().filter(|(key, value)| is_told(key, value));
    let settings: Vec<String> = settings.map(|(key, value)| format!("{key} = {value}")).collect();
    if settings.is_empty() { table.component.clone() } else { format!("{} ({})", table.component, settings.join(", ")) }
}

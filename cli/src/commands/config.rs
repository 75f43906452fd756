//! `rl4seg config`: what may stand in a configuration.

use anyhow::bail;
use clap::Subcommand;
use rl4seg_core::{
    component::settings_schema,
    config::{self, Expectation, RawConfig},
    near_name::{did_you_mean, nearest},
};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    output,
    settings::{Setting, settings},
};

/// Look up what may stand in a configuration
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  rl4seg config reference policy")]
pub enum Command {
    Reference(Args),
}

/// Show the keys of a configuration: type, default, range and meaning
///
/// They are those of this version, read from its types. The keys of a component are shown by `rl4seg plugins inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rl4seg config reference policy.clip_range
  rl4seg config reference --markdown")]
pub struct Args {
    /// A table, a key or a part of its name [default: all]
    #[arg(value_name = "KEY")]
    wanted: Option<String>,
    /// Write the tables of docs/configuration.md
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub fn run(command: &Command, global: &GlobalArgs) -> anyhow::Result<()> {
    let Command::Reference(args) = command;
    let mut keys = keys();
    if let Some(wanted) = &args.wanted {
        let near = did_you_mean(nearest(wanted, keys.iter().map(|key| key.setting.key.as_str())));
        keys.retain(|key| key.setting.key.contains(wanted.as_str()));
        if keys.is_empty() {
            bail!("no key of the configuration has `{wanted}` in its name{near}");
        }
    }
    output::result(global.json, &keys, || if args.markdown { markdown(&keys) } else { text(&keys) })
}

/// A key, and what its value must be.
#[derive(Debug, Serialize)]
struct Key {
    #[serde(flatten)]
    setting: Setting,
    /// In words, as the check of a configuration says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
}

impl Key {
    /// `[policy]` or `[[validity]]`, where the key is a table and nothing else.
    fn heading(&self) -> Option<String> {
        match self.setting.of_type.as_str() {
            "table" => Some(format!("[{}]", self.setting.key)),
            "list of table" => Some(format!("[[{}]]", self.setting.key)),
            _ => None,
        }
    }

    /// What stands before the names of the keys in this table.
    fn prefix(&self) -> String {
        let step = if self.setting.of_type == "table" { "." } else { "[]." };
        format!("{}{step}", self.setting.key)
    }

    /// The default, but not that of a table, which its keys tell.
    fn default(&self) -> String {
        if self.heading().is_some() && !self.setting.required { "-".to_owned() } else { self.setting.default_text() }
    }
}

fn keys() -> Vec<Key> {
    let expectations = config::expectations();
    let expected = |setting: &Setting| {
        let of_key = |expectation: &&Expectation| expectation.key == setting.key;
        expectations.iter().find(of_key).map(|expectation| expectation.expected.clone())
    };
    let settings = settings(&settings_schema::<RawConfig>()).into_iter();
    settings.map(|setting| Key { expected: expected(&setting), setting }).collect()
}

fn text(keys: &[Key]) -> String {
    keys.iter().map(|key| format!("{}\n", entry(key))).collect()
}

/// A key with what is to be known of it, in a few lines.
fn entry(key: &Key) -> String {
    let Key { setting, expected } = key;
    let default = match key.default().as_str() {
        "-" => String::new(),
        "required" => ", required".to_owned(),
        default => format!(", default {default}"),
    };
    let expected = expected.as_ref().map_or(String::new(), |expected| format!(", {expected}"));
    let mut entry = format!("{} ({}{expected}{default})\n", setting.key, setting.of_type);
    if !setting.doc.is_empty() {
        entry.push_str(&format!("    {}\n", setting.doc));
    }
    for word in &setting.words {
        entry.push_str(&format!("    {:?}: {}\n", word.word, word.doc));
    }
    entry
}

/// A section for what stands above all tables, and one for each table.
fn markdown(keys: &[Key]) -> String {
    let tables: Vec<&Key> = keys.iter().filter(|key| key.heading().is_some()).collect();
    let table_of = |key: &Key| {
        let tables = tables.iter().map(|table| table.prefix());
        tables.filter(|prefix| key.setting.key.starts_with(prefix.as_str())).max_by_key(String::len).unwrap_or_default()
    };
    let rows = |prefix: &str| {
        let keys = keys.iter().filter(|key| key.heading().is_none() && table_of(key) == prefix);
        keys.map(|key| row(key, prefix)).collect::<String>()
    };
    let mut text = section("Above all tables", "", &rows(""));
    for table in &tables {
        let heading = format!("`{}`", table.heading().unwrap_or_default());
        text.push_str(&section(&heading, &table.setting.doc, &rows(&table.prefix())));
    }
    text.trim_end().to_owned()
}

fn section(heading: &str, doc: &str, rows: &str) -> String {
    let doc = if doc.is_empty() { String::new() } else { format!("{doc}\n\n") };
    let rows = match rows {
        "" => String::new(),
        rows => format!("| key | type | default | range | meaning |\n|---|---|---|---|---|\n{rows}\n"),
    };
    format!("## {heading}\n\n{doc}{rows}")
}

fn row(key: &Key, prefix: &str) -> String {
    let name = key.setting.key.strip_prefix(prefix).unwrap_or(&key.setting.key);
    let default = match key.default().as_str() {
        plain @ ("-" | "required") => plain.to_owned(),
        default => format!("`{default}`"),
    };
    let of_type = key.setting.of_type.replace(" | ", " or ");
    let expected = key.expected.as_deref().unwrap_or("");
    format!("| `{name}` | {of_type} | {default} | {expected} | {} |\n", key.setting.meaning().replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_comment() {
        for key in keys() {
            assert!(!key.setting.doc.is_empty(), "{}", key.setting.key);
        }
    }

    #[test]
    fn what_the_check_demands_is_demanded_of_keys() {
        let keys = keys();
        for expectation in config::expectations() {
            assert!(keys.iter().any(|key| key.setting.key == expectation.key), "{}", expectation.key);
        }
    }
}

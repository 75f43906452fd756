//! Data that lie elsewhere than when their run was begun. The run knows what each case held, so that no other data are taken for them.

use std::path::Path;

use anyhow::bail;
use rl4seg_core::{
    config::{self, ComponentTable, Override, PATH_KEYS, Plan, RawConfig},
    run_dir::{self, Entry, Event, Journal, Step, StepKind, layout},
};

/// The domains by their keys.
fn domains(config: &RawConfig) -> [(&'static str, &ComponentTable); 2] {
    [("source", &config.source), ("target", &config.target)]
}

/// Where the data of both domains lie: the keys and their values.
fn places(config: &RawConfig) -> Vec<(String, String)> {
    let of_domain = |(domain, table): (&str, &ComponentTable)| {
        let place = |key: &&str| Some((format!("{domain}.{key}"), table.settings.get(*key)?.as_str()?.to_owned()));
        PATH_KEYS.iter().filter_map(place).collect::<Vec<_>>()
    };
    domains(config).into_iter().flat_map(of_domain).collect()
}

/// Whether a key of the configuration tells where data lie.
pub fn is_place(key: &str) -> bool {
    let of_domain = key.strip_prefix("source.").or_else(|| key.strip_prefix("target."));
    of_domain.is_some_and(|key| PATH_KEYS.contains(&key))
}

/// Where the data of the run at `root` lie, as was told last, in the place of what its configuration says.
pub fn moved(root: &Path) -> anyhow::Result<Vec<Override>> {
    let mut overrides = Vec::new();
    if root.join(layout::JOURNAL).exists() {
        for Entry { event, .. } in run_dir::read_journal(root)? {
            if let Event::Moved { key, path } = event {
                overrides.push(Override::text(&key, &path));
            }
        }
    }
    Ok(overrides)
}

/// The configuration of the run at `root`, with its data where they lie.
pub fn config(root: &Path, overrides: &[Override]) -> anyhow::Result<RawConfig> {
    let overrides = [&moved(root)?, overrides].concat();
    Ok(config::read(&root.join(layout::CONFIG), &overrides)?)
}

/// Writes down where the data lie now, where that was not known.
pub fn record(root: &Path, plan: &Plan, journal: &mut Journal) -> anyhow::Result<()> {
    let known = places(&config(root, &[])?);
    for (key, path) in places(plan).into_iter().filter(|place| !known.contains(place)) {
        journal.record(Event::Moved { key, path })?;
    }
    Ok(())
}

/// Refuses to go on without the data that a run was begun with, and says how to tell where they are.
pub fn require_data(root: &Path, plan: &Plan) -> anyhow::Result<()> {
    if !run_dir::is_done(root, &Step::new(0, StepKind::Pretrain)) {
        return Ok(());
    }
    for (key, path) in places(plan) {
        if !Path::new(&path).exists() {
            bail!(
                "{path}: the data of the run are not there ({key}). Put them back; or, if they were moved, tell where: \
                 rl4seg adapt {} --set {key}=FOLDER",
                root.display()
            );
        }
    }
    Ok(())
}

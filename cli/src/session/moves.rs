//! Data that lie elsewhere than when their run was begun. The run knows what each case held, so that no other data are taken for them.

use std::{env, path::Path};

use anyhow::{Context, bail};
use rl4seg_core::{
    config::{self, ComponentTable, Override, PATH_KEYS, Plan, RawConfig},
    run_dir::{self, Entry, Event, layout},
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

/// The configuration of the run at `root`, with its data where they lie. What `overrides` say of that begins in the working directory.
pub fn config(root: &Path, overrides: &[Override]) -> anyhow::Result<RawConfig> {
    let here = env::current_dir().context("the working directory cannot be told; go to another")?;
    let given = overrides.iter().map(|given| if is_place(given.key()) { given.within(&here) } else { given.clone() });
    let overrides: Vec<Override> = moved(root)?.into_iter().chain(given).collect();
    Ok(config::read(&root.join(layout::CONFIG), &overrides)?)
}

/// Where the data lie now, where the run did not know that: keys and values.
pub fn new_places(root: &Path, plan: &Plan) -> anyhow::Result<Vec<(String, String)>> {
    let known = places(&config(root, &[])?);
    Ok(places(plan).into_iter().filter(|place| !known.contains(place)).collect())
}

/// Refuses to go on without the data that a run was begun with, and says how to tell where they are. Does nothing where there is no
/// run yet.
pub fn require_data(root: &Path, plan: &Plan) -> anyhow::Result<()> {
    if !root.exists() {
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

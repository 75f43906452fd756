//! What the loaded plugins offer, and the errors when they do not.

use anyhow::{Context, anyhow};
use rl4seg_core::{
    component::{Modality, ValidityMetric},
    config::{ComponentTable, RawConfig},
    near_name::{did_you_mean, nearest},
    plugin::{Catalog, DiscoverOptions, PluginInfo, TRUST_VARIABLE, TrustList},
    run_dir::PluginRecord,
};
use serde::Deserialize;

use crate::{args::GlobalArgs, output::note};

/// Loads the plugins that lie beside the program, in the user's folders and where `--plugin-path`
/// says; each is first tried in a process of its own.
pub fn load(global: &GlobalArgs) -> anyhow::Result<Catalog> {
    let catalog = Catalog::discover(&search(global)?);
    for (path, error) in catalog.refused() {
        note(&format!("note: {} is not loaded: {error}", path.display()));
    }
    Ok(catalog)
}

/// Where plugins are searched.
pub fn search(global: &GlobalArgs) -> anyhow::Result<DiscoverOptions> {
    let program = std::env::current_exe().context("cannot find out where this program lies")?;
    let mut options = DiscoverOptions::standard().probing_with(program);
    options.named.splice(..0, global.plugin_path.iter().cloned());
    if let Some(list) = std::env::var_os(TRUST_VARIABLE).filter(|list| !list.is_empty()) {
        options.trusted =
            Some(TrustList::read(list.as_ref()).with_context(|| format!("the variable {TRUST_VARIABLE}"))?);
    }
    Ok(options)
}

/// Which builds of which plugins a run uses: the program's own, and those that its configuration names.
pub fn records(catalog: &Catalog, config: &RawConfig) -> anyhow::Result<Vec<PluginRecord>> {
    let components: Vec<&str> = [&config.source, &config.target, &config.corrector]
        .into_iter()
        .chain(&config.validity)
        .chain(&config.distortion)
        .map(|table| table.component.as_str())
        .chain(config.network.component.as_deref())
        .collect();
    let is_used = |plugin: &&PluginInfo| {
        let offers = |component: &&str| component.split_once('/').is_some_and(|(name, _)| name == plugin.name);
        let of_modality = plugin.modality.as_ref().is_some_and(|modality| modality.id == config.modality);
        plugin.path.is_none() || of_modality || components.iter().any(offers)
    };
    let record = |plugin: &PluginInfo| {
        let sha256 = plugin.sha256().with_context(|| format!("reading the library of the plugin `{}`", plugin.name))?;
        Ok(PluginRecord { name: plugin.name.clone(), version: plugin.version.clone(), sha256 })
    };
    catalog.plugins().iter().filter(is_used).map(record).collect()
}

/// What a component is called within its plugin.
pub fn name_of(component: &str) -> &str {
    component.split_once('/').map_or(component, |(_, name)| name)
}

/// The modality of this name.
pub fn modality<'a>(catalog: &'a Catalog, id: &str) -> anyhow::Result<&'a Modality> {
    catalog.modality(id).ok_or_else(|| {
        let known: Vec<&str> = modalities(catalog).map(|modality| modality.id.as_str()).collect();
        anyhow!("{}", no_modality(id, &known))
    })
}

/// The modalities that there are plugins for.
pub fn modalities(catalog: &Catalog) -> impl Iterator<Item = &Modality> {
    catalog.plugins().iter().filter_map(|plugin| plugin.modality.as_ref())
}

/// What to do where the program was put in place without its plugins.
pub const NO_MODALITY: &str = "no plugin for a kind of images is loaded. `cargo install` puts the program alone in place: build it with \
     `--features linked-plugins`, keep the libraries of a release beside the program, or add them with \
     `rl4seg plugins install LIBRARY`";

fn no_modality(id: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("the modality `{id}` is not known: {NO_MODALITY}");
    }
    let near = did_you_mean(nearest(id, known.iter().copied()));
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    format!(
        "no plugin offers the modality `{id}` (there is: {}; `rl4seg plugins list` tells more){near}",
        known.join(", ")
    )
}

/// The metrics that the preset of a modality judges with.
pub fn validity_of(catalog: &Catalog, modality: &Modality) -> anyhow::Result<Vec<Box<dyn ValidityMetric>>> {
    #[derive(Deserialize)]
    struct Preset {
        validity: Vec<ComponentTable>,
    }
    let preset: Preset = toml::from_str(&modality.preset)
        .map_err(|error| anyhow!("the preset of the modality `{}` cannot be read: {error}", modality.id))?;
    validity(catalog, &preset.validity)
}

/// The metrics of these tables of a configuration.
pub fn validity(catalog: &Catalog, tables: &[ComponentTable]) -> anyhow::Result<Vec<Box<dyn ValidityMetric>>> {
    tables.iter().map(|table| Ok(catalog.validity_metric(&table.component, &table.settings_json())?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modality_that_is_not_there_is_answered_with_what_is() {
        assert!(no_modality("echo", &[]).contains("plugins install"));
        let typo = no_modality("ehco", &["cardiac-mr", "echo"]);
        assert!(typo.contains("`cardiac-mr`, `echo`") && typo.ends_with("did you mean `echo`?"), "{typo}");
        assert!(!no_modality("ct", &["chest-xray"]).contains("did you mean"));
    }
}

//! What the loaded plugins offer, and the errors when they do not.

use anyhow::{Context, anyhow};
use rl4seg_core::{
    component::{Modality, ValidityMetric},
    config::{ComponentTable, RawConfig},
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

/// The modality of this name.
pub fn modality<'a>(catalog: &'a Catalog, id: &str) -> anyhow::Result<&'a Modality> {
    catalog
        .modality(id)
        .with_context(|| format!("no plugin offers the modality `{id}`; `rl4seg plugins list` shows what is loaded"))
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

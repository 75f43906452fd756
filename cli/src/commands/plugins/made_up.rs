//! What `verify` asks a modality's data sources about where it is given nothing else: images that the modality makes up.

use rl4seg_core::plugin::{Catalog, PluginInfo};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    commands::phantom::{Amount, Domain, Phantom},
    output::Shown,
};

const AMOUNT: Amount = Amount { size: 64, train: 3, validation: 1, test: 1 };

/// Images in a folder that is removed afterwards.
pub struct MadeUp<'a> {
    plugin: &'a PluginInfo,
    phantom: Phantom,
    folder: TempDir,
}

impl<'a> MadeUp<'a> {
    /// Writes the images of the plugin's modality, if it has one that makes up any.
    pub fn of(plugin: &'a PluginInfo, catalog: &Catalog) -> anyhow::Result<Option<Self>> {
        let Some(modality) = plugin.modality.as_ref().filter(|modality| modality.phantom.is_some()) else {
            return Ok(None);
        };
        let phantom = Phantom { domain: Domain::Target, seed: 0, amount: AMOUNT };
        let folder = TempDir::new()?;
        phantom.write(catalog, modality, &folder.path().join("images"), Shown::Nothing)?;
        Ok(Some(Self { plugin, phantom, folder }))
    }

    /// The settings with which a component finds them.
    pub fn settings(&self, component: &str) -> Option<serde_json::Value> {
        let modality = self.plugin.modality.as_ref()?;
        if modality.phantom.as_deref() == Some(component) {
            return serde_json::to_value(self.phantom).ok();
        }
        let reads_folders = modality.folder_sources.iter().any(|source| source == component);
        let root = self.folder.path().join("images");
        reads_folders.then(|| match component.ends_with("/images") {
            true => json!({ "root": root.join("img"), "labels": "../gt" }),
            false => json!({ "root": root }),
        })
    }
}

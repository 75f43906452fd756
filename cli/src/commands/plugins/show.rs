//! What is loaded, and what was refused.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;
use rl4seg_core::plugin::{Catalog, ComponentInfo, DiscoverOptions, PluginInfo};
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    catalog,
    output::{self, table},
    settings::{Setting, settings, settings_text},
};

/// A plugin as users see it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    version: &'a str,
    /// Absent for what is linked into the program.
    path: Option<&'a PathBuf>,
    sha256: Option<String>,
    abi: &'a str,
    sdk: &'a str,
    components: Vec<ShownComponent<'a>>,
    modality: Option<ShownModality<'a>>,
}

#[derive(Debug, Serialize)]
struct ShownComponent<'a> {
    kind: &'static str,
    id: &'a str,
    doc: &'a str,
    /// Absent where its plugin does not tell.
    settings: Option<Vec<Setting>>,
    settings_schema: Option<&'a serde_json::Value>,
}

impl<'a> From<&'a ComponentInfo> for ShownComponent<'a> {
    fn from(component: &'a ComponentInfo) -> Self {
        Self {
            kind: component.kind.name(),
            id: &component.id,
            doc: &component.doc,
            settings: component.settings.as_ref().map(settings),
            settings_schema: component.settings.as_ref(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ShownModality<'a> {
    id: &'a str,
    doc: &'a str,
    labels: String,
    folder_sources: &'a [String],
    phantom: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// All but the hash.
    fn of(plugin: &'a PluginInfo) -> Self {
        let components = plugin.components.iter();
        Self {
            name: &plugin.name,
            version: &plugin.version,
            path: plugin.path.as_ref(),
            sha256: None,
            abi: &plugin.abi,
            sdk: &plugin.sdk,
            components: components.map(ShownComponent::from).collect(),
            modality: plugin.modality.as_ref().map(|modality| ShownModality {
                id: &modality.id,
                doc: &modality.doc,
                labels: modality.labels.to_string(),
                folder_sources: &modality.folder_sources,
                phantom: modality.phantom.as_deref(),
            }),
        }
    }

    fn with_hash(plugin: &'a PluginInfo) -> anyhow::Result<Self> {
        Ok(Self { sha256: plugin.sha256()?, ..Self::of(plugin) })
    }
}

#[derive(Debug, Serialize)]
struct Refused<'a> {
    path: &'a PathBuf,
    reason: String,
}

#[derive(Debug, Serialize)]
struct List<'a> {
    plugins: Vec<Shown<'a>>,
    refused: Vec<Refused<'a>>,
}

pub fn list(catalog: &Catalog, json: bool) -> anyhow::Result<()> {
    let plugins = catalog.plugins().iter();
    let list = List {
        plugins: match json {
            true => plugins.map(Shown::with_hash).collect::<anyhow::Result<_>>()?,
            // The table does not show hashes, which take long.
            false => plugins.map(Shown::of).collect(),
        },
        refused: catalog.refused().iter().map(|(path, error)| Refused { path, reason: error.to_string() }).collect(),
    };
    output::result(json, &list, || list_text(&list))
}

fn list_text(list: &List<'_>) -> String {
    let rows = list.plugins.iter().map(|plugin| {
        vec![
            plugin.name.to_owned(),
            plugin.version.to_owned(),
            plugin.modality.as_ref().map_or("-", |modality| modality.id).to_owned(),
            plugin.components.len().to_string(),
            from(plugin),
        ]
    });
    let mut text = table(&["plugin", "version", "modality", "components", "from"], rows);
    for refused in &list.refused {
        text.push_str(&format!("\nrefused: {}: {}\n", refused.path.display(), refused.reason));
    }
    text
}

fn from(plugin: &Shown<'_>) -> String {
    plugin.path.map_or_else(|| "this program".to_owned(), |path| path.display().to_string())
}

pub fn inspect(wanted: &str, global: &GlobalArgs) -> anyhow::Result<()> {
    with_plugin(wanted, global, |_, plugin| {
        let shown = Shown::with_hash(plugin)?;
        output::result(global.json, &shown, || inspect_text(&shown))
    })
}

/// Finds the plugin of this name, or in the library at this path.
pub fn with_plugin(
    wanted: &str,
    global: &GlobalArgs,
    call: impl FnOnce(&Catalog, &PluginInfo) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = fs::canonicalize(wanted).ok().filter(|path| path.is_file());
    let options = catalog::search(global)?;
    let catalog = Catalog::discover(&path.as_ref().map_or(options.clone(), |path| only(path, options)));
    let is_wanted = |plugin: &&PluginInfo| match &path {
        Some(path) => plugin.path.as_ref() == Some(path),
        None => plugin.name == wanted,
    };
    match catalog.plugins().iter().find(is_wanted) {
        Some(plugin) => call(&catalog, plugin),
        None => bail!("{}", why_not(&catalog, wanted)),
    }
}

/// Searches no other library than this one.
pub fn only(path: &Path, options: DiscoverOptions) -> DiscoverOptions {
    DiscoverOptions { named: vec![path.to_owned()], own: Vec::new(), user: None, ..options }
}

/// Why there is no such plugin.
pub fn why_not(catalog: &Catalog, wanted: &str) -> String {
    let refused = catalog.refused().iter().map(|(path, error)| format!("\n  {}: {error}", path.display()));
    let refused: String = refused.collect();
    if refused.is_empty() {
        format!("no plugin is called `{wanted}`, and there is no such file; `rl4seg plugins list` shows all")
    } else {
        format!("no plugin `{wanted}` could be loaded; refused:{refused}")
    }
}

fn inspect_text(plugin: &Shown<'_>) -> String {
    let mut text = format!(
        "{} {}, from {}\nplugin ABI {}, made with {}\n",
        plugin.name,
        plugin.version,
        from(plugin),
        plugin.abi,
        plugin.sdk
    );
    if let Some(sha256) = &plugin.sha256 {
        text.push_str(&format!("SHA-256 {sha256}\n"));
    }
    if let Some(modality) = &plugin.modality {
        text.push_str(&format!("\nmodality {}: {}\n  labels: {}\n", modality.id, modality.doc, modality.labels));
    }
    let rows = plugin
        .components
        .iter()
        .map(|component| vec![component.id.to_owned(), component.kind.to_owned(), component.doc.to_owned()]);
    text += &format!("\n{}", table(&["component", "kind", "what it does"], rows));
    for component in &plugin.components {
        let (kind, id) = (component.kind, component.id);
        text += &match component.settings.as_deref() {
            None => format!("\nsettings of the {kind} {id}: the plugin does not tell\n"),
            Some([]) => format!("\nsettings of the {kind} {id}: none\n"),
            Some(settings) => format!("\nsettings of the {kind} {id}\n{}", settings_text(settings)),
        };
    }
    text
}

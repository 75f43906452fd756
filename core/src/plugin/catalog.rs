use std::path::PathBuf;

use super::{
    discover::DiscoverOptions,
    error::LoadError,
    foreign,
    load::{LoadedPlugin, sha256},
    shelf::Shelf,
};
use crate::component::{
    ComponentError, ComponentKind, Corrector, DataSource, DifferentiableNetwork, DistortionGenerator, Factory,
    LinkedPlugin, Modality, NetworkArchitecture, Registration, Result, ValidityMetric,
};

/// The plugin name of what comes with `rl4seg`; the ids of its components stand alone.
const CORE: &str = "core";

/// What a plugin tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInfo {
    /// Its name, the first half of its components' ids; `core` for what comes with `rl4seg`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The library it was loaded from; `None` if it is linked into this program.
    pub path: Option<PathBuf>,
    /// The version of the plugin ABI that it speaks, as `1.0`.
    pub abi: String,
    /// What it was made with, as `rl4seg-sdk 0.1.0`.
    pub sdk: String,
    /// Its components, by kind and id.
    pub components: Vec<ComponentInfo>,
    /// The kind of image it is for.
    pub modality: Option<Modality>,
}

impl PluginInfo {
    /// The SHA-256 of the library, in hexadecimal digits; `None` if it is linked into this program. The file is read for it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sha256(&self) -> std::io::Result<Option<String>> {
        self.path.as_deref().map(sha256).transpose()
    }
}

/// What a component tells about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentInfo {
    /// What it is.
    pub kind: ComponentKind,
    /// Its id in a configuration: `plugin/component`, or the component alone if it comes with `rl4seg`.
    pub id: String,
    /// One sentence.
    pub doc: String,
    /// What may stand in its configuration, a JSON Schema (2020-12) of an object; `None` where its plugin does not tell.
    pub settings: Option<serde_json::Value>,
}

impl ComponentInfo {
    /// The order in which components are told: by kind, then by id.
    pub(super) fn in_order(&self, other: &Self) -> std::cmp::Ordering {
        (self.kind, &self.id).cmp(&(other.kind, &other.id))
    }
}

/// Every component that this program can make.
pub struct Catalog {
    plugins: Vec<PluginInfo>,
    refused: Vec<(PathBuf, LoadError)>,
    data_sources: Shelf<dyn DataSource>,
    validity_metrics: Shelf<dyn ValidityMetric>,
    distortion_generators: Shelf<dyn DistortionGenerator>,
    correctors: Shelf<dyn Corrector>,
    network_architectures: Shelf<dyn NetworkArchitecture>,
    differentiable_networks: Shelf<dyn DifferentiableNetwork>,
}

impl Catalog {
    /// What is linked into this program: the components of `core` and of the plugin crates that the
    /// program names with `use the_plugin as _;`. Looks at no file.
    #[must_use]
    pub fn builtin_only() -> Self {
        let mut catalog = Self {
            plugins: Vec::new(),
            refused: Vec::new(),
            data_sources: Shelf::new(ComponentKind::DataSource),
            validity_metrics: Shelf::new(ComponentKind::ValidityMetric),
            distortion_generators: Shelf::new(ComponentKind::DistortionGenerator),
            correctors: Shelf::new(ComponentKind::Corrector),
            network_architectures: Shelf::new(ComponentKind::NetworkArchitecture),
            differentiable_networks: Shelf::new(ComponentKind::DifferentiableNetwork),
        };
        catalog.plugins.push(linked(
            CORE,
            env!("CARGO_PKG_VERSION"),
            concat!("rl4seg-core ", env!("CARGO_PKG_VERSION")),
        ));
        // The linker decides the order of registrations; the catalog is to be the same in any.
        let mut plugins: Vec<_> = inventory::iter::<LinkedPlugin>.into_iter().collect();
        plugins.sort_by_key(|plugin| plugin.name);
        catalog.plugins.extend(plugins.iter().map(|plugin| linked(plugin.name, plugin.version, plugin.sdk)));
        let mut registrations: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
        registrations.sort_by_key(|registration| (registration.plugin, registration.id));
        for registration in registrations {
            catalog.link(registration);
        }
        for plugin in &mut catalog.plugins {
            plugin.components.sort_by(ComponentInfo::in_order);
        }
        catalog
    }

    /// What is linked, and every plugin on the search path that can be loaded. A file that cannot is
    /// in [`Catalog::refused`] and hides no other.
    #[must_use]
    pub fn discover(options: &DiscoverOptions) -> Self {
        let mut catalog = Self::builtin_only();
        let is_linked = |plugin: &str| catalog.plugins.iter().any(|known| known.name == plugin);
        let found = options.search(&is_linked);
        catalog.refused = found.refused;
        for plugin in found.plugins {
            let path = plugin.info.path.clone().unwrap_or_default();
            if let Err(error) = catalog.add(plugin) {
                catalog.refused.push((path, error));
            }
        }
        catalog
    }

    /// All plugins, what comes with `rl4seg` first.
    #[must_use]
    pub fn plugins(&self) -> &[PluginInfo] {
        &self.plugins
    }

    /// The files that were found but are no plugins that could be loaded, and why.
    #[must_use]
    pub fn refused(&self) -> &[(PathBuf, LoadError)] {
        &self.refused
    }

    /// Makes a data source from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such data source, or it refuses its configuration.
    pub fn data_source(&self, id: &str, config: &str) -> Result<Box<dyn DataSource>> {
        self.made(id, self.data_sources.make(id, config), || self.data_sources.missing(id))
    }

    /// Makes a validity metric from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such validity metric, or it refuses its configuration.
    pub fn validity_metric(&self, id: &str, config: &str) -> Result<Box<dyn ValidityMetric>> {
        self.made(id, self.validity_metrics.make(id, config), || self.validity_metrics.missing(id))
    }

    /// Makes a distortion generator from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such distortion generator, or it refuses its configuration.
    pub fn distortion_generator(&self, id: &str, config: &str) -> Result<Box<dyn DistortionGenerator>> {
        self.made(id, self.distortion_generators.make(id, config), || self.distortion_generators.missing(id))
    }

    /// Makes a corrector from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such corrector, or it refuses its configuration.
    pub fn corrector(&self, id: &str, config: &str) -> Result<Box<dyn Corrector>> {
        self.made(id, self.correctors.make(id, config), || self.correctors.missing(id))
    }

    /// Makes a network architecture from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such architecture, or it refuses its configuration.
    pub fn network_architecture(&self, id: &str, config: &str) -> Result<Box<dyn NetworkArchitecture>> {
        self.made(id, self.network_architectures.make(id, config), || self.network_architectures.missing(id))
    }

    /// Makes a differentiable network from its configuration, a JSON object.
    ///
    /// # Errors
    /// If there is no such network, or it refuses its configuration.
    pub fn differentiable_network(&self, id: &str, config: &str) -> Result<Box<dyn DifferentiableNetwork>> {
        self.made(id, self.differentiable_networks.make(id, config), || self.differentiable_networks.missing(id))
    }

    /// The modality of this name, if a plugin offers it.
    #[must_use]
    pub fn modality(&self, id: &str) -> Option<&Modality> {
        self.plugins.iter().filter_map(|plugin| plugin.modality.as_ref()).find(|modality| modality.id == id)
    }

    /// Explains a missing component by its other kinds and by the files that were refused.
    fn made<T: ?Sized>(
        &self,
        id: &str,
        made: Option<Result<Box<T>>>,
        missing: impl Fn() -> ComponentError,
    ) -> Result<Box<T>> {
        made.unwrap_or_else(|| {
            let mut error = missing();
            let others = self.plugins.iter().flat_map(|plugin| &plugin.components).filter(|other| other.id == id);
            let mut hints: Vec<String> = others.map(|other| format!("`{id}` is a {}", other.kind.name())).collect();
            hints.extend(self.refused.iter().map(|(path, why)| format!("{} was refused: {why}", path.display())));
            if !hints.is_empty() {
                error =
                    ComponentError::from_chain(error.kind(), error.chain().map(str::to_owned).chain(hints).collect());
            }
            Err(error)
        })
    }

    /// Takes in a plugin whose names are free.
    fn add(&mut self, plugin: LoadedPlugin) -> std::result::Result<(), LoadError> {
        let LoadedPlugin { info, origins } = plugin;
        if let Some(known) = self.plugins.iter().find(|known| known.name == info.name) {
            return Err(LoadError::taken(format!("the plugin `{}`", info.name), known.path.as_ref()));
        }
        if let Some(modality) = &info.modality {
            let offers = |known: &&PluginInfo| known.modality.as_ref().is_some_and(|known| known.id == modality.id);
            if let Some(known) = self.plugins.iter().find(offers) {
                return Err(LoadError::taken(format!("the modality `{}`", modality.id), known.path.as_ref()));
            }
        }
        for origin in origins {
            let id = origin.id.clone();
            match origin.kind {
                ComponentKind::DataSource => {
                    self.data_sources.put(id, Box::new(move |config| foreign::data_source(&origin, config)));
                }
                ComponentKind::ValidityMetric => {
                    self.validity_metrics.put(id, Box::new(move |config| foreign::validity_metric(&origin, config)));
                }
                ComponentKind::DistortionGenerator => {
                    let make = move |config: &str| foreign::distortion_generator(&origin, config);
                    self.distortion_generators.put(id, Box::new(make));
                }
                ComponentKind::Corrector => {
                    self.correctors.put(id, Box::new(move |config| foreign::corrector(&origin, config)));
                }
                ComponentKind::NetworkArchitecture => {
                    let make = move |config: &str| foreign::network_architecture(&origin, config);
                    self.network_architectures.put(id, Box::new(make));
                }
                ComponentKind::DifferentiableNetwork => {
                    let make = move |config: &str| foreign::differentiable_network(&origin, config);
                    self.differentiable_networks.put(id, Box::new(make));
                }
            }
        }
        self.plugins.push(info);
        Ok(())
    }

    fn link(&mut self, registration: &'static Registration) {
        let id = full_id(registration.plugin, registration.id);
        let kind = match registration.factory {
            Factory::DataSource(make) => {
                self.data_sources.put(id.clone(), Box::new(make));
                Some(ComponentKind::DataSource)
            }
            Factory::ValidityMetric(make) => {
                self.validity_metrics.put(id.clone(), Box::new(make));
                Some(ComponentKind::ValidityMetric)
            }
            Factory::DistortionGenerator(make) => {
                self.distortion_generators.put(id.clone(), Box::new(make));
                Some(ComponentKind::DistortionGenerator)
            }
            Factory::Corrector(make) => {
                self.correctors.put(id.clone(), Box::new(make));
                Some(ComponentKind::Corrector)
            }
            Factory::NetworkArchitecture(make) => {
                self.network_architectures.put(id.clone(), Box::new(make));
                Some(ComponentKind::NetworkArchitecture)
            }
            Factory::DifferentiableNetwork(make) => {
                self.differentiable_networks.put(id.clone(), Box::new(make));
                Some(ComponentKind::DifferentiableNetwork)
            }
            Factory::Modality(_) => None,
        };
        let Some(plugin) = self.plugins.iter_mut().find(|plugin| plugin.name == registration.plugin) else { return };
        match (kind, registration.factory) {
            (Some(kind), _) => {
                let settings = registration.settings.map(|settings| settings());
                plugin.components.push(ComponentInfo { kind, id, doc: registration.doc.to_owned(), settings });
            }
            (None, Factory::Modality(tell)) => match tell() {
                Ok(modality) => plugin.modality = Some(modality),
                Err(error) => self.refused.push((PathBuf::from(registration.plugin), LoadError::Modality(error))),
            },
            (None, _) => {}
        }
    }
}

fn linked(name: &str, version: &str, sdk: &str) -> PluginInfo {
    PluginInfo {
        name: name.to_owned(),
        version: version.to_owned(),
        path: None,
        abi: format!("{}.{}", rl4seg_abi::ABI_MAJOR, rl4seg_abi::ABI_MINOR),
        sdk: sdk.to_owned(),
        components: Vec::new(),
        modality: None,
    }
}

fn full_id(plugin: &str, component: &str) -> String {
    if plugin == CORE { component.to_owned() } else { format!("{plugin}/{component}") }
}

use super::{
    Corrector, DataSource, DifferentiableNetwork, DistortionGenerator, Modality, NetworkArchitecture, Result,
    ValidityMetric,
};

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentKind {
    /// A [`DataSource`].
    DataSource,
    /// A [`ValidityMetric`].
    ValidityMetric,
    /// A [`DistortionGenerator`].
    DistortionGenerator,
    /// A [`Corrector`].
    Corrector,
    /// A [`NetworkArchitecture`].
    NetworkArchitecture,
    /// A [`DifferentiableNetwork`].
    DifferentiableNetwork,
}

impl ComponentKind {
    /// Its name for people and in machine-readable output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DataSource => "data source",
            Self::ValidityMetric => "validity metric",
            Self::DistortionGenerator => "distortion generator",
            Self::Corrector => "corrector",
            Self::NetworkArchitecture => "network architecture",
            Self::DifferentiableNetwork => "differentiable network",
        }
    }
}

/// Makes a component from its configuration, a JSON object. Unknown keys are refused.
#[derive(Clone, Copy)]
pub enum Factory {
    /// Makes a data source.
    DataSource(fn(&str) -> Result<Box<dyn DataSource>>),
    /// Makes a validity metric.
    ValidityMetric(fn(&str) -> Result<Box<dyn ValidityMetric>>),
    /// Makes a distortion generator.
    DistortionGenerator(fn(&str) -> Result<Box<dyn DistortionGenerator>>),
    /// Makes a corrector.
    Corrector(fn(&str) -> Result<Box<dyn Corrector>>),
    /// Makes a network architecture.
    NetworkArchitecture(fn(&str) -> Result<Box<dyn NetworkArchitecture>>),
    /// Makes a differentiable network.
    DifferentiableNetwork(fn(&str) -> Result<Box<dyn DifferentiableNetwork>>),
    /// Tells of a modality.
    Modality(fn() -> Result<Modality>),
}

/// A component that is linked into this program: a built-in one, or that of a plugin crate which
/// the program names with `use the_plugin as _;`.
pub struct Registration {
    /// The plugin's name; `core` for what comes with `rl4seg`.
    pub plugin: &'static str,
    /// The component's name within its plugin.
    pub id: &'static str,
    /// One sentence for `rl4seg plugins inspect`.
    pub doc: &'static str,
    /// What may stand in its configuration, as [`settings_schema`](super::settings_schema) gives it; a modality has none.
    pub settings: Option<fn() -> serde_json::Value>,
    /// Makes it.
    pub factory: Factory,
}

inventory::collect!(Registration);

/// A plugin that is linked into this program.
pub struct LinkedPlugin {
    /// Its name, as in [`Registration::plugin`].
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it was made with, as `rl4seg-sdk 0.1.0`.
    pub sdk: &'static str,
}

inventory::collect!(LinkedPlugin);

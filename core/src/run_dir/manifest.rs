use serde::{Deserialize, Serialize};

/// The version of the run directory's form. Raised when a reader of the old form would go wrong.
pub const SCHEMA: u32 = 1;

/// What made a run. Written once, when the run is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the directory.
    pub schema: u32,
    /// The version of `rl4seg`.
    pub version: String,
    /// The device it was started on.
    pub device: String,
    /// The run's seed.
    pub seed: u64,
    /// SHA-256 of `config.toml`.
    pub config_sha256: String,
    /// Every plugin that was loaded.
    pub plugins: Vec<PluginRecord>,
}

/// Which build of a plugin took part in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the library; absent for one that is linked into the program.
    pub sha256: Option<String>,
}

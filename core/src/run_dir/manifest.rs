use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the run directory's form. Raised when a reader of the old form would go wrong.
///
/// 1: no `SHA256SUMS`. 2: one in each step.
pub const SCHEMA: u32 = 2;

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

impl Manifest {
    /// The manifest of a run that this program begins with `config_toml`.
    #[must_use]
    pub fn new(device: &str, seed: u64, config_toml: &str, plugins: Vec<PluginRecord>) -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: device.to_owned(),
            seed,
            config_sha256: sha256(config_toml.as_bytes()),
            plugins,
        }
    }
}

/// The SHA-256 of bytes (FIPS 180-4), in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as two digits each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

//! What the author of an `rl4seg` plugin imports.
//!
//! A plugin is a crate with `crate-type = ["cdylib", "rlib"]` that implements component traits and
//! names its components in [`export_plugin!`]. Built, it is a library that `rl4seg` loads at run
//! time; linked into a program, it registers itself. The author writes neither C nor `unsafe`.
//!
//! ```
//! use rl4seg_sdk::prelude::*;
//!
//! /// Accepts label maps whose structures cover a share of the image.
//! struct Coverage {
//!     least: f64,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "rl4seg_sdk::serde", deny_unknown_fields)]
//! #[schemars(crate = "rl4seg_sdk::schemars")]
//! struct CoverageConfig {
//!     /// Smallest accepted share.
//!     least: f64,
//! }
//!
//! impl Component for Coverage {
//!     const ID: &'static str = "coverage";
//!     const DOC: &'static str = "Share of voxels that are not background";
//!     type Config = CoverageConfig;
//!
//!     fn new(config: CoverageConfig) -> Result<Self> {
//!         Ok(Self { least: config.least })
//!     }
//! }
//!
//! impl ValidityMetric for Coverage {
//!     fn assess(&self, labels: &LabelMap) -> Result<Vec<Finding>> {
//!         let covered = labels.labels().iter().filter(|&&label| label != 0).count();
//!         Ok(vec![Finding {
//!             metric: "coverage".to_owned(),
//!             value: Some(covered as f64 / labels.grid().len() as f64),
//!             unit: "1".to_owned(),
//!             accepted: AcceptedRange { min: Some(self.least), max: None },
//!             plane: None,
//!             note: None,
//!         }])
//!     }
//! }
//!
//! export_plugin! {
//!     validity_metrics: [Coverage];
//! }
//! ```

pub use rl4seg_core::{component, domain, io, measure, preprocess, random};
pub use schemars;
pub use serde;

pub mod conformance;
mod definition;
pub mod export;
mod findings;
pub mod fixtures;
pub mod phantom;
pub mod sources;

pub use definition::Component;
pub use export::plugin_name;

/// Everything that a plugin's source needs.
pub mod prelude {
    pub use crate::{
        Component,
        component::{
            Architecture, Channels, ComponentError, Corrector, DataSource, DifferentiableNetwork, DistortionGenerator,
            DistortionRequest, ErrorKind, Layer, Modality, NetworkArchitecture, NetworkDescription, NetworkInput,
            NetworkOutput, Operation, ParameterInfo, ParameterRole, Result, Statistics, ValidityMetric, WrongMap,
        },
        domain::{
            AcceptedRange, CaseEntry, CaseId, Finding, Grid, Image, Label, LabelMap, LabelSet, Seed, SlowAxis, Split,
            Verdict,
        },
        export_plugin,
        schemars::JsonSchema,
        serde::Deserialize,
    };
}

/// The second half of a modality's preset, the same for all: the steps of the loop, the distortions and the corrector.
/// What the modality knows goes before it: `seed`, `iterations`, `[preprocess]`, `[network]`, `[pretrain.augment]`,
/// `[[validity]]`, distortions of its own.
pub const METHOD_PRESET: &str = include_str!("../method.toml");

/// [`METHOD_PRESET`] with another value, written as in TOML, for a key of it; `why` stands in front as a comment.
///
/// # Errors
/// If the key does not stand there once.
pub fn method_preset_with(key: &str, value: &str, why: &str) -> component::Result<String> {
    let is_key = |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let found = METHOD_PRESET.lines().filter(is_key).count();
    if found != 1 {
        let message = format!("`{key}` stands {found} times in the method's preset; expected once");
        return Err(component::ComponentError::new(component::ErrorKind::Configuration, message));
    }
    let changed = |line: &str| if is_key(&line) { format!("# {why}\n{key} = {value}\n") } else { format!("{line}\n") };
    Ok(METHOD_PRESET.lines().map(changed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modality_changes_one_value_of_the_method() {
        let changed = method_preset_with("last_iteration_trusts", "\"accepted\"", "A reason.").unwrap();
        let was = "last_iteration_trusts = \"corrected\"\n";
        assert!(METHOD_PRESET.contains(was));
        let expected = METHOD_PRESET.replace(was, "# A reason.\nlast_iteration_trusts = \"accepted\"\n");
        assert_eq!(changed, expected);
        for key in ["no_such_key", "component", "last_iteration"] {
            assert!(method_preset_with(key, "1", "").unwrap_err().to_string().contains(key), "{key}");
        }
    }
}

#[cfg(panic = "abort")]
compile_error!("build plugins with panic = \"unwind\": a plugin's panic becomes an error because the SDK catches it");

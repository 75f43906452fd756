//! The correctors, distortions and validity metrics that come with `rl4seg`, registered as plugin `core`.
//!
//! | id | what it is |
//! |---|---|
//! | `weight-noise`, `contrast`, `intensity-noise`, `swap` | [`distortions`]: wrong label maps from right ones |
//! | `morphology`, `shape-prior` | [`correctors`]: right label maps from wrong ones |
//! | `topology` | [`validity`]: rules for any label set |
//!
//! A missing key of their configuration has the value that the method was published with (Judge et
//! al. 2024); an unknown key is refused.

pub mod correctors;
pub mod distortions;
pub mod validity;

use serde::de::DeserializeOwned;

use crate::component::{ComponentError, ErrorKind, Result};
use crate::near_name;

/// The name under which the built-in components are registered.
pub const PLUGIN: &str = "core";

/// Reads the configuration of component `id`.
fn configuration<T: DeserializeOwned>(id: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let message = format!("its settings: {}", near_name::settings_fault(&error));
        ComponentError::new(ErrorKind::Configuration, message).context(format!("the built-in component `{id}`"))
    })
}

/// The error for a configuration value that cannot be.
fn setting_error(id: &str, key: &str, found: impl std::fmt::Display, expected: &str) -> ComponentError {
    ComponentError::new(ErrorKind::Configuration, format!("`{PLUGIN}/{id}`: {key} is {found}; expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{Factory, Registration};

    #[test]
    fn every_component_is_registered_and_needs_no_configuration() {
        let find = |id| {
            let mut found = inventory::iter::<Registration>().filter(|entry| (entry.plugin, entry.id) == (PLUGIN, id));
            let entry = found.next().unwrap();
            assert!(found.next().is_none(), "{id} is registered twice");
            entry.factory
        };
        for id in ["weight-noise", "contrast", "intensity-noise", "swap"] {
            let Factory::DistortionGenerator(make) = find(id) else { panic!("{id} is no distortion generator") };
            assert!(make("{}").is_ok() && make(r#"{"unknown": 1}"#).is_err(), "{id}");
        }
        for id in ["morphology", "shape-prior"] {
            let Factory::Corrector(make) = find(id) else { panic!("{id} is no corrector") };
            assert!(make("{}").is_ok() && make(r#"{"unknown": 1}"#).is_err(), "{id}");
        }
    }
}

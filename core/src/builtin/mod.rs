//! The correctors and distortions that come with `rl4seg`, registered as plugin `core`.
//!
//! | id | what it is |
//! |---|---|
//! | `weight-noise`, `contrast`, `intensity-noise`, `swap` | [`distortions`]: wrong label maps from right ones |
//! | `morphology`, `shape-prior` | [`correctors`]: right label maps from wrong ones |
//!
//! A missing key of their configuration has the value that the method was published with (Judge et
//! al. 2024); an unknown key is refused.

pub mod correctors;
pub mod distortions;

use serde::de::DeserializeOwned;

use crate::component::{ComponentError, ErrorKind, Result};

/// The name under which the built-in components are registered.
pub const PLUGIN: &str = "core";

/// Reads the configuration of component `id`.
fn configuration<T: DeserializeOwned>(id: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        ComponentError::new(ErrorKind::Configuration, format!("configuration of `{PLUGIN}/{id}`: {error}"))
    })
}

/// The error for a configuration value that cannot be.
fn setting_error(id: &str, key: &str, found: impl std::fmt::Display, expected: &str) -> ComponentError {
    ComponentError::new(ErrorKind::Configuration, format!("`{PLUGIN}/{id}`: {key} is {found}; expected {expected}"))
}

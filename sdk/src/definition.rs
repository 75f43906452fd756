use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use rl4seg_core::near_name::settings_fault;

use crate::component::{ComponentError, ErrorKind, Result};

/// What every component of a plugin tells about itself, beside the trait of its kind.
pub trait Component: Sized + Send + Sync + 'static {
    /// Its name within the plugin: letters, digits, `-` and `_`. In a configuration it is
    /// `plugin/ID`.
    const ID: &'static str;
    /// One sentence for `rl4seg plugins inspect`.
    const DOC: &'static str;
    /// Its keys in the run's configuration. Derive `Deserialize` with `deny_unknown_fields`, so that
    /// a slip of the pen is refused, and `JsonSchema`, from which `rl4seg plugins inspect` shows each key with its type,
    /// its default and its comment.
    type Config: DeserializeOwned + JsonSchema;

    /// Makes one.
    ///
    /// # Errors
    /// If a value is out of range, or what it names is not there.
    fn new(config: Self::Config) -> Result<Self>;
}

/// Makes a component from its configuration, a JSON object.
///
/// # Errors
/// If the configuration is not of [`Component::Config`]'s form, or as [`Component::new`].
pub(crate) fn make<T: Component>(config: &str) -> Result<T> {
    let config = serde_json::from_str(config).map_err(|error| {
        ComponentError::new(ErrorKind::Configuration, format!("its settings: {}", settings_fault(&error)))
    })?;
    T::new(config)
}

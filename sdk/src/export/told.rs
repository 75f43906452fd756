use rl4seg_core::{
    component::settings_schema,
    plugin::wire::{put, to_json},
};
use serde_json::Value;

use super::{
    abi::{ErrorSink, ItemSink, Status},
    guard,
};
use crate::{
    Component,
    component::{ComponentError, ErrorKind, Modality, Result},
};

/// Puts the modality as JSON.
///
/// # Safety
/// Called as the ABI says.
pub unsafe fn tell_modality(
    modality: fn() -> Result<Modality>,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    // SAFETY: called as the ABI says.
    unsafe { guard(errors, || put(items, &to_json(&modality()?)?, std::ptr::null())) }
}

/// Gives the JSON Schema of a component's configuration.
pub type Settings = fn() -> Value;

/// The JSON Schema of a component's configuration.
#[must_use]
pub fn settings<T: Component>() -> Value {
    settings_schema::<T::Config>()
}

/// Puts the JSON Schema of the configuration of the component at `index`.
///
/// # Safety
/// Called as the ABI says.
pub unsafe fn tell_settings(
    all: &[Settings],
    index: usize,
    items: *const ItemSink,
    errors: *const ErrorSink,
) -> Status {
    let told = || {
        let count = all.len();
        let message = || format!("there is no component {index}; expected 0 to {}", count.saturating_sub(1));
        let settings = all.get(index).ok_or_else(|| ComponentError::new(ErrorKind::NotFound, message()))?;
        // SAFETY: called as the ABI says.
        unsafe { put(items, &to_json(&settings())?, std::ptr::null()) }
    };
    // SAFETY: called as the ABI says.
    unsafe { guard(errors, told) }
}

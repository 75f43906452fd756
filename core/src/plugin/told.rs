//! What the functions of a descriptor tell.
#![allow(unsafe_code, reason = "calls the functions of a plugin")]

use rl4seg_abi as abi;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{collect_items, from_json};
use crate::component::{ComponentError, ErrorKind, Modality, Result};

/// The modality that a plugin tells of.
pub(super) fn modality(descriptor: &abi::Descriptor) -> Result<Option<Modality>> {
    let Some(tell) = descriptor.modality else { return Ok(None) };
    // SAFETY: called as the ABI says, with sinks that outlive the call.
    told("the modality", |items, errors| unsafe { tell(items, errors) })
}

/// The JSON Schema of the configuration of the component at `index`.
pub(super) fn settings(descriptor: &abi::Descriptor, index: usize) -> Result<Option<Value>> {
    let Some(tell) = descriptor.settings else { return Ok(None) };
    // SAFETY: called as the ABI says, with sinks that outlive the call and the index of a component.
    let schema: Option<Value> = told("the settings", |items, errors| unsafe { tell(index, items, errors) })?;
    if schema.as_ref().is_some_and(|schema| !schema.is_object()) {
        return Err(ComponentError::new(ErrorKind::BrokenPromise, "it gave no JSON object; expected a JSON Schema"));
    }
    Ok(schema)
}

/// The one item that `tell` puts, if it puts any.
fn told<T: DeserializeOwned>(
    what: &str,
    tell: impl FnOnce(*const abi::ItemSink, *const abi::ErrorSink) -> abi::Status,
) -> Result<Option<T>> {
    let mut item = None;
    collect_items(tell, |json, _| {
        item = Some(from_json(what, json)?);
        Ok(())
    })?;
    Ok(item)
}

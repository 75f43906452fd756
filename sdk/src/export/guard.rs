use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rl4seg_core::plugin::wire::push_error;

use super::abi;
use crate::component::{ComponentError, ErrorKind, Result};

/// Runs what a function of the boundary does. An error, or a panic, becomes a status and its
/// messages: neither may leave an `extern "C"` function.
///
/// # Safety
/// `errors` is null or points at a sink that may be called.
pub unsafe fn guard(errors: *const abi::ErrorSink, call: impl FnOnce() -> Result<()>) -> abi::Status {
    let error = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return abi::STATUS_OK,
        Ok(Err(error)) => error,
        Err(payload) => ComponentError::new(ErrorKind::Panicked, message(payload)),
    };
    // SAFETY: the caller's word.
    unsafe { push_error(errors, &error) }
}

fn message(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no message".to_owned());
    // Dropping the payload may panic again; that one is forgotten.
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(again);
    }
    text
}

/// Writes the plugin's descriptor to where the host wants it.
///
/// # Safety
/// `out` may be written to; `errors` as in [`guard`].
pub unsafe fn hand_over(
    descriptor: &'static abi::Descriptor,
    out: *mut *const abi::Descriptor,
    errors: *const abi::ErrorSink,
) -> abi::Status {
    let call = || {
        if out.is_null() {
            return Err(ComponentError::new(ErrorKind::Inconsistent, "the host gave no place for the descriptor"));
        }
        // SAFETY: not null, and the caller's word.
        unsafe { out.write(descriptor) };
        Ok(())
    };
    // SAFETY: the caller's word.
    unsafe { guard(errors, call) }
}

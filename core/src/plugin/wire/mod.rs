//! How values look on the boundary. Both sides use it: the host, and the SDK inside a plugin.
#![allow(unsafe_code, reason = "reads and lends memory across the C boundary")]

mod network;
mod request;
mod voxels;

use std::{borrow::Cow, ffi::c_void, fmt::Display};

use rl4seg_abi as abi;
use serde::{Serialize, de::DeserializeOwned};

pub use network::{put_numbers, read_network_call, read_numbers, read_put_numbers, with_network_call, with_numbers};
pub use request::{read_request, with_request};
pub use voxels::{read_image, read_label_map, view_label_map, with_image, with_label_map, with_label_maps};

use crate::component::{ComponentError, ErrorKind, Result};

/// The text behind `text`; bytes that are not UTF-8 are replaced.
///
/// # Safety
/// `text` is null or points at `len` bytes that live for `'a`.
#[must_use]
pub unsafe fn text<'a>(text: abi::Str) -> Cow<'a, str> {
    if text.ptr.is_null() || text.len == 0 || isize::try_from(text.len).is_err() {
        return Cow::Borrowed("");
    }
    // SAFETY: not null and of a possible length; the rest is the caller's word.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text.ptr, text.len) })
}

/// `value` as JSON.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| ComponentError::new(ErrorKind::Other, error.to_string()))
}

/// A value from the JSON that the other side gave; `what` names it in the error.
///
/// # Errors
/// If it is not JSON, or not of this form.
pub fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| inconsistent(format!("{what} is not as agreed: {error}")))
}

fn inconsistent(message: impl Display) -> ComponentError {
    ComponentError::new(ErrorKind::Inconsistent, message.to_string())
}

/// The status that carries `kind`.
#[must_use]
pub fn status_of(kind: ErrorKind) -> abi::Status {
    match kind {
        ErrorKind::NotFound => abi::STATUS_NOT_FOUND,
        ErrorKind::Unreadable => abi::STATUS_UNREADABLE,
        // A plugin does not say this of itself: the host finds it out.
        ErrorKind::Inconsistent | ErrorKind::BrokenPromise => abi::STATUS_INCONSISTENT,
        ErrorKind::Configuration => abi::STATUS_CONFIGURATION,
        ErrorKind::Unsupported => abi::STATUS_UNSUPPORTED,
        ErrorKind::Panicked => abi::STATUS_PANICKED,
        ErrorKind::NotFinite => abi::STATUS_NOT_FINITE,
        ErrorKind::Other => abi::STATUS_OTHER,
    }
}

/// The kind that `status`, which is not [`abi::STATUS_OK`], carries.
#[must_use]
pub fn kind_of(status: abi::Status) -> ErrorKind {
    match status {
        abi::STATUS_NOT_FOUND => ErrorKind::NotFound,
        abi::STATUS_UNREADABLE => ErrorKind::Unreadable,
        abi::STATUS_INCONSISTENT => ErrorKind::Inconsistent,
        abi::STATUS_CONFIGURATION => ErrorKind::Configuration,
        abi::STATUS_UNSUPPORTED => ErrorKind::Unsupported,
        abi::STATUS_PANICKED => ErrorKind::Panicked,
        abi::STATUS_NOT_FINITE => ErrorKind::NotFinite,
        _ => ErrorKind::Other,
    }
}

/// Hands `error` over, one text for each level, and returns its status.
///
/// # Safety
/// `sink` is null or points at a sink that may be called.
pub unsafe fn push_error(sink: *const abi::ErrorSink, error: &ComponentError) -> abi::Status {
    // SAFETY: null or valid, by the caller's word.
    if let Some(sink) = unsafe { sink.as_ref() } {
        for message in error.chain() {
            // SAFETY: the sink may be called, and the text outlives the call.
            unsafe { (sink.push)(sink.context, abi::Str::new(message)) };
        }
    }
    status_of(error.kind())
}

/// Runs `call` with a sink for its errors, and makes its status and what it pushed a `Result`.
///
/// # Errors
/// Whatever `call` reports.
pub fn collect_error(call: impl FnOnce(*const abi::ErrorSink) -> abi::Status) -> Result<()> {
    unsafe extern "C" fn push(context: *mut c_void, message: abi::Str) {
        // A component that repeats itself for ever must not take all memory.
        const MOST_LEVELS: usize = 64;
        // SAFETY: `context` is the vector below, which outlives the call; the text lives for the call.
        let (messages, message) = unsafe { (&mut *context.cast::<Vec<String>>(), text(message)) };
        if messages.len() < MOST_LEVELS {
            messages.push(message.into_owned());
        }
    }
    let mut messages = Vec::<String>::new();
    let sink = abi::ErrorSink { context: (&raw mut messages).cast(), push };
    match call(&raw const sink) {
        abi::STATUS_OK => Ok(()),
        status => Err(ComponentError::from_chain(kind_of(status), messages)),
    }
}

/// Runs `call` with a sink; `take` sees each item that it puts: its JSON, and its voxels or null.
///
/// # Errors
/// Whatever `call` reports, or else the first error of `take`.
pub fn collect_items<F>(
    call: impl FnOnce(*const abi::ItemSink, *const abi::ErrorSink) -> abi::Status,
    take: F,
) -> Result<()>
where
    F: FnMut(&str, *const abi::Voxels) -> Result<()>,
{
    struct Receiver<F> {
        take: F,
        outcome: Result<()>,
    }
    unsafe extern "C" fn put<F>(context: *mut c_void, json: abi::Str, voxels: *const abi::Voxels)
    where
        F: FnMut(&str, *const abi::Voxels) -> Result<()>,
    {
        // SAFETY: `context` is the receiver below, which outlives the call; the text lives for the call.
        let (receiver, json) = unsafe { (&mut *context.cast::<Receiver<F>>(), text(json)) };
        if receiver.outcome.is_ok() {
            receiver.outcome = (receiver.take)(&json, voxels);
        }
    }
    let mut receiver = Receiver { take, outcome: Ok(()) };
    let sink = abi::ItemSink { context: (&raw mut receiver).cast(), put: put::<F> };
    collect_error(|errors| call(&raw const sink, errors))?;
    receiver.outcome
}

/// Puts one item into `sink`.
///
/// # Errors
/// If there is no sink.
///
/// # Safety
/// `sink` is null or may be called; `voxels` is null or may be read.
pub unsafe fn put(sink: *const abi::ItemSink, json: &str, voxels: *const abi::Voxels) -> Result<()> {
    // SAFETY: null or valid, by the caller's word.
    let sink = unsafe { sink.as_ref() }.ok_or_else(|| inconsistent("the caller gave no sink for the result"))?;
    // SAFETY: the sink may be called; text and voxels outlive the call.
    unsafe { (sink.put)(sink.context, abi::Str::new(json), voxels) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_arrives_as_itself() {
        for kind in [
            ErrorKind::NotFound,
            ErrorKind::Unreadable,
            ErrorKind::Inconsistent,
            ErrorKind::Configuration,
            ErrorKind::Unsupported,
            ErrorKind::Panicked,
            ErrorKind::NotFinite,
            ErrorKind::Other,
        ] {
            let sent = ComponentError::new(kind, "cause").context("attempt");
            // SAFETY: the sink is that of `collect_error`.
            let got = collect_error(|sink| unsafe { push_error(sink, &sent) }).unwrap_err();
            assert_eq!(got.kind(), kind);
            assert_eq!(got.chain().collect::<Vec<_>>(), ["attempt", "cause"]);
        }
    }

    #[test]
    fn an_error_without_a_text_is_still_an_error() {
        let error = collect_error(|_| -7).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, "no message was given"));
    }

    #[test]
    fn the_first_bad_item_decides() {
        let mut seen = 0;
        let error = collect_items(
            |sink, _| {
                for json in ["a", "b", "c"] {
                    // SAFETY: the sink is that of `collect_items`.
                    unsafe { put(sink, json, std::ptr::null()) }.unwrap();
                }
                abi::STATUS_OK
            },
            |json, _| {
                seen += 1;
                if json == "a" { Ok(()) } else { Err(inconsistent(json)) }
            },
        );
        assert_eq!(error.unwrap_err().to_string(), "b");
        assert_eq!(seen, 2);
    }

    #[test]
    fn text_that_is_not_utf8_is_replaced_and_a_null_is_empty() {
        // SAFETY: both point at what they say.
        unsafe {
            assert_eq!(text(abi::Str { ptr: [b'a', 0xff].as_ptr(), len: 2 }), "a\u{fffd}");
            assert_eq!(text(abi::Str { ptr: std::ptr::null(), len: 9 }), "");
        }
    }
}

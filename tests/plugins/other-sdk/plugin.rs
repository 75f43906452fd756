//! A plugin without components, of another version of the boundary.
#![allow(missing_docs, unsafe_code, clippy::undocumented_unsafe_blocks, reason = "copied from the boundary, changed")]

pub mod boundary {
    include!(concat!(env!("OUT_DIR"), "/boundary.rs"));
}

use boundary as abi;

static DESCRIPTOR: abi::Descriptor = abi::Descriptor {
    magic: abi::MAGIC,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    size: size_of::<abi::Descriptor>(),
    fingerprint: abi::FINGERPRINT,
    name: abi::Str::new(env!("CARGO_CRATE_NAME")),
    version: abi::Str::new(env!("CARGO_PKG_VERSION")),
    sdk: abi::Str::new("another SDK"),
    components: std::ptr::null(),
    component_count: 0,
    modality: None,
    settings: None,
};

#[unsafe(export_name = concat!("rl4seg_plugin_v1__", env!("CARGO_CRATE_NAME")))]
unsafe extern "C" fn entry(
    _host: *const abi::Host,
    out: *mut *const abi::Descriptor,
    _errors: *const abi::ErrorSink,
) -> abi::Status {
    unsafe { out.write(&raw const DESCRIPTOR) };
    abi::STATUS_OK
}

#[unsafe(export_name = concat!("rl4seg_layout_v1__", env!("CARGO_CRATE_NAME")))]
static LAYOUT: abi_stable::library::LibHeader = abi::layout::header();

//! The layout check of Rust plugins, by `abi_stable`.
//!
//! A fingerprint sees sizes and offsets, but not that a callback takes an `f32` where the other side
//! hands it an `f64`. A Rust plugin therefore exports, beside its entry, the header of a root module
//! whose only function names every frozen struct. `abi_stable` compares both sides' descriptions of
//! them when the library is loaded. Nothing else of `abi_stable` is used.

use abi_stable::{
    StableAbi,
    library::{LibHeader, RootModule, RootModuleResult},
    prefix_type::PrefixTypeTrait,
    sabi_types::VersionStrings,
};

use crate::{Component, ErrorSink, ItemSink, Voxels};

/// Names every frozen struct in one signature.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = FrozenRef)))]
#[sabi(missing_field(panic))]
pub struct Frozen {
    /// Never called.
    #[sabi(last_prefix_field)]
    pub structs: extern "C" fn(&Voxels, &ItemSink, &ErrorSink, &Component),
}

impl RootModule for FrozenRef {
    abi_stable::declare_root_module_statics! { FrozenRef }

    const BASE_NAME: &'static str = "rl4seg";
    const NAME: &'static str = "rl4seg";
    // The version of the boundary, not of this crate: it changes with the entry's symbol.
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
}

extern "C" fn structs(_: &Voxels, _: &ItemSink, _: &ErrorSink, _: &Component) {}

fn root_module() -> FrozenRef {
    Frozen { structs }.leak_into_prefix()
}

extern "C" fn load() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(root_module)
}

/// What a Rust plugin exports as `rl4seg_layout_v1__<crate>`.
#[must_use]
#[allow(unsafe_code, reason = "the constructor takes the word that the root module belongs to the header")]
pub const fn header() -> LibHeader {
    // SAFETY: `load` makes the root module of the type that is named, and the layout is to be checked.
    unsafe { LibHeader::from_constructor::<FrozenRef>(load, abi_stable::library::CheckTypeLayout::Yes) }
}

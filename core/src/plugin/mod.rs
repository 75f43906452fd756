//! The boundary to plugins.
//!
//! A plugin is a shared library that exports one function and speaks the C ABI of `rl4seg_abi`.
//! [`wire`] says how values look on the boundary; the SDK uses it inside a plugin, and the adapters
//! here use it to make native components of foreign ones. The loop sees only the [`Catalog`].
//!
//! A file becomes a plugin in three steps, each of which can refuse it:
//! 1. `inspect` parses it and runs nothing: is it a whole library for this machine that exports
//!    the entry of this version?
//!    Where there is a list of trusted libraries, it must be in it ([`TrustList`]).
//! 2. `probe` loads it in a child process with a time limit, so that an initialiser that crashes or
//!    hangs takes down the child only.
//! 3. `load` opens it for good, compares layouts and reads its description.
//!
//! This protects against accidents, not against malice: a loaded plugin has the rights of this
//! program. A library is never closed, for its code and its statics may be referenced from anywhere
//! (rust-lang/rust#59629).

pub mod wire;

#[cfg(feature = "host")]
mod catalog;
#[cfg(feature = "host")]
mod discover;
#[cfg(feature = "host")]
mod error;
#[cfg(feature = "host")]
mod foreign;
#[cfg(feature = "host")]
mod inspect;
#[cfg(feature = "host")]
mod load;
#[cfg(feature = "host")]
mod probe;
#[cfg(feature = "host")]
mod shelf;
#[cfg(feature = "host")]
mod told;
#[cfg(feature = "host")]
mod trust;
#[cfg(feature = "host")]
mod watch;

#[cfg(feature = "host")]
pub use catalog::{Catalog, ComponentInfo, PluginInfo};
#[cfg(feature = "host")]
pub use discover::{DiscoverOptions, PATH_VARIABLE, TRUST_VARIABLE};
#[cfg(feature = "host")]
pub use error::LoadError;
#[cfg(feature = "host")]
pub use load::{LoadedPlugin, load};
#[cfg(feature = "host")]
pub use probe::{PROBE_COMMAND, answer_probe};
#[cfg(feature = "host")]
pub use trust::TrustList;
#[cfg(feature = "host")]
pub use watch::{LongCall, long_calls};

//! What the author of an `rl4seg` plugin imports, and nothing else.
//!
//! The domain types and the component traits are those of the program itself, so a component is
//! written and tested as plain Rust.

pub use rl4seg_core::{component, domain, io, measure, preprocess, random};

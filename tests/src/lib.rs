//! What the integration tests of `rl4seg` share. The tests themselves are in `tests/tests`.

pub mod fixtures;
pub mod plugins;
pub mod tensors;

//! Echocardiography for `rl4seg`.

pub mod labels;
pub mod phantom;
pub mod sources;

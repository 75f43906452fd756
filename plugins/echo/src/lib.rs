//! Echocardiography for `rl4seg`.

pub mod anatomy;
pub mod labels;
pub mod phantom;
pub mod sources;

mod ranges;

//! Echocardiography for `rl4seg`.

pub mod anatomy;
pub mod distortions;
pub mod labels;
pub mod modality;
pub mod phantom;
pub mod sources;

mod ranges;

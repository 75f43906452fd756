//! Networks on burn: the U-Net, its weights in files, and the [`Policy`](crate::component::Policy)
//! and [`RewardModel`](crate::component::RewardModel) made of it.
//!
//! Same seed, same bytes, whatever the number of threads: initial weights are drawn on the host,
//! and no sum of more than a few million terms is left to one reduction, which burn's CPU backend
//! would split between threads.

mod batch_norm;
mod device;
mod initialize;
mod parameters;
mod unet;
mod weights;

pub use batch_norm::{BatchNorm, Moments, Normalization};
pub use device::device;
pub use initialize::xavier;
pub use unet::Unet;
pub use weights::Weights;

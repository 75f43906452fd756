//! Networks on burn: the U-Net and those that plugins bring, their weights in files, and the [`Policy`](crate::component::Policy)
//! and [`RewardModel`](crate::component::RewardModel) made of them.
//!
//! Same seed, same bytes, whatever the number of threads: initial weights are drawn on the host,
//! and no sum of more than a few million terms is left to one reduction, which burn's CPU backend
//! would split between threads.

mod adam;
mod batch;
mod batch_norm;
mod brought;
mod convolution;
mod cpu;
mod device;
mod initialize;
mod kernels;
mod learner;
mod loss;
mod network;
mod parameters;
mod policy;
mod reward_net;
mod settings;
mod unet;
mod weights;

pub use batch_norm::{BatchNorm, Moments, Normalization};
pub use device::{DeviceKind, check_device_name, device, device_kinds, device_memory_bytes};
pub use initialize::xavier;
pub use kernels::{Isa, LayerTime, layer_times, peak_flop_per_second, release_memory};
pub use loss::{binary_cross_entropy, cross_entropy};
pub use network::NetworkKind;
pub use policy::NetworkPolicy;
pub use reward_net::NetworkReward;
pub use settings::NetworkSettings;
pub use unet::{MIN_SIDE, Unet};
pub use weights::Weights;

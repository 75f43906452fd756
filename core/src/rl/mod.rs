//! Reinforcement learning on maps: every voxel is an action, every episode has one step.
//!
//! All tensors are `[batch, voxel]`, so that 2-D images, volumes and sequences are the same here;
//! logits and probabilities are `[batch, class, voxel]`.

pub mod advantage;
pub mod distribution;
pub(crate) mod one_pass;
pub mod ppo;
pub mod reinforce;
pub(crate) mod sloped;

use burn::tensor::Tensor;

/// Mean over images and voxels of a `[batch, voxel]` map. Each image is summed for itself first:
/// a single sum of millions of terms loses digits, and burn's CPU backend splits it between
/// threads in an order that is not fixed.
#[must_use]
pub fn mean(map: Tensor<2>) -> Tensor<1> {
    map.mean_dim(1).mean()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// burn's CPU backend without its features `simd` and `rayon` gives 0.5.
    #[test]
    fn the_mean_of_many_ones_is_one() {
        let ones = Tensor::<2>::ones([1, 33_000_000], &Device::flex());
        assert_eq!(mean(ones.clone()).into_scalar::<f32>(), 1.0);
        assert_eq!(ones.mean().into_scalar::<f32>(), 1.0);
    }
}

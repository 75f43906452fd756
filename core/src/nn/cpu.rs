//! Tensors of burn's CPU backend as plain numbers.

use std::ops::Range;

use burn::{
    backend::{Autodiff, BackendTypes, Flex},
    tensor::Tensor,
};
use rayon::prelude::*;

/// A tensor in the CPU's memory, without gradients.
pub(super) type CpuTensor = <Flex as BackendTypes>::FloatTensorPrimitive;

/// Numbers that one thread takes at a time, so that sums do not depend on the number of threads.
pub(super) const CHUNK: usize = 1 << 15;

/// The tensor, contiguous; nothing if it is on another device or has gradients.
pub(super) fn contiguous<const D: usize>(tensor: Tensor<D>) -> Option<CpuTensor> {
    Some(tensor.try_into_primitive::<Flex>().ok()?.to_contiguous())
}

/// The values of a tensor that has gradients, contiguous; nothing if it is on another device.
pub(super) fn contiguous_values<const D: usize>(tensor: Tensor<D>) -> Option<CpuTensor> {
    Some(tensor.try_into_primitive::<Autodiff<Flex>>().ok()?.into_primitive().to_contiguous())
}

/// Where a contiguous tensor's numbers are in its memory.
pub(super) fn places(tensor: &CpuTensor) -> Range<usize> {
    let start = tensor.layout().start_offset();
    start..start + tensor.layout().num_elements()
}

/// The numbers of a contiguous tensor.
pub(super) fn numbers(tensor: &CpuTensor) -> &[f32] {
    &tensor.storage()[places(tensor)]
}

/// Σ x².
pub(super) fn sum_of_squares(values: &[f32]) -> f64 {
    let of_chunk = |chunk: &[f32]| chunk.iter().map(|x| f64::from(x * x)).sum::<f64>();
    let sums: Vec<f64> = values.par_chunks(CHUNK).map(of_chunk).collect();
    sums.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_view_is_copied_and_gradients_are_told_apart() {
        let turned = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &Device::flex()).transpose();
        let copied = contiguous(turned.clone()).unwrap();
        assert_eq!(numbers(&copied), [1.0, 3.0, 2.0, 4.0]);
        let tracked = Tensor::<1>::from_data([1.0], &Device::flex().autodiff());
        assert!(contiguous(tracked.clone()).is_none() && contiguous_values(turned).is_none());
        assert_eq!(numbers(&contiguous_values(tracked).unwrap()), [1.0]);
    }

    #[test]
    fn many_squares_are_summed_exactly() {
        assert_eq!(sum_of_squares(&vec![1.0; 33_000_000]), 33_000_000.0);
    }
}

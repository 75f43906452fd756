//! A loss together with its slope, worked out plane by plane.

use rayon::prelude::*;

/// A mean over voxels, and how it changes with each logit.
#[derive(Debug, Clone)]
pub(crate) struct Sloped {
    pub loss: f64,
    /// d loss / d logit, as the logits.
    pub slope: Vec<f32>,
}

/// Goes over planes of `plane` logits each, several at a time; `of_plane(number, logits, slope)`
/// writes the slope and gives sums over the plane's voxels, which are added in the planes' order.
pub(crate) fn over_planes<const N: usize>(
    logits: &[f32],
    plane: usize,
    of_plane: impl Fn(usize, &[f32], &mut [f32]) -> [f64; N] + Sync,
) -> ([f64; N], Vec<f32>) {
    let mut slope = vec![0.0; logits.len()];
    let planes = logits.par_chunks_exact(plane).zip(slope.par_chunks_exact_mut(plane)).enumerate();
    let sums: Vec<[f64; N]> = planes.map(|(number, (logits, slope))| of_plane(number, logits, slope)).collect();
    let add = |sum: [f64; N], more: [f64; N]| std::array::from_fn(|term| sum[term] + more[term]);
    (sums.into_iter().fold([0.0; N], add), slope)
}

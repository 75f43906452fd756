use rayon::prelude::*;

use super::{AdaptError, Observer, Progress, observer::report};
use crate::{
    component::ComponentError,
    domain::{CaseEntry, CaseId, Image, ImageBatch},
    preprocess::{Prepared, PreparedGeometry, Preprocess, PreprocessError},
};

/// An image as the network sees it, and the way back to its own geometry.
#[derive(Debug, Clone)]
pub struct PreparedCase {
    /// Which case.
    pub id: CaseId,
    /// The network's input.
    pub image: Image,
    /// The way back.
    pub geometry: PreparedGeometry,
}

/// Prepares one image for the network.
///
/// # Errors
/// If the image is blank or cannot be preprocessed as asked; names the case.
pub fn prepare_image(id: &CaseId, image: &Image, preprocess: &Preprocess) -> Result<PreparedCase, ComponentError> {
    let Prepared { image, geometry } = require_contrast(image)
        .and_then(|()| preprocess.apply(image))
        .map_err(|error| ComponentError::from(error).context(format!("preprocessing case {id}")))?;
    Ok(PreparedCase { id: id.clone(), image, geometry })
}

/// Of an image that shows nothing a network would still make something, and be sure of it.
fn require_contrast(image: &Image) -> Result<(), PreprocessError> {
    let (first, rest) = image.values().split_first().map_or((f32::NAN, &[][..]), |(first, rest)| (*first, rest));
    if rest.iter().all(|value| *value == first) { Err(PreprocessError::Blank { value: first }) } else { Ok(()) }
}

/// Loads and prepares cases, several at a time, in their order.
pub(super) fn prepare(
    cases: &[CaseEntry],
    image: impl Fn(&CaseId) -> Result<Image, ComponentError> + Sync,
    preprocess: &Preprocess,
    observer: &mut dyn Observer,
) -> Result<Vec<PreparedCase>, AdaptError> {
    /// Cases loaded between two looks at the progress.
    const CHUNK: usize = 64;
    let mut prepared = Vec::with_capacity(cases.len());
    for chunk in cases.chunks(CHUNK) {
        report(observer, Progress::images("loading images", prepared.len(), cases.len()))?;
        let loaded: Vec<_> =
            chunk.par_iter().map(|entry| prepare_image(&entry.id, &image(&entry.id)?, preprocess)).collect();
        for case in loaded {
            prepared.push(case?);
        }
    }
    Ok(prepared)
}

/// The `[slow, y, x]` shapes of prepared images.
pub(super) fn shapes(cases: &[PreparedCase]) -> Vec<[usize; 3]> {
    cases.iter().map(|case| case.image.grid().shape()).collect()
}

/// Puts the chosen cases into one batch.
pub(super) fn stack(cases: &[PreparedCase], chosen: &[usize]) -> Result<ImageBatch, ComponentError> {
    Ok(ImageBatch::stack(chosen.iter().map(|&index| &cases[index].image))?)
}

use super::{Coverage, inputs::label_maps, steady};
use crate::{
    component::{ComponentError, Corrector, Result},
    domain::LabelMap,
};

/// A corrector, fitted if it needs that, corrects each of `examples`, and keeps the promises of [`question_corrector`] with
/// them, the same grids without a structure, and label maps of every other kind.
///
/// # Errors
/// The first broken promise.
pub fn check_corrector(corrector: &(impl Corrector + ?Sized), examples: &[LabelMap]) -> Result<()> {
    for (index, example) in examples.iter().enumerate() {
        let what = format!("example {index}");
        check(corrector, example, &what)?;
        corrector.candidates(example).map_err(|error| error.context(what.clone()))?;
        check(corrector, &LabelMap::background(*example.grid()), &format!("{what}, emptied"))?;
    }
    let values: Vec<u8> = examples.iter().flat_map(LabelMap::labels).copied().collect();
    question_corrector(corrector, &values).map(|_| ())
}

/// For label maps of every kind ([`label_maps`]) with these labels a corrector, fitted if it needs that, gives the same
/// candidates each time, by any number of threads, on the grid it was given. What is not of its kind it may refuse.
///
/// # Errors
/// The first broken promise.
pub fn question_corrector(corrector: &(impl Corrector + ?Sized), values: &[u8]) -> Result<Coverage> {
    let mut coverage = Coverage::default();
    for (what, labels) in label_maps(values)? {
        coverage.add(check(corrector, &labels, &what)?);
    }
    Ok(coverage)
}

/// Whether there was an answer.
fn check(corrector: &(impl Corrector + ?Sized), labels: &LabelMap, what: &str) -> Result<bool> {
    let candidates = steady(|| corrector.candidates(labels)).map_err(|error| error.context(what.to_owned()))?;
    for candidate in candidates.iter().flatten() {
        let same = candidate.grid().require_same(labels.grid(), ["the correction", "the label map to correct"]);
        same.map_err(|error| ComponentError::from(error).context(what))?;
    }
    Ok(candidates.is_some())
}

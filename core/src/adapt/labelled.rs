//! Cases of the source domain with what their experts drew.

use rayon::prelude::*;

use super::{
    AdaptError, Components, PreparedCase, StepContext,
    prepared::{prepare, stack},
};
use crate::{
    component::ComponentError,
    domain::{ImageBatch, LabelBatch, LabelMap, Seed, Split},
    preprocess::Augment,
};

/// Cases with the label maps to be learnt, on the network's grid.
pub(super) struct Labelled {
    pub cases: Vec<PreparedCase>,
    pub references: Vec<LabelMap>,
}

impl Labelled {
    /// The source's cases of a part.
    pub fn load(context: &mut StepContext<'_>, components: &Components, split: Split) -> Result<Self, AdaptError> {
        let source = &components.source;
        let preprocess = &context.plan.preprocess;
        let cases = prepare(source.cases(split), |id| source.image(id), preprocess, context.observer)?;
        let references: Result<Vec<LabelMap>, ComponentError> =
            cases.par_iter().map(|case| Ok(preprocess.apply_labels(&source.reference(&case.id)?)?)).collect();
        Ok(Self { cases, references: references? })
    }

    /// What `chosen` are called, for an error that happened with them.
    pub fn names(&self, chosen: &[usize]) -> String {
        let names: Vec<&str> = chosen.iter().map(|&case| self.cases[case].id.as_str()).collect();
        format!("cases {}", names.join(", "))
    }

    /// A case as it looks after a random change.
    pub fn view(&self, case: usize, augment: Augment, seed: Seed) -> (PreparedCase, LabelMap) {
        let PreparedCase { id, image, geometry } = &self.cases[case];
        let (image, reference) = augment.apply(image, &self.references[case], seed);
        (PreparedCase { id: id.clone(), image, geometry: *geometry }, reference)
    }

    /// The chosen cases as one batch, changed at random where that is asked for.
    pub fn batch(
        &self,
        chosen: &[usize],
        augment: Augment,
        seed: Seed,
    ) -> Result<(ImageBatch, LabelBatch), ComponentError> {
        if augment.is_none() {
            let labels = LabelBatch::stack(chosen.iter().map(|&case| &self.references[case]))?;
            return Ok((stack(&self.cases, chosen)?, labels));
        }
        let changed: Vec<(PreparedCase, LabelMap)> =
            chosen.par_iter().map(|&case| self.view(case, augment, seed.indexed(case))).collect();
        let images = ImageBatch::stack(changed.iter().map(|(case, _)| &case.image))?;
        Ok((images, LabelBatch::stack(changed.iter().map(|(_, labels)| labels))?))
    }
}

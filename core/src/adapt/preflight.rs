//! Before anything is computed: every case of both domains is read once, so that a file that cannot be
//! used is told of now and not after hours of training.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{
    AdaptError, Components, Progress, StepContext,
    digest::{self, Content},
    frozen::Seen,
    prepare_image,
};
use crate::{
    component::ComponentError,
    config::Plan,
    domain::{CaseId, Image, LabelMap, Split},
};

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];
/// Cases read between two looks at the progress.
const CHUNK: usize = 64;

/// Reads and prepares every image, and every reference that the run may read; tells what was seen.
///
/// # Errors
/// The first case that cannot be used, with the domain and what is wrong.
pub(super) fn look_at_all_cases(context: &mut StepContext<'_>, components: &Components) -> Result<Seen, AdaptError> {
    let mut seen = Seen::default();
    let (source, target, plan) = (&components.source, &components.target, context.plan);
    for split in SPLITS {
        let cases: Vec<&CaseId> = source.cases(split).iter().map(|entry| &entry.id).collect();
        seen.source.extend(look_at(context, components, ("source", &cases), |id| {
            let reference = source.reference(id)?;
            plan.preprocess.apply_labels(&reference)?;
            look(id, &source.image(id)?, Some(&reference), plan)
        })?);
    }
    for split in SPLITS {
        let cases: Vec<&CaseId> = target.cases(split).iter().map(|entry| &entry.id).collect();
        seen.target.extend(look_at(context, components, ("target", &cases), |id| {
            let reference = if split == Split::Test { target.test_reference(id)? } else { None };
            look(id, &target.image(id)?, reference.as_ref(), plan)
        })?);
    }
    Ok(seen)
}

fn look(id: &CaseId, image: &Image, reference: Option<&LabelMap>, plan: &Plan) -> Result<Content, ComponentError> {
    let prepared = prepare_image(id, image, &plan.preprocess)?.image;
    Ok(Content {
        shape: prepared.grid().shape(),
        channels: prepared.channels(),
        image: Some(digest::of_image(image)),
        reference: reference.map(digest::of_labels),
    })
}

fn look_at(
    context: &mut StepContext<'_>,
    components: &Components,
    (domain, cases): (&str, &[&CaseId]),
    look: impl Fn(&CaseId) -> Result<Content, ComponentError> + Sync,
) -> Result<BTreeMap<CaseId, Content>, AdaptError> {
    let mut seen = BTreeMap::new();
    let what = format!("looking at {domain} cases");
    for (number, chunk) in cases.chunks(CHUNK).enumerate() {
        context.progress(Progress::images(&what, number * CHUNK, cases.len()))?;
        let contents: Vec<Result<Content, ComponentError>> = chunk.par_iter().map(|id| look(id)).collect();
        for (id, content) in chunk.iter().zip(contents) {
            let of_case = |error: ComponentError| error.context(format!("{domain} case {id}"));
            let content = content?;
            components.policy.accepts(content.channels, content.shape).map_err(of_case)?;
            seen.insert((*id).clone(), content);
        }
    }
    Ok(seen)
}

//! Before anything is computed: every case of both domains is read once, so that a file that cannot be
//! used is told of now and not after hours of training.

use rayon::prelude::*;

use super::{AdaptError, Components, Progress, StepContext, prepare_image};
use crate::{
    component::ComponentError,
    config::Plan,
    domain::{CaseId, Image, Split},
};

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];
/// Cases read between two looks at the progress.
const CHUNK: usize = 64;

/// What a network must be able to take.
struct Looks {
    channels: usize,
    shape: [usize; 3],
}

/// Reads and prepares every image, and every reference that the run may read.
///
/// # Errors
/// The first case that cannot be used, with the domain and what is wrong.
pub(super) fn look_at_all_cases(context: &mut StepContext<'_>, components: &Components) -> Result<(), AdaptError> {
    let (source, target, plan) = (&components.source, &components.target, context.plan);
    for split in SPLITS {
        let cases: Vec<&CaseId> = source.cases(split).iter().map(|entry| &entry.id).collect();
        look_at(context, components, ("source", &cases), |id| {
            plan.preprocess.apply_labels(&source.reference(id)?)?;
            look(id, &source.image(id)?, plan)
        })?;
    }
    for split in SPLITS {
        let cases: Vec<&CaseId> = target.cases(split).iter().map(|entry| &entry.id).collect();
        look_at(context, components, ("target", &cases), |id| {
            if split == Split::Test {
                target.test_reference(id)?;
            }
            look(id, &target.image(id)?, plan)
        })?;
    }
    Ok(())
}

fn look(id: &CaseId, image: &Image, plan: &Plan) -> Result<Looks, ComponentError> {
    let prepared = prepare_image(id, image, &plan.preprocess)?.image;
    Ok(Looks { channels: prepared.channels(), shape: prepared.grid().shape() })
}

fn look_at(
    context: &mut StepContext<'_>,
    components: &Components,
    (domain, cases): (&str, &[&CaseId]),
    look: impl Fn(&CaseId) -> Result<Looks, ComponentError> + Sync,
) -> Result<(), AdaptError> {
    let what = format!("looking at {domain} cases");
    for (number, chunk) in cases.chunks(CHUNK).enumerate() {
        context.progress(Progress::images(&what, number * CHUNK, cases.len()))?;
        let looks: Vec<Result<Looks, ComponentError>> = chunk.par_iter().map(|id| look(id)).collect();
        for (id, looks) in chunk.iter().zip(looks) {
            let of_case = |error: ComponentError| error.context(format!("{domain} case {id}"));
            let Looks { channels, shape } = looks?;
            components.policy.accepts(channels, shape).map_err(of_case)?;
        }
    }
    Ok(())
}

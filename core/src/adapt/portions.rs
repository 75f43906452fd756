//! The loop's work on one batch of images, for those who measure how long it takes.

use super::{
    AdaptError, Calibration, Components, PreparedCase,
    collect::{Rule, Subject, collect_batch},
    rollout::rollout,
    samples::Collected,
};
use crate::{
    component::{PolicyUpdate, UpdateStats},
    config::Plan,
    domain::{ImageBatch, Seed},
};

/// Collects from images of one shape: segments, judges, corrects and distorts them. Tells how many
/// reward samples they gave.
///
/// # Errors
/// As in a run.
pub fn collect_portion(
    components: &Components,
    plan: &Plan,
    cases: &[PreparedCase],
    seed: Seed,
) -> Result<usize, AdaptError> {
    let mut collected = Collected::default();
    let subjects: Vec<Subject<'_>> = cases.iter().map(Subject::of_target).collect();
    collect_batch(components, &subjects, &Rule::of(plan), seed, &mut collected)?;
    Ok(collected.sample_count())
}

/// One rollout on images of one shape, its rewards, and all updates on it.
///
/// # Errors
/// As in a run.
pub fn improve_portion(
    components: &mut Components,
    cases: &[PreparedCase],
    update: &PolicyUpdate,
    seed: Seed,
) -> Result<UpdateStats, AdaptError> {
    let images =
        ImageBatch::stack(cases.iter().map(|case| &case.image)).map_err(crate::component::ComponentError::from)?;
    let rollout = rollout(components, &Calibration::NONE, images, &vec![None; cases.len()], seed)?;
    Ok(components.policy.update(&rollout, update)?)
}

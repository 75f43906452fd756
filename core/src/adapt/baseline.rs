//! Adaptation without a reward, as other methods do it: to compare with.

use super::training::{Batch, View};
use crate::{
    component::{ComponentError, ImitationStep, Policy},
    config::Baseline,
    domain::{Image, ImageBatch, LabelBatch, LabelMap},
};

/// What is left of the teacher's weights at each step of the student (Tarvainen and Valpola 2017 take 0.99 while
/// the student still learns fast).
const TEACHER_KEEPS: f64 = 0.99;

/// One step by `rule`. Tells the loss before it, where the rule has one and took a step.
pub(super) fn follow(
    rule: Baseline,
    policy: &mut dyn Policy,
    batch: &Batch<'_>,
    learning_rate: f64,
) -> Result<Option<f64>, ComponentError> {
    match rule {
        Baseline::BatchNorm => policy.renormalize(&batch.images).map(|()| None),
        Baseline::Tent => policy.lower_entropy(&batch.images, learning_rate).map(Some),
        Baseline::SelfTraining => train_on_itself(policy, &batch.views, learning_rate),
        Baseline::MeanTeacher => follow_teacher(policy, batch, learning_rate).map(Some),
    }
}

fn train_on_itself(policy: &mut dyn Policy, views: &[View], learning_rate: f64) -> Result<Option<f64>, ComponentError> {
    let labelled: Vec<(&Image, &LabelMap)> =
        views.iter().filter_map(|(image, labels)| Some((image, labels.as_ref()?))).collect();
    if labelled.is_empty() {
        return Ok(None);
    }
    imitate(policy, &labelled, learning_rate).map(Some)
}

fn follow_teacher(policy: &mut dyn Policy, batch: &Batch<'_>, learning_rate: f64) -> Result<f64, ComponentError> {
    let moved = batch.moved_along(&policy.segment_by_reference(&batch.originals()?)?)?;
    let pairs: Vec<(&Image, &LabelMap)> = moved.iter().map(|(image, labels)| (image, labels)).collect();
    let loss = imitate(policy, &pairs, learning_rate)?;
    policy.blend_reference(TEACHER_KEEPS)?;
    Ok(loss)
}

fn imitate(policy: &mut dyn Policy, pairs: &[(&Image, &LabelMap)], learning_rate: f64) -> Result<f64, ComponentError> {
    let images = ImageBatch::stack(pairs.iter().map(|(image, _)| *image))?;
    let labels = LabelBatch::stack(pairs.iter().map(|(_, labels)| *labels))?;
    policy.imitate(&images, &labels, &ImitationStep { learning_rate, label_smoothing: 0.0 })
}

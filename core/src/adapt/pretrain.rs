//! The supervised start: the policy learns the source domain from its experts' label maps.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    AdaptError, Components, Progress, StepContext,
    ahead::ahead,
    batches, frozen,
    labelled::Labelled,
    preflight::look_at_all_cases,
    prepared::{shapes, stack},
    state::write_policy,
};
use crate::{
    component::{ComponentError, ImitationStep, Policy, PolicyState},
    domain::Split,
    measure::mean_dice,
    run_dir::layout,
};

#[derive(Serialize)]
struct Epoch {
    epoch: usize,
    loss: f64,
    validation_dice: f64,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    look_at_all_cases(context, components)?;
    frozen::write(context.work, components)?;
    if let Some(start) = &components.start {
        components.policy.restore(start)?;
    }
    let epochs = context.plan.pretrain.epochs;
    let mut best = Best { dice: f64::NEG_INFINITY, epoch: 0, state: components.policy.state()? };
    let mut log = Vec::with_capacity(epochs);
    if epochs > 0 {
        let train = Labelled::load(context, components, Split::Train)?;
        let validation = Labelled::load(context, components, Split::Validation)?;
        components.policy.reset_optimizers();
        for epoch in 1..=epochs {
            let loss = train_epoch(context, components.policy.as_mut(), &train, epoch)?;
            let dice = validation_dice(context, components, &validation)?;
            best.offer(dice, epoch, components.policy.as_ref())?;
            log.push(context.epoch(Epoch { epoch, loss, validation_dice: dice })?);
        }
        components.policy.restore(&best.state)?;
    }
    write_policy(context.work, &best.state)?;
    context.work.write_json_lines(layout::METRICS, &log)?;
    Ok(
        json!({ "epochs": epochs, "best_epoch": best.epoch, "validation_dice": log.iter().map(|epoch| epoch.validation_dice).reduce(f64::max) }),
    )
}

struct Best {
    dice: f64,
    epoch: usize,
    state: PolicyState,
}

impl Best {
    fn offer(&mut self, dice: f64, epoch: usize, policy: &dyn Policy) -> Result<(), ComponentError> {
        if dice > self.dice {
            *self = Self { dice, epoch, state: policy.state()? };
        }
        Ok(())
    }
}

fn train_epoch(
    context: &mut StepContext<'_>,
    policy: &mut dyn Policy,
    train: &Labelled,
    epoch: usize,
) -> Result<f64, AdaptError> {
    let settings = &context.plan.pretrain;
    let step = ImitationStep { learning_rate: settings.learning_rate, label_smoothing: settings.label_smoothing };
    let seed = context.seed.named("pretrain").indexed(epoch);
    let batches = batches::shuffled(&shapes(&train.cases), settings.batch, seed);
    let what = format!("epoch {epoch} of {}", settings.epochs);
    let total = settings.epochs * batches.len();
    let mut loss = 0.0;
    let make = |index: usize| train.batch(&batches[index], settings.augment, seed.named("augment"));
    ahead(batches.len(), make, |index, (images, labels)| {
        context.progress(Progress::batches(&what, (epoch - 1) * batches.len() + index, total))?;
        let of_batch = || batches::name(epoch, index, batches[index].iter().map(|&case| &train.cases[case].id));
        let of_images = policy.imitate(&images, &labels, &step).map_err(|error| error.context(of_batch()))?;
        loss += of_images * images.batch as f64;
        Ok(())
    })?;
    Ok(loss / train.cases.len() as f64)
}

fn validation_dice(
    context: &StepContext<'_>,
    components: &Components,
    validation: &Labelled,
) -> Result<f64, AdaptError> {
    let mut sum = 0.0;
    for batch in batches::in_order(&shapes(&validation.cases), context.plan.collect.batch) {
        let grids: Vec<_> = batch.iter().map(|&case| *validation.cases[case].image.grid()).collect();
        let segmented = components.policy.segment(&stack(&validation.cases, &batch)?)?.unstack(&grids)?;
        for (labels, &case) in segmented.iter().zip(&batch) {
            sum += mean_dice(labels, &validation.references[case], &components.judges.labels)?;
        }
    }
    Ok(sum / validation.cases.len() as f64)
}

//! The supervised start: the policy learns the source domain from its experts' label maps.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    AdaptError, Components, Progress, StepContext,
    ahead::ahead,
    batches, digest,
    epochs::{Saved, kept_policy, policy_among},
    frozen,
    labelled::Labelled,
    preflight::look_at_all_cases,
    prepared::{shapes, stack},
    require_memory,
    state::write_policy,
};
use crate::{
    component::{ComponentError, ImitationStep, Policy, PolicyState},
    domain::Split,
    measure::mean_dice,
    run_dir::layout,
};

#[derive(Serialize, Deserialize)]
struct Epoch {
    epoch: usize,
    loss: f64,
    validation_dice: f64,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    let mut pretraining = Pretraining::begin(context, components)?;
    let epochs = context.plan.pretrain.epochs;
    if epochs > 0 {
        let train = Labelled::load(context, components, Split::Train)?;
        let validation = Labelled::load(context, components, Split::Validation)?;
        for epoch in pretraining.log.len() + 1..=epochs {
            let loss = train_epoch(context, components.policy.as_mut(), &train, epoch)?;
            let validation_dice = validation_dice(context, components, &validation)?;
            let epoch = context.epoch(Epoch { epoch, loss, validation_dice })?;
            pretraining.note(epoch, components.policy.as_ref())?;
            pretraining.save(context, components.policy.as_ref())?;
        }
        components.policy.restore(&pretraining.best)?;
    }
    write_policy(context.work, &pretraining.best)?;
    context.work.write(layout::CASES, &pretraining.cases)?;
    context.work.write_json_lines(layout::METRICS, &pretraining.log)?;
    let dice = pretraining.log.iter().map(|epoch| epoch.validation_dice).reduce(f64::max);
    let mut summary = json!({ "epochs": epochs, "best_epoch": pretraining.best_epoch, "validation_dice": dice });
    if let Some(start) = pretraining.start_sha256 {
        summary["start_sha256"] = start.into();
    }
    Ok(summary)
}

/// Where pretraining stands.
struct Pretraining {
    log: Vec<Epoch>,
    best_epoch: usize,
    best: PolicyState,
    /// The list of the run's cases, as [`frozen`] writes it.
    cases: Vec<u8>,
    /// Of the actor's weights that it started from, where those came from a checkpoint.
    start_sha256: Option<String>,
}

/// What [`Pretraining::start_sha256`] is kept as.
const START: &str = "start_sha256";

impl Pretraining {
    /// From what an interrupted attempt kept, or from the start.
    fn begin(context: &mut StepContext<'_>, components: &mut Components) -> Result<Self, AdaptError> {
        if let Some(Saved { progress: (log, best_epoch), training, mut kept }) = context.saved()? {
            let cases = kept.remove(layout::CASES).unwrap_or_default();
            let start_sha256 = kept.remove(START).map(|sum| String::from_utf8_lossy(&sum).into_owned());
            let seen = frozen::require_same(&cases, &context.work.path().join(layout::CHECKPOINT), components)?;
            require_memory(context.plan, components, &seen, context.observer)?;
            components.policy.resume_training(&training)?;
            return Ok(Self { log, best_epoch, best: policy_among(kept)?, cases, start_sha256 });
        }
        let seen = look_at_all_cases(context, components)?;
        require_memory(context.plan, components, &seen, context.observer)?;
        let cases = frozen::list(components, &seen)?;
        if let Some(start) = &components.start {
            components.policy.restore(start)?;
        }
        components.policy.reset_optimizers();
        let start_sha256 = components.start.as_ref().map(|start| digest::of_bytes(&start.actor));
        Ok(Self { log: Vec::new(), best_epoch: 0, best: components.policy.state()?, cases, start_sha256 })
    }

    /// Adds an epoch; its policy is kept if it is better than all before.
    fn note(&mut self, epoch: Epoch, policy: &dyn Policy) -> Result<(), ComponentError> {
        if self.log.iter().all(|before| epoch.validation_dice > before.validation_dice) {
            (self.best_epoch, self.best) = (epoch.epoch, policy.state()?);
        }
        self.log.push(epoch);
        Ok(())
    }

    fn save(&self, context: &StepContext<'_>, policy: &dyn Policy) -> Result<(), AdaptError> {
        let mut kept = kept_policy(&self.best);
        kept.insert(layout::CASES.to_owned(), self.cases.clone());
        kept.extend(self.start_sha256.iter().map(|sum| (START.to_owned(), sum.clone().into_bytes())));
        Ok(context.save(&(&self.log, self.best_epoch), policy.training_state()?, kept)?)
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
        context.go_on()?;
        let grids: Vec<_> = batch.iter().map(|&case| *validation.cases[case].image.grid()).collect();
        let segmented = components.policy.segment(&stack(&validation.cases, &batch)?)?.unstack(&grids)?;
        for (labels, &case) in segmented.iter().zip(&batch) {
            sum += mean_dice(labels, &validation.references[case], &components.judges.labels)?;
        }
    }
    Ok(sum / validation.cases.len() as f64)
}

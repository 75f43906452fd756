//! Step 3: the policy improves against the reward network.

use std::collections::BTreeMap;

use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    AdaptError, Calibration, Components, PreparedCase, Progress, StepContext,
    ahead::ahead,
    batches,
    choice::{Choice, Score},
    prepared::{prepare, shapes, stack},
    rehearsal::Rehearsal,
    rollout::{rewards, rollout},
    samples::read_cases,
    state::{latest_policy, read_policy, read_reward, write_policy},
};
use crate::{
    component::{ComponentError, PolicyState, PolicyUpdate, UpdateStats},
    config::{Plan, PolicySettings},
    domain::{CaseEntry, CaseId, Image, ImageBatch, LabelMap, Seed, Split},
    preprocess::Augment,
    random,
    run_dir::{Step, StepKind, layout},
};

/// The target images of this and earlier collect steps, with what is held to be right for them.
struct Training {
    cases: Vec<PreparedCase>,
    pseudo_references: Vec<Option<LabelMap>>,
}

impl Training {
    /// The images for which something is held to be right.
    fn trusted(&self) -> impl Iterator<Item = (PreparedCase, LabelMap)> {
        let pairs = self.cases.iter().zip(&self.pseudo_references);
        pairs.filter_map(|(case, right)| Some((case.clone(), right.clone()?)))
    }

    /// The chosen images, changed at random, and what stands in for their drawn labels, each with a
    /// chance of `pseudo_share`.
    fn views(&self, chosen: &[usize], plan: &Plan, seed: Seed) -> Vec<(Image, Option<LabelMap>)> {
        let augment = if plan.policy.augment { plan.pretrain.augment } else { Augment::default() };
        let mut generator = random::generator(seed.named("replace"));
        let mut stands_in = || generator.random_bool(plan.policy.pseudo_share);
        let drawn: Vec<(usize, bool)> = chosen.iter().map(|&case| (case, stands_in())).collect();
        let view = |(case, stands_in): (usize, bool)| {
            let image = &self.cases[case].image;
            let seed = seed.named("augment").indexed(case);
            let none = LabelMap::background(*image.grid());
            let reference = self.pseudo_references[case].as_ref();
            let (image, labels) = augment.apply(image, reference.unwrap_or(&none), seed);
            (image, reference.filter(|_| stands_in).map(|_| labels))
        };
        drawn.into_par_iter().map(view).collect()
    }
}

#[derive(Serialize)]
struct Epoch {
    epoch: usize,
    #[serde(flatten)]
    update: UpdateStats,
    mean_reward: f64,
    validation: Score,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    let calibration = restore(context, components)?;
    let training = load(context, components)?;
    let validation = load_validation(context, components)?;
    let mut rehearsal = Rehearsal::load(context, components, training.trusted())?;
    let update = update_settings(context.plan, context.step.iteration);
    let start = score(context, components, &calibration, &validation)?;
    let mut choice = Choice::start(start, components.policy.state()?, validation.len());
    perturb(context, components)?;
    let mut log = Vec::new();
    for epoch in 1..=context.plan.policy.epochs {
        let update = annealed(&update, &context.plan.policy, epoch);
        let training = (&training, rehearsal.as_mut());
        let (stats, mean_reward) = train_epoch(context, components, &calibration, training, (epoch, &update))?;
        let validation = score(context, components, &calibration, &validation)?;
        choice.offer(epoch, validation, components.policy.as_ref())?;
        log.push(Epoch { epoch, update: stats, mean_reward, validation });
    }
    write_policy(context.work, &choice.state)?;
    context.work.write_json_lines(layout::METRICS, &log)?;
    components.policy.restore(&choice.state)?;
    Ok(json!({ "epochs": log.len(), "chosen_epoch": choice.epoch, "validation": choice.chosen }))
}

/// Puts the networks into the state that the step starts from: the reference policy is always
/// that of iteration 0, actor and critic are those of the iteration before.
fn restore(context: &StepContext<'_>, components: &mut Components) -> Result<Calibration, AdaptError> {
    let pretrained: PolicyState = read_policy(&context.run.step_path(&Step::new(0, StepKind::Pretrain)))?;
    components.policy.restore(&pretrained)?;
    components.policy.freeze_reference()?;
    let (_, latest) = latest_policy(context.run.root())?;
    components.policy.restore(&latest)?;
    components.policy.reset_optimizers();
    let folder = context.run.step_path(&Step::new(context.step.iteration, StepKind::FitReward));
    let (reward, calibration) = read_reward(&folder)?;
    components.reward.restore(&reward)?;
    Ok(calibration)
}

fn perturb(context: &StepContext<'_>, components: &mut Components) -> Result<(), ComponentError> {
    match context.plan.policy.shrink_perturb {
        Some(settings) => {
            components.policy.shrink_and_perturb(settings.shrink, settings.std, context.seed.named("shrink-perturb"))
        }
        None => Ok(()),
    }
}

/// The numbers of the policy's updates in an iteration, from 1 on.
#[must_use]
pub fn update_settings(plan: &Plan, iteration: usize) -> PolicyUpdate {
    let settings = &plan.policy;
    PolicyUpdate {
        rule: settings.rule,
        update_epochs: settings.update_epochs,
        clip_range: settings.clip_range,
        entropy_coef: settings.entropy_coef.at(iteration),
        divergence_coef: settings.divergence_coef.at(iteration),
        actor_learning_rate: settings.actor_learning_rate,
        critic_learning_rate: settings.critic_learning_rate,
        max_grad_norm: settings.max_grad_norm,
    }
}

/// The numbers of an epoch, from 1 on. A learning rate that stays high leaves validity to chance:
/// it differs from epoch to epoch by more than it grows.
fn annealed(update: &PolicyUpdate, settings: &PolicySettings, epoch: usize) -> PolicyUpdate {
    let left = if settings.anneal { 1.0 - (epoch - 1) as f64 / settings.epochs as f64 } else { 1.0 };
    PolicyUpdate {
        actor_learning_rate: left * update.actor_learning_rate,
        critic_learning_rate: left * update.critic_learning_rate,
        ..*update
    }
}

fn load(context: &mut StepContext<'_>, components: &Components) -> Result<Training, AdaptError> {
    let trusted = context.plan.policy.pseudo_references;
    let mut right: BTreeMap<CaseId, Option<Vec<u8>>> = BTreeMap::new();
    for iteration in 1..=context.step.iteration {
        let folder = context.run.step_path(&Step::new(iteration, StepKind::Collect));
        right.extend(read_cases(&folder, trusted)?.into_iter().map(|seen| (seen.case, seen.right)));
    }
    let target = &components.target;
    let entries: Vec<CaseEntry> =
        target.cases(Split::Train).iter().filter(|entry| right.contains_key(&entry.id)).cloned().collect();
    let cases = prepare(&entries, |id| target.image(id), &context.plan.preprocess, context.observer)?;
    let pseudo_references = cases
        .iter()
        .map(|case| match right.remove(&case.id).flatten() {
            Some(labels) => LabelMap::new(*case.image.grid(), labels).map(Some),
            None => Ok(None),
        })
        .collect::<Result<_, _>>()?;
    Ok(Training { cases, pseudo_references })
}

fn load_validation(context: &mut StepContext<'_>, components: &Components) -> Result<Vec<PreparedCase>, AdaptError> {
    let target = &components.target;
    prepare(target.cases(Split::Validation), |id| target.image(id), &context.plan.preprocess, context.observer)
}

fn train_epoch(
    context: &mut StepContext<'_>,
    components: &mut Components,
    calibration: &Calibration,
    (training, mut rehearsal): (&Training, Option<&mut Rehearsal>),
    (epoch, update): (usize, &PolicyUpdate),
) -> Result<(UpdateStats, f64), AdaptError> {
    let settings = &context.plan.policy;
    let batch = settings.batch.at(context.step.iteration).round() as usize;
    let seed = context.seed.named("policy epoch").indexed(epoch);
    let batches = batches::shuffled(&shapes(&training.cases), batch, seed);
    let what = format!("epoch {epoch} of {}", settings.epochs);
    let total = settings.epochs * batches.len();
    let mut mean = Means::default();
    let plan = context.plan;
    let make = |index: usize| {
        let views = training.views(&batches[index], plan, seed.indexed(index));
        Ok((ImageBatch::stack(views.iter().map(|(image, _)| image))?, views))
    };
    ahead(batches.len(), make, |index, (images, views)| {
        context.observer.progress(Progress { what: &what, done: (epoch - 1) * batches.len() + index, total });
        let replaced: Vec<Option<&LabelMap>> = views.iter().map(|(_, stands_in)| stands_in.as_ref()).collect();
        let rollout = rollout(components, calibration, images, &replaced, seed.named("act").indexed(index))?;
        let stats = components.policy.update(&rollout, update)?;
        mean.add(&stats, &rollout.rewards);
        if let Some(rehearsal) = &mut rehearsal {
            let (steps, rate) = (settings.rehearsal_steps, update.actor_learning_rate);
            rehearsal.rehearse(components.policy.as_mut(), steps, rate)?;
        }
        Ok(())
    })?;
    Ok(mean.take())
}

/// Means over the rollouts of an epoch.
#[derive(Default)]
struct Means {
    stats: UpdateStats,
    reward: f64,
    rollouts: f64,
}

impl Means {
    fn add(&mut self, stats: &UpdateStats, rewards: &[f32]) {
        let sum = &mut self.stats;
        sum.policy_loss += stats.policy_loss;
        sum.value_loss += stats.value_loss;
        sum.entropy += stats.entropy;
        sum.approx_kl += stats.approx_kl;
        sum.clip_fraction += stats.clip_fraction;
        sum.reference_divergence += stats.reference_divergence;
        sum.grad_norm += stats.grad_norm;
        self.reward += rewards.iter().map(|&reward| f64::from(reward)).sum::<f64>() / rewards.len() as f64;
        self.rollouts += 1.0;
    }

    fn take(self) -> (UpdateStats, f64) {
        let n = self.rollouts.max(1.0);
        let sum = self.stats;
        let mean = UpdateStats {
            policy_loss: sum.policy_loss / n,
            value_loss: sum.value_loss / n,
            entropy: sum.entropy / n,
            approx_kl: sum.approx_kl / n,
            clip_fraction: sum.clip_fraction / n,
            reference_divergence: sum.reference_divergence / n,
            grad_norm: sum.grad_norm / n,
        };
        (mean, self.reward / n)
    }
}

fn score(
    context: &StepContext<'_>,
    components: &Components,
    calibration: &Calibration,
    validation: &[PreparedCase],
) -> Result<Score, AdaptError> {
    let validity = &components.judges.validity;
    let (mut valid, mut reward) = (0, 0.0);
    for batch in batches::in_order(&shapes(validation), context.plan.collect.batch) {
        let images = stack(validation, &batch)?;
        let labels = components.policy.segment(&images)?;
        let of_batch = rewards(components, calibration, &images, &labels)?;
        reward += of_batch.iter().map(|&reward| f64::from(reward)).sum::<f64>() / images.voxels() as f64;
        let grids: Vec<_> = batch.iter().map(|&case| *validation[case].image.grid()).collect();
        let accepted: Result<Vec<bool>, ComponentError> =
            labels.unstack(&grids)?.par_iter().map(|labels| validity.accepts(labels)).collect();
        valid += accepted?.into_iter().filter(|&accepted| accepted).count();
    }
    let cases = validation.len() as f64;
    Ok(Score { valid: valid as f64 / cases, reward: reward / cases })
}

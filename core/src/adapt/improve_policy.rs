//! Step 3: the policy improves against the reward network.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    AdaptError, Calibration, Components, Progress, StepContext,
    ahead::ahead,
    baseline, batches,
    choice::{Choice, Score},
    epochs::{Saved, kept_policy, policy_among},
    held_out::HeldOut,
    prepared::shapes,
    rehearsal::{Order, Rehearsal},
    rollout::rollout,
    state::{latest_policy, read_policy, read_reward, write_policy},
    training::{Batch, Training},
};
use crate::{
    component::{ComponentError, Policy, PolicyState, PolicyUpdate, UpdateStats},
    config::{Plan, PolicySettings},
    domain::{LabelMap, Seed},
    run_dir::{Step, StepKind, layout},
};

#[derive(Serialize, Deserialize)]
struct Epoch {
    epoch: usize,
    actor_learning_rate: f64,
    critic_learning_rate: f64,
    #[serde(flatten)]
    learnt: Learnt,
    validation: Score,
}

/// Means over the batches of an epoch.
#[derive(Serialize, Deserialize)]
struct Learnt {
    #[serde(flatten)]
    update: Option<UpdateStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_reward: Option<f64>,
    /// Of a baseline that follows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    let calibration = restore(context, components)?;
    let training = Training::load(context, components)?;
    let held_out = HeldOut::load(context, components)?;
    let mut rehearsal = Rehearsal::load(context, components, &training)?;
    let update = update_settings(context.plan, context.step.iteration);
    let mut improvement = Improvement::begin(context, components, (&calibration, &held_out), rehearsal.as_mut())?;
    for epoch in improvement.log.len() + 1..=context.plan.policy.epochs {
        let update = annealed(&update, &context.plan.policy, epoch);
        let training = (&training, rehearsal.as_mut());
        let learnt = train_epoch(context, components, &calibration, training, (epoch, &update))?;
        let validation = held_out.score(context, components, &calibration, epoch)?;
        improvement.choice.offer(epoch, validation, components.policy.as_ref())?;
        let [actor_learning_rate, critic_learning_rate] = [update.actor_learning_rate, update.critic_learning_rate];
        let epoch = Epoch { epoch, actor_learning_rate, critic_learning_rate, learnt, validation };
        improvement.log.push(context.epoch(epoch)?);
        improvement.save(context, components.policy.as_ref(), rehearsal.as_ref())?;
    }
    let Improvement { log, choice } = improvement;
    write_policy(context.work, &choice.state)?;
    context.work.write_json_lines(layout::METRICS, &log)?;
    components.policy.restore(&choice.state)?;
    Ok(json!({ "epochs": log.len(), "chosen_epoch": choice.chosen.epoch, "validation": choice.chosen.score }))
}

/// Where the improvement stands.
struct Improvement {
    log: Vec<Epoch>,
    choice: Choice,
}

impl Improvement {
    /// From what an interrupted attempt kept, or from the policy as the step finds it.
    fn begin(
        context: &StepContext<'_>,
        components: &mut Components,
        (calibration, held_out): (&Calibration, &HeldOut),
        rehearsal: Option<&mut Rehearsal>,
    ) -> Result<Self, AdaptError> {
        let by = context.plan.policy.checkpoint;
        if let Some(Saved { progress: (log, chosen, order), training, kept }) = context.saved()? {
            components.policy.resume_training(&training)?;
            if let (Some(rehearsal), Some::<Order>(order)) = (rehearsal, order) {
                rehearsal.order = order;
            }
            return Ok(Self {
                log,
                choice: Choice { by, cases: held_out.cases(), chosen, state: policy_among(kept)? },
            });
        }
        let start = held_out.score(context, components, calibration, 0)?;
        let choice = Choice::start(by, start, components.policy.state()?, held_out.cases());
        perturb(context, components)?;
        Ok(Self { log: Vec::new(), choice })
    }

    fn save(
        &self,
        context: &StepContext<'_>,
        policy: &dyn Policy,
        rehearsal: Option<&Rehearsal>,
    ) -> Result<(), AdaptError> {
        let progress = (&self.log, &self.choice.chosen, rehearsal.map(|rehearsal| &rehearsal.order));
        Ok(context.save(&progress, policy.training_state()?, kept_policy(&self.choice.state))?)
    }
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

fn train_epoch(
    context: &mut StepContext<'_>,
    components: &mut Components,
    calibration: &Calibration,
    (training, mut rehearsal): (&Training, Option<&mut Rehearsal>),
    (epoch, update): (usize, &PolicyUpdate),
) -> Result<Learnt, AdaptError> {
    let plan = context.plan;
    let settings = &plan.policy;
    let batch = settings.batch.at(context.step.iteration).round() as usize;
    let seed = context.seed.named("policy epoch").indexed(epoch);
    let batches = batches::shuffled(&shapes(&training.cases), batch, seed);
    let what = format!("epoch {epoch} of {}", settings.epochs);
    let total = settings.epochs * batches.len();
    let mut means = Means::default();
    let make = |index: usize| training.batch(&batches[index], plan, seed.indexed(index));
    ahead(batches.len(), make, |index, batch| {
        context.progress(Progress::batches(&what, (epoch - 1) * batches.len() + index, total))?;
        let name = batches::name(epoch, index, batch.names());
        let rate = update.actor_learning_rate;
        let learn = || match settings.baseline {
            None => {
                let seed = seed.named("act").indexed(index);
                follow_reward(components, calibration, batch, (update, seed)).map(|learnt| means.add(learnt))
            }
            Some(rule) => {
                baseline::follow(rule, components.policy.as_mut(), &batch, rate).map(|loss| means.add_loss(loss))
            }
        };
        learn().map_err(|error: ComponentError| error.context(name.clone()))?;
        let Some(rehearsal) = &mut rehearsal else { return Ok(()) };
        let rehearsed = rehearsal.rehearse(components.policy.as_mut(), settings.rehearsal_steps, rate);
        rehearsed.map_err(|error| error.context(format!("after {name}")).into())
    })?;
    Ok(means.take())
}

/// One rollout and all updates on it; also tells the mean reward.
fn follow_reward(
    components: &mut Components,
    calibration: &Calibration,
    batch: Batch<'_>,
    (update, seed): (&PolicyUpdate, Seed),
) -> Result<(UpdateStats, f64), ComponentError> {
    let replaced: Vec<Option<&LabelMap>> = batch.views.iter().map(|(_, stands_in)| stands_in.as_ref()).collect();
    let rollout = rollout(components, calibration, batch.images, &replaced, seed)?;
    let stats = components.policy.update(&rollout, update)?;
    let reward = rollout.rewards.iter().map(|&reward| f64::from(reward)).sum::<f64>() / rollout.rewards.len() as f64;
    Ok((stats, reward))
}

/// Means over the batches of an epoch.
#[derive(Default)]
struct Means {
    stats: UpdateStats,
    reward: f64,
    rollouts: f64,
    loss: f64,
    losses: f64,
}

impl Means {
    fn add(&mut self, (stats, reward): (UpdateStats, f64)) {
        let sum = &mut self.stats;
        sum.policy_loss += stats.policy_loss;
        sum.value_loss += stats.value_loss;
        sum.entropy += stats.entropy;
        sum.approx_kl += stats.approx_kl;
        sum.clip_fraction += stats.clip_fraction;
        sum.reference_divergence += stats.reference_divergence;
        sum.grad_norm += stats.grad_norm;
        self.reward += reward;
        self.rollouts += 1.0;
    }

    fn add_loss(&mut self, loss: Option<f64>) {
        if let Some(loss) = loss {
            self.loss += loss;
            self.losses += 1.0;
        }
    }

    fn take(self) -> Learnt {
        let n = self.rollouts;
        let sum = self.stats;
        let update = UpdateStats {
            policy_loss: sum.policy_loss / n,
            value_loss: sum.value_loss / n,
            entropy: sum.entropy / n,
            approx_kl: sum.approx_kl / n,
            clip_fraction: sum.clip_fraction / n,
            reference_divergence: sum.reference_divergence / n,
            grad_norm: sum.grad_norm / n,
        };
        let rewarded = n > 0.0;
        Learnt {
            update: rewarded.then_some(update),
            mean_reward: rewarded.then_some(self.reward / n),
            loss: (self.losses > 0.0).then_some(self.loss / self.losses),
        }
    }
}

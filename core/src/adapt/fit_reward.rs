//! Step 2: the reward network learns from all reward samples so far, and is calibrated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    AdaptError, Components, Progress, StepContext,
    ahead::ahead,
    batches,
    calibrate::{Calibration, calibrate},
    epochs::Saved,
    reward_data::{Parts, RewardData, Voxels},
};
use crate::{component::RewardModel, config::RewardSettings, domain::Seed, measure::calibration, run_dir::layout};

/// What the network that was best so far is called among what the step keeps.
const REWARD: &str = "reward";

#[derive(Serialize, Deserialize)]
struct Epoch {
    epoch: usize,
    learning_rate: f64,
    loss: f64,
    validation_loss: f64,
}

pub(super) fn run(context: &mut StepContext<'_>, components: &mut Components) -> Result<Value, AdaptError> {
    if !components.reward.is_learnt() {
        context.work.write(layout::REWARD, &components.reward.state()?)?;
        context.work.write_json(layout::CALIBRATION, &Calibration::NONE)?;
        return Ok(json!({ "calibration": Calibration::NONE }));
    }
    let samples = RewardData::load(context, components)?;
    let parts = samples.split(context.plan)?;
    let Fitting { log, best: state, .. } = fit(context, components.reward.as_mut(), &samples, &parts)?;
    components.reward.restore(&state)?;
    let (calibration, origins) = calibrate(context, components.reward.as_ref(), &samples, &parts)?;
    context.work.write(layout::REWARD, &state)?;
    context.work.write_json(layout::CALIBRATION, &calibration)?;
    context.work.write_json_lines(layout::ORIGINS, &origins)?;
    context.work.write_json_lines(layout::METRICS, &log)?;
    Ok(json!({
        "samples": { "train": parts.train.len(), "validation": parts.validation.len(), "test": parts.test.len() },
        "validation_loss": log.iter().map(|epoch| epoch.validation_loss).reduce(f64::min),
        "calibration": calibration,
    }))
}

/// Where fitting stands.
#[derive(Serialize, Deserialize)]
struct Fitting {
    log: Vec<Epoch>,
    plateau: Plateau,
    best_loss: Option<f64>,
    #[serde(skip)]
    best: Vec<u8>,
}

impl Fitting {
    /// From what an interrupted attempt kept, or from fresh weights.
    fn begin(context: &StepContext<'_>, reward: &mut dyn RewardModel) -> Result<Self, AdaptError> {
        if let Some(Saved { progress, training, mut kept }) = context.saved::<Self>()? {
            reward.resume_training(&training)?;
            return Ok(Self { best: kept.remove(REWARD).unwrap_or_default(), ..progress });
        }
        reward.reset(context.seed.named("reward"))?;
        let plateau = Plateau { learning_rate: context.plan.reward.learning_rate, best: None, waited: 0 };
        Ok(Self { log: Vec::new(), plateau, best_loss: None, best: reward.state()? })
    }

    /// Adds an epoch; its network is kept if it is better than all before.
    fn note(&mut self, epoch: Epoch, settings: &RewardSettings, reward: &dyn RewardModel) -> Result<(), AdaptError> {
        if self.best_loss.is_none_or(|best| epoch.validation_loss < best) {
            (self.best_loss, self.best) = (Some(epoch.validation_loss), reward.state()?);
        }
        self.plateau.step(epoch.validation_loss, settings.plateau_factor, settings.plateau_patience);
        self.log.push(epoch);
        Ok(())
    }

    fn save(&self, context: &StepContext<'_>, reward: &dyn RewardModel) -> Result<(), AdaptError> {
        let kept = BTreeMap::from([(REWARD.to_owned(), self.best.clone())]);
        Ok(context.save(self, reward.training_state()?, kept)?)
    }
}

fn fit(
    context: &mut StepContext<'_>,
    reward: &mut dyn RewardModel,
    samples: &RewardData,
    parts: &Parts,
) -> Result<Fitting, AdaptError> {
    let settings = context.plan.reward;
    let mut fitting = Fitting::begin(context, reward)?;
    for epoch in fitting.log.len() + 1..=settings.epochs {
        let seed = context.seed.named("reward epoch").indexed(epoch);
        let learning_rate = fitting.plateau.learning_rate;
        let loss = train_epoch(context, reward, samples, &parts.train, (epoch, learning_rate, seed))?;
        let validation_loss = validation_loss(context, reward, samples, &parts.validation)?;
        let epoch = context.epoch(Epoch { epoch, learning_rate, loss, validation_loss })?;
        fitting.note(epoch, &settings, reward)?;
        fitting.save(context, reward)?;
    }
    Ok(fitting)
}

fn train_epoch(
    context: &mut StepContext<'_>,
    reward: &mut dyn RewardModel,
    samples: &RewardData,
    train: &[usize],
    (epoch, learning_rate, seed): (usize, f64, Seed),
) -> Result<f64, AdaptError> {
    let settings = context.plan.reward;
    let batches = batches::shuffled(&samples.shapes(train), settings.batch, seed);
    let what = format!("epoch {epoch} of {}", settings.epochs);
    let total = settings.epochs * batches.len();
    let mut loss = 0.0;
    let make = |index: usize| {
        let chosen: Vec<usize> = batches[index].iter().map(|&place| train[place]).collect();
        samples.batch(&chosen)
    };
    ahead(batches.len(), make, |index, batch| {
        context.progress(Progress::batches(&what, (epoch - 1) * batches.len() + index, total))?;
        let of_batch = || batches::name(epoch, index, batches[index].iter().map(|&place| samples.case(train[place])));
        let of_samples = reward.fit_step(&batch, learning_rate).map_err(|error| error.context(of_batch()))?;
        loss += of_samples * batch.images.batch as f64;
        Ok(())
    })?;
    Ok(loss / train.len() as f64)
}

fn validation_loss(
    context: &StepContext<'_>,
    reward: &dyn RewardModel,
    samples: &RewardData,
    validation: &[usize],
) -> Result<f64, AdaptError> {
    let (logits, correct) = samples.judged(context, reward, validation, Voxels::All)?;
    Ok(calibration::binary_cross_entropy(&logits, &correct, 1.0)?)
}

/// Lowers the learning rate when the validation loss stands still (torch's `ReduceLROnPlateau`,
/// mode `min`, relative threshold 10⁻⁴).
#[derive(Serialize, Deserialize)]
struct Plateau {
    learning_rate: f64,
    best: Option<f64>,
    waited: usize,
}

impl Plateau {
    fn step(&mut self, loss: f64, factor: f64, patience: usize) {
        if self.best.is_none_or(|best| loss < best * (1.0 - 1e-4)) {
            self.best = Some(loss);
            self.waited = 0;
            return;
        }
        self.waited += 1;
        if self.waited > patience {
            self.learning_rate *= factor;
            self.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_falls_after_patience_runs_out() {
        let mut plateau = Plateau { learning_rate: 1.0, best: None, waited: 0 };
        plateau.step(1.0, 0.1, 2);
        for _ in 0..2 {
            plateau.step(1.0, 0.1, 2);
        }
        assert_eq!(plateau.learning_rate, 1.0);
        plateau.step(1.0, 0.1, 2);
        assert!((plateau.learning_rate - 0.1).abs() < 1e-12);
    }
}

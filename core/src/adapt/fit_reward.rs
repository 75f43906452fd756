//! Step 2: the reward network learns from all reward samples so far, and is calibrated.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    AdaptError, Components, Progress, StepContext,
    ahead::ahead,
    batches,
    reward_data::{Parts, RewardData, Voxels},
};
use crate::{
    component::RewardModel,
    domain::Seed,
    measure::calibration::{self, Reliability},
    run_dir::layout,
};

/// How far the reward network's probabilities can be trusted. p = sigmoid(logit / temperature).
///
/// Temperature after Guo et al. (ICML 2017), fitted on the validation cases with the best weights. All
/// numbers are of the voxels where the judged or the right label is not background: the rest is easy,
/// and there is so much of it that it would decide alone. Samples of source images count too: they are the
/// only ones whose right labels are an expert's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What logits are divided by.
    pub temperature: f64,
    /// Expected calibration error on the test cases with temperature 1, 20 bins; absent where nothing was fitted.
    pub ece_before: Option<f64>,
    /// The same with the fitted temperature.
    pub ece_after: Option<f64>,
    /// Area under the ROC curve of 1 − p as a detector of wrong voxels, on the test cases; absent
    /// where all of them are right.
    pub error_auroc: Option<f64>,
}

impl Calibration {
    /// Of rewards that are taken as they are.
    pub(super) const NONE: Self = Self { temperature: 1.0, ece_before: None, ece_after: None, error_auroc: None };

    /// The probability that a voxel's label is right, from the network's logit.
    #[must_use]
    pub fn probability(&self, logit: f32) -> f32 {
        1.0 / (1.0 + (-f64::from(logit) / self.temperature).exp()) as f32
    }
}

/// Bins of the expected calibration error.
pub(super) const ECE_BINS: usize = 20;

#[derive(Serialize)]
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
    components.reward.reset(context.seed.named("reward"))?;
    let (state, log) = fit(context, components.reward.as_mut(), &samples, &parts)?;
    components.reward.restore(&state)?;
    let calibration = calibrate(context, components.reward.as_ref(), &samples, &parts)?;
    context.work.write(layout::REWARD, &state)?;
    context.work.write_json(layout::CALIBRATION, &calibration)?;
    context.work.write_json_lines(layout::METRICS, &log)?;
    Ok(json!({
        "samples": { "train": parts.train.len(), "validation": parts.validation.len(), "test": parts.test.len() },
        "validation_loss": log.iter().map(|epoch| epoch.validation_loss).reduce(f64::min),
        "calibration": calibration,
    }))
}

fn fit(
    context: &mut StepContext<'_>,
    reward: &mut dyn RewardModel,
    samples: &RewardData,
    parts: &Parts,
) -> Result<(Vec<u8>, Vec<Epoch>), AdaptError> {
    let settings = context.plan.reward;
    let mut plateau = Plateau { learning_rate: settings.learning_rate, best: f64::INFINITY, waited: 0 };
    let mut best = (f64::INFINITY, reward.state()?);
    let mut log = Vec::new();
    for epoch in 1..=settings.epochs {
        let seed = context.seed.named("reward epoch").indexed(epoch);
        let learning_rate = plateau.learning_rate;
        let loss = train_epoch(context, reward, samples, &parts.train, (epoch, learning_rate, seed))?;
        let validation_loss = validation_loss(reward, samples, &parts.validation, settings.batch)?;
        if validation_loss < best.0 {
            best = (validation_loss, reward.state()?);
        }
        plateau.step(validation_loss, settings.plateau_factor, settings.plateau_patience);
        log.push(Epoch { epoch, learning_rate, loss, validation_loss });
    }
    Ok((best.1, log))
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
        context.observer.progress(Progress { what: &what, done: (epoch - 1) * batches.len() + index, total });
        let of_batch = || batches::name(epoch, index, batches[index].iter().map(|&place| samples.case(train[place])));
        let of_samples = reward.fit_step(&batch, learning_rate).map_err(|error| error.context(of_batch()))?;
        loss += of_samples * batch.images.batch as f64;
        Ok(())
    })?;
    Ok(loss / train.len() as f64)
}

fn validation_loss(
    reward: &dyn RewardModel,
    samples: &RewardData,
    validation: &[usize],
    batch: usize,
) -> Result<f64, AdaptError> {
    let (logits, correct) = samples.judged(reward, validation, (batch, Voxels::All))?;
    Ok(calibration::binary_cross_entropy(&logits, &correct, 1.0)?)
}

fn calibrate(
    context: &StepContext<'_>,
    reward: &dyn RewardModel,
    samples: &RewardData,
    parts: &Parts,
) -> Result<Calibration, AdaptError> {
    let batch = context.plan.reward.batch;
    let (logits, correct) = samples.judged(reward, &parts.validation, (batch, Voxels::Foreground))?;
    let temperature = calibration::fit_temperature(&logits, &correct)?.temperature;
    let (logits, correct) = samples.judged(reward, &parts.test, (batch, Voxels::Foreground))?;
    let mut found = Calibration::NONE;
    let ece = |calibration: &Calibration| {
        let confidence: Vec<f32> = logits.iter().map(|&logit| calibration.probability(logit)).collect();
        Reliability::equal_width(&confidence, &correct, ECE_BINS).map(|reliability| reliability.expected_error())
    };
    found.ece_before = Some(ece(&found)?);
    found.temperature = temperature;
    found.ece_after = Some(ece(&found)?);
    let doubt: Vec<f32> = logits.iter().map(|&logit| -logit).collect();
    let wrong: Vec<bool> = correct.iter().map(|&correct| !correct).collect();
    found.error_auroc = calibration::area_under_roc(&doubt, &wrong).ok();
    Ok(found)
}

/// Lowers the learning rate when the validation loss stands still (torch's `ReduceLROnPlateau`,
/// mode `min`, relative threshold 10⁻⁴).
struct Plateau {
    learning_rate: f64,
    best: f64,
    waited: usize,
}

impl Plateau {
    fn step(&mut self, loss: f64, factor: f64, patience: usize) {
        if loss < self.best * (1.0 - 1e-4) {
            self.best = loss;
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
        let mut plateau = Plateau { learning_rate: 1.0, best: f64::INFINITY, waited: 0 };
        plateau.step(1.0, 0.1, 2);
        for _ in 0..2 {
            plateau.step(1.0, 0.1, 2);
        }
        assert_eq!(plateau.learning_rate, 1.0);
        plateau.step(1.0, 0.1, 2);
        assert!((plateau.learning_rate - 0.1).abs() < 1e-12);
    }
}

//! How far a fitted reward network can be trusted, in all and by what made the label maps it judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AdaptError, StepContext,
    reward_data::{Parts, RewardData, Voxels},
};
use crate::{
    component::RewardModel,
    domain::SampleOrigin,
    measure::calibration::{self, CalibrationError, Reliability},
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
    pub const NONE: Self = Self { temperature: 1.0, ece_before: None, ece_after: None, error_auroc: None };

    /// The probability that a voxel's label is right, from the network's logit.
    #[must_use]
    pub fn probability(&self, logit: f32) -> f32 {
        1.0 / (1.0 + (-f64::from(logit) / self.temperature).exp()) as f32
    }

    /// The expected calibration error of the probabilities.
    fn error(&self, logits: &[f32], correct: &[bool]) -> Result<f64, CalibrationError> {
        let confidence: Vec<f32> = logits.iter().map(|&logit| self.probability(logit)).collect();
        Reliability::equal_width(&confidence, correct, ECE_BINS).map(|reliability| reliability.expected_error())
    }
}

/// Bins of the expected calibration error.
pub(super) const ECE_BINS: usize = 20;

/// How well the wrong voxels of one kind of label map are found, on the test cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OriginQuality {
    /// What made the label maps.
    origin: SampleOrigin,
    /// How many there are.
    samples: usize,
    /// Share of the voxels that are wrong.
    wrong: f64,
    /// Expected calibration error with the fitted temperature, 20 bins.
    ece: f64,
    /// As [`Calibration::error_auroc`].
    error_auroc: Option<f64>,
}

/// Fits the temperature, and tells what the network is worth with it.
pub(super) fn calibrate(
    context: &StepContext<'_>,
    reward: &dyn RewardModel,
    samples: &RewardData,
    parts: &Parts,
) -> Result<(Calibration, Vec<OriginQuality>), AdaptError> {
    let judged = |chosen: &[usize]| samples.judged(context, reward, chosen, Voxels::Foreground);
    let (logits, correct) = judged(&parts.validation)?;
    let temperature = calibration::fit_temperature(&logits, &correct)?.temperature;
    let mut by_origin: BTreeMap<&SampleOrigin, Vec<usize>> = BTreeMap::new();
    for &number in &parts.test {
        by_origin.entry(samples.origin(number)).or_default().push(number);
    }
    let fitted = Calibration { temperature, ..Calibration::NONE };
    let mut all = (Vec::new(), Vec::new());
    let mut origins = Vec::new();
    for (origin, chosen) in by_origin {
        let (logits, correct) = judged(&chosen)?;
        if !correct.is_empty() {
            let wrong = correct.iter().filter(|&&correct| !correct).count() as f64 / correct.len() as f64;
            let (origin, samples, ece) = (origin.clone(), chosen.len(), fitted.error(&logits, &correct)?);
            origins.push(OriginQuality { origin, samples, wrong, ece, error_auroc: error_auroc(&logits, &correct) });
        }
        all.0.extend(logits);
        all.1.extend(correct);
    }
    let (logits, correct) = all;
    let calibration = Calibration {
        ece_before: Some(Calibration::NONE.error(&logits, &correct)?),
        ece_after: Some(fitted.error(&logits, &correct)?),
        error_auroc: error_auroc(&logits, &correct),
        ..fitted
    };
    Ok((calibration, origins))
}

fn error_auroc(logits: &[f32], correct: &[bool]) -> Option<f64> {
    let doubt: Vec<f32> = logits.iter().map(|&logit| -logit).collect();
    let wrong: Vec<bool> = correct.iter().map(|&correct| !correct).collect();
    calibration::area_under_roc(&doubt, &wrong).ok()
}

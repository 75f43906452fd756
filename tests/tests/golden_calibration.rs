//! Temperature, calibration errors and associations against recorded answers.

use anyhow::{Context, Result, ensure};
use rl4seg_core::measure::calibration::{
    Reliability, binary_cross_entropy, fit_line, fit_temperature, mutual_information, pearson,
};
use rl4seg_tests::fixtures::{Array, Set};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-6;
const TEMPERATURE_TOLERANCE: f64 = 1e-3;
/// Bins of the recorded calibration errors.
const BINS: usize = 20;

#[derive(Deserialize)]
struct Answers {
    bce_loss: f64,
    temperature_corrected_bce: Temperature,
    calibration: CalibrationErrors,
    mutual_information: Information,
    correlation: Correlation,
}

#[derive(Deserialize)]
struct Temperature {
    #[serde(rename = "T_exact_minimiser")]
    exact: f64,
    #[serde(rename = "loss_T1")]
    loss_before: f64,
    /// The recorded optimiser stops short of the minimum, where the loss is flat.
    loss_final: f64,
}

#[derive(Deserialize)]
struct CalibrationErrors {
    n: usize,
    ece: f64,
    mce: f64,
    ace: f64,
    amce: f64,
}

#[derive(Deserialize)]
struct Information {
    mi: Vec<f64>,
    mi_norm: Vec<f64>,
}

#[derive(Deserialize)]
struct Correlation {
    uncertainty: Vec<f64>,
    dice: Vec<f64>,
    pearson_r: f64,
    /// Intercept and slope.
    ols_params: [f64; 2],
    cooks_distance: Vec<f64>,
    threshold_4_over_n: f64,
}

#[test]
fn the_temperature_is_the_minimiser_of_the_cross_entropy() -> Result<()> {
    let (set, answers) = open()?;
    let logits: Array<f32> = set.array("logits.npy.gz")?;
    let labels: Array<u8> = set.array("labels.npy.gz")?;
    let correct: Vec<bool> = labels.values.iter().map(|&label| label == 1).collect();
    let recorded = answers.temperature_corrected_bce;
    check("cross-entropy", binary_cross_entropy(&logits.values, &correct, 1.0)?, answers.bce_loss)?;
    let fit = fit_temperature(&logits.values, &correct)?;
    ensure!((fit.temperature - recorded.exact).abs() <= TEMPERATURE_TOLERANCE, "{fit:?} against {}", recorded.exact);
    check("loss before", fit.loss_before, recorded.loss_before)?;
    ensure!(fit.loss_after <= recorded.loss_final + TOLERANCE, "{fit:?} against {}", recorded.loss_final);
    Ok(())
}

#[test]
fn calibration_errors_lose_no_voxel_and_weight_by_share() -> Result<()> {
    let (set, answers) = open()?;
    let maps = Maps::read(&set)?;
    let (confidence, correct): (Vec<f64>, Vec<bool>) = maps.foreground().unzip();
    let recorded = answers.calibration;
    ensure!(confidence.len() == recorded.n, "{} voxels against {}", confidence.len(), recorded.n);
    let equal_width = Reliability::equal_width(&confidence, &correct, BINS)?;
    check("ece", equal_width.expected_error(), recorded.ece)?;
    check("mce", equal_width.max_error(), recorded.mce)?;
    let equal_mass = Reliability::equal_mass(&confidence, &correct, BINS)?;
    check("ace", equal_mass.expected_error(), recorded.ace)?;
    check("amce", equal_mass.max_error(), recorded.amce)
}

#[test]
fn mutual_information_is_that_of_ten_bins() -> Result<()> {
    let (set, answers) = open()?;
    let maps = Maps::read(&set)?;
    let recorded = answers.mutual_information;
    let images = maps.confidence.items().len();
    ensure!(images == recorded.mi.len() && images == recorded.mi_norm.len(), "{images} images");
    for (image, (nats, normalized)) in recorded.mi.into_iter().zip(recorded.mi_norm).enumerate() {
        let (confidence, correct): (Vec<f64>, Vec<bool>) = maps.image(image)?.unzip();
        let found = mutual_information(&confidence, &correct)?;
        check("mutual information", found.nats, nats).with_context(|| format!("image {image}"))?;
        check("normalized", found.normalized, normalized).with_context(|| format!("image {image}"))?;
    }
    Ok(())
}

#[test]
fn pearson_equals_the_recorded_coefficient() -> Result<()> {
    let (_, answers) = open()?;
    let recorded = answers.correlation;
    check("pearson", pearson(&recorded.uncertainty, &recorded.dice)?, recorded.pearson_r)
}

#[test]
fn the_line_and_cook_s_distances_are_the_recorded_ones() -> Result<()> {
    let (_, answers) = open()?;
    let recorded = answers.correlation;
    let fit = fit_line(&recorded.uncertainty, &recorded.dice)?;
    check("intercept", fit.intercept, recorded.ols_params[0])?;
    check("slope", fit.slope, recorded.ols_params[1])?;
    check("threshold", fit.influential_from(), recorded.threshold_4_over_n)?;
    ensure!(fit.cook.len() == recorded.cooks_distance.len(), "{} distances", fit.cook.len());
    fit.cook.iter().zip(&recorded.cooks_distance).try_for_each(|(&found, &recorded)| check("distance", found, recorded))
}

/// What a network said of some images, and what an expert said.
struct Maps {
    confidence: Array<f64>,
    labels: Array<u8>,
    reference: Array<u8>,
}

impl Maps {
    fn read(set: &Set) -> Result<Self> {
        let maps = Self {
            confidence: set.array("confidence.npy.gz")?,
            labels: set.array("pred.npy.gz")?,
            reference: set.array("gt.npy.gz")?,
        };
        ensure!(maps.confidence.shape == maps.labels.shape && maps.labels.shape == maps.reference.shape, "shapes");
        Ok(maps)
    }

    /// Confidence and correctness of every voxel that either label map calls a structure.
    fn foreground(&self) -> impl Iterator<Item = (f64, bool)> {
        let labels = self.labels.values.iter().zip(&self.reference.values);
        let voxels = self.confidence.values.iter().zip(labels);
        voxels
            .filter(|(_, labels)| *labels != (&0, &0))
            .map(|(&confidence, (label, right))| (confidence, label == right))
    }

    /// Confidence and correctness of every voxel of one image.
    fn image(&self, index: usize) -> Result<impl Iterator<Item = (f64, bool)>> {
        let labels = self.labels.items().nth(index).context("no such image")?;
        let reference = self.reference.items().nth(index).context("no such image")?;
        let confidence = self.confidence.items().nth(index).context("no such image")?;
        let correct = labels.iter().zip(reference).map(|(label, right)| label == right);
        Ok(confidence.iter().copied().zip(correct))
    }
}

fn open() -> Result<(Set, Answers)> {
    let set = Set::open("calibration")?;
    let answers = set.json("calibration.json")?;
    Ok((set, answers))
}

fn check(what: &str, found: f64, recorded: f64) -> Result<()> {
    ensure!((found - recorded).abs() <= TOLERANCE, "{what} is {found}; recorded {recorded}");
    Ok(())
}

//! What the uncertainty of reviewed cases is worth.

use std::path::PathBuf;

use rl4seg_core::{
    adapt::ReviewedCase,
    domain::{CaseId, Verdict},
    measure::{
        calibration::{
            CalibrationError, LineFit, Reliability, ReliabilityBin, area_under_roc, fit_line, mutual_information,
            pearson,
        },
        mean,
    },
};
use serde::Serialize;

/// Bins of all calibration errors and of the histogram.
const BINS: usize = 20;

/// All that is told of a run's uncertainty.
#[derive(Debug, Serialize)]
pub struct Measures {
    pub run: PathBuf,
    pub iteration: usize,
    #[serde(flatten)]
    pub agreement: Option<Agreement>,
    /// Why there is no agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// The least certain first.
    pub cases: Vec<Case>,
}

/// How far uncertainty goes with being wrong. Voxels are those where result or reference is not background; a voxel's
/// confidence is the calibrated probability that its label is right.
#[derive(Debug, Serialize)]
pub struct Agreement {
    pub voxels: usize,
    /// Share of these voxels whose label is right.
    pub accuracy: f64,
    /// Expected calibration error over 20 bins of equal width.
    pub ece: f64,
    /// Largest error of such a bin.
    pub mce: f64,
    /// Expected calibration error over 20 bins of equal numbers of voxels.
    pub ace: f64,
    /// Bins of equal width: mean confidence and accuracy.
    pub reliability: Vec<ReliabilityBin>,
    /// How often each twentieth of confidence is found, for right and for wrong labels.
    pub confidence_histogram: Histogram,
    /// Mutual information of confidence and being right, divided by the mean of their entropies: mean over the
    /// cases in which there are right and wrong voxels.
    pub normalized_mutual_information: Option<f64>,
    /// The chance that a wrong voxel is less certain than a right one.
    pub error_auroc: f64,
    /// Pearson's correlation of a case's mean uncertainty and its Dice.
    pub dice_correlation: Option<f64>,
    /// The same of its uncertainty for each segmented voxel.
    pub dice_correlation_of_foreground: Option<f64>,
}

/// Counts of voxels.
#[derive(Debug, Serialize)]
pub struct Histogram {
    pub right: [usize; BINS],
    pub wrong: [usize; BINS],
}

/// A case, for those who look through the results.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    pub case: CaseId,
    pub verdict: Verdict,
    /// Mean over the structures.
    pub dice: Option<f64>,
    /// 1 - probability, mean over all voxels.
    pub mean_uncertainty: f64,
    /// The same sum for each segmented voxel; absent where nothing is segmented.
    pub foreground_uncertainty: Option<f64>,
    /// How much it bends the line through foreground uncertainty and Dice.
    pub cook_distance: Option<f64>,
    /// Whether that is above 4 / number of cases.
    pub influential: bool,
}

impl Case {
    fn of(reviewed: &ReviewedCase) -> Self {
        let ReviewedCase { result, uncertainty, voxels, segmented, .. } = reviewed;
        Self {
            case: result.case.clone(),
            verdict: result.verdict,
            dice: result.dice(),
            mean_uncertainty: uncertainty / *voxels as f64,
            foreground_uncertainty: (*segmented > 0).then(|| uncertainty / *segmented as f64),
            cook_distance: None,
            influential: false,
        }
    }

    /// What cases are ranked and set beside their Dice by.
    pub fn doubt(&self) -> f64 {
        self.foreground_uncertainty.unwrap_or(f64::INFINITY)
    }
}

/// Foreground uncertainty and Dice of the cases that have both, with their places.
fn points(cases: &[Case]) -> (Vec<usize>, Vec<f64>, Vec<f64>) {
    let (mut places, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for (place, case) in cases.iter().enumerate() {
        if let (Some(uncertainty), Some(dice)) = (case.foreground_uncertainty, case.dice) {
            places.push(place);
            x.push(uncertainty);
            y.push(dice);
        }
    }
    (places, x, y)
}

/// The line through foreground uncertainty and Dice, where there is one.
pub fn line(cases: &[Case]) -> Option<LineFit> {
    let (_, x, y) = points(cases);
    fit_line(&x, &y).ok()
}

impl Measures {
    /// The ranking needs no references; the agreement does.
    pub fn of(run: PathBuf, iteration: usize, reviewed: &[ReviewedCase]) -> Self {
        let mut cases: Vec<Case> = reviewed.iter().map(Case::of).collect();
        mark_influential(&mut cases);
        cases.sort_by(|a, b| b.doubt().total_cmp(&a.doubt()).then_with(|| a.case.cmp(&b.case)));
        let (agreement, not_measured) = match Agreement::of(reviewed, &cases) {
            Ok(agreement) => (Some(agreement), None),
            Err(_) if reviewed.iter().all(|case| case.foreground.is_empty()) => {
                let why =
                    "no test case of the target has an expert's label map, so nothing tells how far this is right";
                (None, Some(why.to_owned()))
            }
            Err(error) => (None, Some(format!("how far this is right cannot be told: {error}"))),
        };
        Self { run, iteration, agreement, not_measured, cases }
    }
}

impl Agreement {
    /// # Errors
    /// If no case has a reference, or not both right and wrong voxels are there.
    fn of(reviewed: &[ReviewedCase], cases: &[Case]) -> Result<Self, CalibrationError> {
        let foreground = || reviewed.iter().flat_map(|case| &case.foreground);
        let (confidence, correct): (Vec<f32>, Vec<bool>) = foreground().copied().unzip();
        let equal_width = Reliability::equal_width(&confidence, &correct, BINS)?;
        let equal_mass = Reliability::equal_mass(&confidence, &correct, BINS)?;
        let doubt: Vec<f32> = confidence.iter().map(|confidence| -confidence).collect();
        let wrong: Vec<bool> = correct.iter().map(|correct| !correct).collect();
        let (_, x, y) = points(cases);
        let means: (Vec<f64>, Vec<f64>) =
            cases.iter().filter_map(|case| Some((case.mean_uncertainty, case.dice?))).unzip();
        Ok(Self {
            voxels: correct.len(),
            accuracy: correct.iter().filter(|&&correct| correct).count() as f64 / correct.len() as f64,
            ece: equal_width.expected_error(),
            mce: equal_width.max_error(),
            ace: equal_mass.expected_error(),
            reliability: equal_width.bins,
            confidence_histogram: Histogram::of(foreground()),
            normalized_mutual_information: information(reviewed),
            error_auroc: area_under_roc(&doubt, &wrong)?,
            dice_correlation: pearson(&means.0, &means.1).ok(),
            dice_correlation_of_foreground: pearson(&x, &y).ok(),
        })
    }
}

fn mark_influential(cases: &mut [Case]) {
    let (places, ..) = points(cases);
    let Some(fit) = line(cases) else { return };
    for (place, &distance) in places.into_iter().zip(&fit.cook) {
        cases[place].cook_distance = Some(distance);
        cases[place].influential = distance > fit.influential_from();
    }
}

fn information(reviewed: &[ReviewedCase]) -> Option<f64> {
    let of_case = |case: &ReviewedCase| {
        let (confidence, correct): (Vec<f32>, Vec<bool>) = case.foreground.iter().copied().unzip();
        Some(mutual_information(&confidence, &correct).ok()?.normalized)
    };
    mean(reviewed.iter().filter_map(of_case))
}

impl Histogram {
    fn of<'a>(voxels: impl Iterator<Item = &'a (f32, bool)>) -> Self {
        let mut histogram = Self { right: [0; BINS], wrong: [0; BINS] };
        for &(confidence, right) in voxels {
            let bin = ((f64::from(confidence) * BINS as f64) as usize).min(BINS - 1);
            let counts = if right { &mut histogram.right } else { &mut histogram.wrong };
            counts[bin] += 1;
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use rl4seg_core::{adapt::CaseResult, measure::StructureScore};

    use super::*;

    fn reviewed(name: &str, dice: f64, uncertainty: f64) -> ReviewedCase {
        let structures =
            vec![StructureScore { label: 1, dice: Some(dice), hausdorff_mm: None, hd95_mm: None, assd_mm: None }];
        ReviewedCase {
            result: CaseResult {
                domain: "target".to_owned(),
                case: CaseId(name.to_owned()),
                verdict: Verdict::Valid,
                findings: Vec::new(),
                structures: Some(structures),
                mean_reward: None,
            },
            foreground: vec![(0.9, true), (0.9, true), (0.2, false), (0.95, true)],
            uncertainty,
            voxels: 100,
            segmented: 10,
        }
    }

    #[test]
    fn the_least_certain_case_comes_first_and_the_odd_one_is_marked() {
        let odd = reviewed("odd", 0.2, 1.0);
        let others = (0..8).map(|n| reviewed(&format!("c{n}"), 0.95 - 0.01 * f64::from(n), 1.0 + 0.1 * f64::from(n)));
        let cases: Vec<ReviewedCase> = others.chain([odd]).collect();
        let found = Measures::of("run".into(), 1, &cases);
        let agreement = found.agreement.unwrap();
        assert_eq!(found.cases[0].case.as_str(), "c7");
        assert!((found.cases[0].mean_uncertainty - 0.017).abs() < 1e-12);
        let influential: Vec<&str> =
            found.cases.iter().filter(|case| case.influential).map(|case| case.case.as_str()).collect();
        assert_eq!(influential, ["odd"]);
        assert_eq!(agreement.error_auroc, 1.0);
        assert_eq!(agreement.confidence_histogram.wrong[4], 9);
        assert_eq!(agreement.confidence_histogram.right.iter().sum::<usize>(), 27);
        assert!((agreement.accuracy - 0.75).abs() < 1e-12);
    }

    #[test]
    fn without_a_reference_cases_are_ranked_and_nothing_else_is_measured() {
        let blind = |name: &str, uncertainty: f64| {
            let mut case = ReviewedCase { foreground: Vec::new(), ..reviewed(name, 0.5, uncertainty) };
            case.result.structures = None;
            case
        };
        let found = Measures::of("run".into(), 1, &[blind("a", 1.0), blind("b", 2.0)]);
        assert!(found.agreement.is_none() && found.not_measured.unwrap().contains("an expert's label map"));
        let ranked: Vec<&str> = found.cases.iter().map(|case| case.case.as_str()).collect();
        assert_eq!((ranked, found.cases[0].dice), (vec!["b", "a"], None));
    }
}

use std::collections::BTreeMap;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{domain::Seed, random};

/// The mean of values; nothing where there are none.
#[must_use]
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

/// Samples drawn with replacement.
const RESAMPLES: usize = 10_000;
/// The bounds of an interval are these shares of the samples' means.
const TAILS: [f64; 2] = [0.025, 0.975];

/// A mean with its 95 % interval. Ask [`Interval::bounds`] for what may be shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The mean over all values.
    pub mean: f64,
    /// 2.5 % of the samples' means are lower.
    pub low: f64,
    /// 2.5 % are higher.
    pub high: f64,
    /// How many patients the values are of. Draws from one are all the same, so that `low` and `high` are the mean and say nothing.
    pub patients: usize,
    /// How many values there are, one of each case that could be measured.
    pub cases: usize,
}

impl Interval {
    /// `low` and `high`, where there are patients enough to tell them.
    #[must_use]
    pub fn bounds(&self) -> Option<[f64; 2]> {
        (self.patients > 1).then_some([self.low, self.high])
    }
}

/// The mean of values, each with the patient it is of, and its percentile bootstrap interval (Efron and Tibshirani
/// 1993): patients are drawn with replacement, since the images of one are alike. Of differences case by
/// case this is the paired bootstrap. Nothing where there are no values or one is not finite.
#[must_use]
pub fn bootstrap_by_patient(values: &[(&str, f64)], seed: Seed) -> Option<Interval> {
    let mut patients: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for &(patient, value) in values {
        let (sum, count) = patients.entry(patient).or_default();
        (*sum, *count) = (*sum + value, *count + 1.0);
    }
    let patients: Vec<(f64, f64)> = patients.into_values().collect();
    let mean_of = |drawn: &mut dyn Iterator<Item = (f64, f64)>| {
        let (sum, count) = drawn.fold((0.0, 0.0), |(sum, count), (s, n)| (sum + s, count + n));
        sum / count
    };
    let mean = mean_of(&mut patients.iter().copied());
    if !mean.is_finite() {
        return None;
    }
    let mut generator = random::generator(seed.named("bootstrap"));
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| mean_of(&mut (0..patients.len()).map(|_| patients[generator.random_range(0..patients.len())])))
        .collect();
    means.sort_by(f64::total_cmp);
    let [low, high] = TAILS.map(|tail| means[((RESAMPLES - 1) as f64 * tail).round() as usize]);
    Some(Interval { mean, low, high, patients: patients.len(), cases: values.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_many_patients_is_that_of_the_normal_distribution() {
        let names: Vec<String> = (0..400).map(|patient| format!("p{patient}")).collect();
        let values: Vec<(&str, f64)> =
            names.iter().enumerate().map(|(patient, name)| (name.as_str(), (patient % 2) as f64)).collect();
        let found = bootstrap_by_patient(&values, Seed(1)).unwrap();
        // 1.96 · 0.5 / √400
        assert!((found.mean - 0.5).abs() < 1e-12);
        assert!((found.low - 0.451).abs() < 0.006 && (found.high - 0.549).abs() < 0.006, "{found:?}");
        assert_eq!((found.patients, found.bounds()), (400, Some([found.low, found.high])));
        assert_eq!(found.cases, 400);
        assert_eq!(bootstrap_by_patient(&values, Seed(1)), Some(found));
    }

    #[test]
    fn images_of_one_patient_are_drawn_together() {
        let values: Vec<(&str, f64)> = (0..400).map(|image| ("only", f64::from(image % 2))).collect();
        let found = bootstrap_by_patient(&values, Seed(1)).unwrap();
        assert_eq!((found.mean, found.low, found.high), (0.5, 0.5, 0.5));
        assert_eq!((found.patients, found.cases, found.bounds()), (1, 400, None));
    }

    #[test]
    fn there_is_no_interval_of_nothing_or_of_nan() {
        assert_eq!(bootstrap_by_patient(&[], Seed(1)), None);
        assert_eq!(bootstrap_by_patient(&[("a", f64::NAN)], Seed(1)), None);
    }
}

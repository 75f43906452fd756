use super::{CalibrationError, Result, require_both_outcomes, require_pairs, require_values};

/// What a confidence tells about being right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MutualInformation {
    /// Mutual information, nats.
    pub nats: f64,
    /// The same divided by the mean entropy of the two: 0 if the confidence tells nothing, 1 if it
    /// tells all.
    pub normalized: f64,
}

/// Bins of the confidence, of equal width between its smallest and its largest value.
const CONFIDENCE_BINS: usize = 10;

/// Mutual information of a confidence and of being right, from a histogram with ten bins of the
/// confidence over its range; each bin holds its lower edge and not its upper one, the last holds
/// both.
///
/// # Errors
/// If there are no voxels, lengths differ, a confidence is not finite or all are the same, or all
/// voxels are right or all are wrong.
pub fn mutual_information<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool]) -> Result<MutualInformation> {
    require_pairs("confidences", confidence.len(), correct.len())?;
    require_both_outcomes(correct)?;
    let (low, high) = range("confidence", confidence)?;
    let edge = |bin: usize| low + (high - low) * bin as f64 / CONFIDENCE_BINS as f64;
    let edges: Vec<f64> = (1..CONFIDENCE_BINS).map(edge).collect();
    let mut joint = [[0.0; 2]; CONFIDENCE_BINS];
    for (&confidence, &right) in confidence.iter().zip(correct) {
        let confidence = confidence.into();
        joint[edges.partition_point(|&edge| edge <= confidence)][usize::from(right)] += 1.0 / correct.len() as f64;
    }
    let by_confidence = entropy(joint.iter().map(|[wrong, right]| wrong + right));
    let by_outcome = entropy([0, 1].map(|outcome| joint.iter().map(|bin| bin[outcome]).sum::<f64>()));
    let nats = by_confidence + by_outcome - entropy(joint.into_iter().flatten());
    Ok(MutualInformation { nats, normalized: 2.0 * nats / (by_confidence + by_outcome) })
}

/// Area under the receiver operating characteristic: the probability that `score` is higher for a
/// voxel that `is_error` marks than for one that it does not, ties counted half (Hanley and McNeil
/// 1982).
///
/// # Errors
/// If there are no voxels, lengths differ, a score is not finite, or all voxels are marked or none.
pub fn area_under_roc<T: Into<f64> + Copy>(score: &[T], is_error: &[bool]) -> Result<f64> {
    require_pairs("scores", score.len(), is_error.len())?;
    require_values("score", score, "a finite number", |_| true)?;
    require_both_outcomes(is_error)?;
    let mut voxels: Vec<(f64, bool)> =
        score.iter().zip(is_error).map(|(&score, &marked)| (score.into(), marked)).collect();
    voxels.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let (mut unmarked_below, mut marked, mut ordered_pairs) = (0.0, 0.0, 0.0);
    for tied in voxels.chunk_by(|left, right| left.0 == right.0) {
        let marked_here = tied.iter().filter(|(_, marked)| *marked).count() as f64;
        let unmarked_here = tied.len() as f64 - marked_here;
        ordered_pairs += marked_here * (unmarked_below + 0.5 * unmarked_here);
        unmarked_below += unmarked_here;
        marked += marked_here;
    }
    Ok(ordered_pairs / (marked * unmarked_below))
}

/// Pearson's correlation coefficient.
///
/// # Errors
/// If there are no values, lengths differ, a value is not finite, or one list is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64> {
    require_pairs("x values", x.len(), y.len())?;
    range("x value", x)?;
    range("y value", y)?;
    let count = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().map(|x| x - mean_x).zip(y.iter().map(|y| y - mean_y)) {
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Smallest and largest value; refuses NaN, infinity and a constant.
pub(super) fn range<T: Into<f64> + Copy>(what: &'static str, values: &[T]) -> Result<(f64, f64)> {
    require_values(what, values, "a finite number", |_| true)?;
    let bounds = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.iter().fold(bounds, |(low, high), &value| (low.min(value.into()), high.max(value.into())));
    if low < high { Ok((low, high)) } else { Err(CalibrationError::Constant { what, value: low }) }
}

/// Entropy of a distribution, nats.
fn entropy(shares: impl IntoIterator<Item = f64>) -> f64 {
    shares.into_iter().filter(|&share| share > 0.0).map(|share| -share * share.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_that_tells_all_has_normalized_information_one() {
        let told = mutual_information(&[0.2, 0.9, 0.2, 0.9], &[false, true, false, true]).unwrap();
        assert!((told.nats - 2.0_f64.ln()).abs() < 1e-12 && (told.normalized - 1.0).abs() < 1e-12);
        let untold = mutual_information(&[0.2, 0.2, 0.9, 0.9], &[false, true, false, true]).unwrap();
        assert!(untold.nats.abs() < 1e-12);
    }

    #[test]
    fn area_under_roc_counts_ordered_pairs() {
        assert_eq!(area_under_roc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Ok(0.75));
        assert_eq!(area_under_roc(&[1.0, 1.0, 1.0], &[false, true, false]), Ok(0.5));
        assert_eq!(area_under_roc(&[0.0, -0.0], &[true, false]), Ok(0.5));
    }

    #[test]
    fn pearson_is_one_on_a_line_and_refuses_a_constant() {
        assert!((pearson(&[1.0, 2.0, 4.0], &[-1.0, -3.0, -7.0]).unwrap() + 1.0).abs() < 1e-12);
        assert!(matches!(pearson(&[1.0, 1.0], &[0.0, 1.0]), Err(CalibrationError::Constant { .. })));
        assert!(matches!(pearson(&[1.0], &[2.0]), Err(CalibrationError::Constant { .. })));
        assert!(pearson(&[1.0, f64::NAN], &[0.0, 1.0]).is_err());
        assert!(pearson(&[], &[]).is_err());
    }

    #[test]
    fn an_area_needs_errors_and_right_voxels() {
        assert!(matches!(area_under_roc(&[0.1, 0.2], &[true, true]), Err(CalibrationError::OneOutcome { .. })));
        assert!(area_under_roc(&[f32::NAN, 0.2], &[true, false]).is_err());
    }
}

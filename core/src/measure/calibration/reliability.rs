use serde::{Deserialize, Serialize};

use super::{CalibrationError, Result, require_pairs, require_values};

/// A reliability diagram: confidence against accuracy in bins. Empty bins are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reliability {
    /// The bins that hold voxels, by rising confidence.
    pub bins: Vec<ReliabilityBin>,
}

/// One bin of a [`Reliability`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReliabilityBin {
    /// Its voxels.
    pub voxels: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
}

impl Reliability {
    /// Bins of equal width over [0, 1]. Each holds its upper edge and not its lower one; the first
    /// holds 0 too, so that no confidence is lost.
    ///
    /// # Errors
    /// If there are no voxels or no bins, lengths differ, or a confidence is not in [0, 1].
    pub fn equal_width<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool], bins: usize) -> Result<Self> {
        check(confidence, correct, bins)?;
        let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 / bins as f64).collect();
        let mut sums = vec![Sum::default(); bins];
        for (&confidence, &right) in confidence.iter().zip(correct) {
            let confidence = confidence.into();
            sums[edges.partition_point(|&edge| edge < confidence)].add(confidence, right);
        }
        Ok(Self::of(&sums))
    }

    /// Bins of equal numbers of voxels, by rising confidence; the first ones hold one voxel more
    /// where the number does not divide. Voxels of the same confidence stay in their given order.
    ///
    /// # Errors
    /// As [`Reliability::equal_width`].
    pub fn equal_mass<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool], bins: usize) -> Result<Self> {
        check(confidence, correct, bins)?;
        let mut voxels: Vec<(f64, bool)> =
            confidence.iter().zip(correct).map(|(&confidence, &right)| (confidence.into(), right)).collect();
        voxels.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (each, larger) = (voxels.len() / bins, voxels.len() % bins);
        let mut rest = voxels.as_slice();
        let mut sums = vec![Sum::default(); bins];
        for (bin, sum) in sums.iter_mut().enumerate() {
            let (held, behind) = rest.split_at(each + usize::from(bin < larger));
            held.iter().for_each(|&(confidence, right)| sum.add(confidence, right));
            rest = behind;
        }
        Ok(Self::of(&sums))
    }

    /// Mean of |confidence − accuracy| over the voxels, bin by bin: the expected calibration error
    /// (Naeini et al. 2015) over bins of equal width, the adaptive one (Nixon et al. 2019) over bins
    /// of equal mass.
    #[must_use]
    pub fn expected_error(&self) -> f64 {
        let voxels: usize = self.bins.iter().map(|bin| bin.voxels).sum();
        self.bins.iter().map(|bin| bin.error() * bin.voxels as f64 / voxels as f64).sum()
    }

    /// Largest |confidence − accuracy| of a bin: the maximum calibration error (Naeini et al. 2015).
    #[must_use]
    pub fn max_error(&self) -> f64 {
        self.bins.iter().map(ReliabilityBin::error).fold(0.0, f64::max)
    }

    fn of(sums: &[Sum]) -> Self {
        let bins = sums.iter().filter(|sum| sum.voxels > 0).map(|sum| ReliabilityBin {
            voxels: sum.voxels,
            confidence: sum.confidence / sum.voxels as f64,
            accuracy: sum.right as f64 / sum.voxels as f64,
        });
        Self { bins: bins.collect() }
    }
}

impl ReliabilityBin {
    /// |confidence − accuracy|.
    #[must_use]
    pub fn error(&self) -> f64 {
        (self.confidence - self.accuracy).abs()
    }
}

#[derive(Clone, Copy, Default)]
struct Sum {
    voxels: usize,
    confidence: f64,
    right: usize,
}

impl Sum {
    fn add(&mut self, confidence: f64, right: bool) {
        self.voxels += 1;
        self.confidence += confidence;
        self.right += usize::from(right);
    }
}

fn check<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool], bins: usize) -> Result<()> {
    require_pairs("confidences", confidence.len(), correct.len())?;
    require_values("confidence", confidence, "a number in [0, 1]", |value| (0.0..=1.0).contains(&value))?;
    if bins == 0 { Err(CalibrationError::NoBins) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_holds_its_upper_edge_and_the_first_holds_zero() {
        let diagram = Reliability::equal_width(&[0.0, 0.25, 0.5, 0.51, 1.0], &[true; 5], 2).unwrap();
        assert_eq!(diagram.bins.iter().map(|bin| bin.voxels).collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn errors_are_weighted_by_the_share_of_voxels() {
        let confidence = [0.1_f32, 0.1, 0.1, 0.9];
        let diagram = Reliability::equal_width(&confidence, &[false, false, false, false], 10).unwrap();
        assert!((diagram.expected_error() - (0.75 * 0.1 + 0.25 * 0.9)).abs() < 1e-7);
        assert!((diagram.max_error() - 0.9).abs() < 1e-7);
    }

    #[test]
    fn equal_mass_spreads_the_remainder_over_the_first_bins() {
        let confidence: Vec<f64> = (0..7).rev().map(|rank| f64::from(rank) / 10.0).collect();
        let diagram = Reliability::equal_mass(&confidence, &[true; 7], 3).unwrap();
        assert_eq!(diagram.bins.iter().map(|bin| bin.voxels).collect::<Vec<_>>(), [3, 2, 2]);
        assert!((diagram.bins[0].confidence - 0.1).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_confidence_is_refused() {
        for bad in [f64::NAN, -0.1, 1.1] {
            assert!(Reliability::equal_width(&[bad], &[true], 10).is_err(), "{bad}");
            assert!(Reliability::equal_mass(&[bad], &[true], 10).is_err(), "{bad}");
        }
        assert!(Reliability::equal_width::<f64>(&[], &[], 10).is_err());
        assert!(Reliability::equal_width(&[0.5], &[true], 0).is_err());
    }
}

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
        let mut parts = EqualWidth::new(bins)?;
        parts.add(confidence, correct)?;
        Ok(parts.reliability())
    }

    /// Bins of equal numbers of voxels, by rising confidence; the first ones hold one voxel more
    /// where the number does not divide. Voxels of the same confidence stay in their given order.
    ///
    /// # Errors
    /// As [`Reliability::equal_width`].
    pub fn equal_mass<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool], bins: usize) -> Result<Self> {
        require_bins(bins)?;
        check(confidence, correct)?;
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

/// [`Reliability::equal_width`] of voxels that come part by part: the same to the bit, and only sums are kept of them.
#[derive(Debug, Clone)]
pub struct EqualWidth {
    edges: Vec<f64>,
    sums: Vec<Sum>,
}

impl EqualWidth {
    /// Nothing yet, in so many bins.
    ///
    /// # Errors
    /// If there are no bins.
    pub fn new(bins: usize) -> Result<Self> {
        require_bins(bins)?;
        let edges = (1..bins).map(|edge| edge as f64 / bins as f64).collect();
        Ok(Self { edges, sums: vec![Sum::default(); bins] })
    }

    /// Adds voxels.
    ///
    /// # Errors
    /// If there are none, lengths differ, or a confidence is not in [0, 1].
    pub fn add<T: Into<f64> + Copy>(&mut self, confidence: &[T], correct: &[bool]) -> Result<()> {
        check(confidence, correct)?;
        for (&confidence, &right) in confidence.iter().zip(correct) {
            let confidence = confidence.into();
            self.sums[self.edges.partition_point(|&edge| edge < confidence)].add(confidence, right);
        }
        Ok(())
    }

    /// Of all voxels so far; without bins if there are none.
    #[must_use]
    pub fn reliability(&self) -> Reliability {
        Reliability::of(&self.sums)
    }
}

impl ReliabilityBin {
    /// |confidence − accuracy|.
    #[must_use]
    pub fn error(&self) -> f64 {
        (self.confidence - self.accuracy).abs()
    }
}

#[derive(Debug, Clone, Copy, Default)]
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

fn check<T: Into<f64> + Copy>(confidence: &[T], correct: &[bool]) -> Result<()> {
    require_pairs("confidences", confidence.len(), correct.len())?;
    require_values("confidence", confidence, "a number in [0, 1]", |value| (0.0..=1.0).contains(&value))
}

fn require_bins(bins: usize) -> Result<()> {
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
    fn parts_come_to_what_the_whole_does_to_the_bit() {
        let confidence: Vec<f32> = (0..1000_u16).map(|index| f32::from(index * 37 % 101) / 100.0).collect();
        let correct: Vec<bool> = (0..1000).map(|index| index % 3 > 0).collect();
        let whole = Reliability::equal_width(&confidence, &correct, 20).unwrap();
        let mut parts = EqualWidth::new(20).unwrap();
        assert!(parts.reliability().bins.is_empty());
        for part in [0..1, 1..400, 400..1000] {
            parts.add(&confidence[part.clone()], &correct[part]).unwrap();
        }
        assert_eq!(parts.reliability(), whole);
        assert_eq!(parts.reliability().expected_error().to_bits(), whole.expected_error().to_bits());
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

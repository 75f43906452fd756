use rayon::prelude::*;

use super::{CalibrationError, Result, require_both_outcomes, require_pairs, require_values};

/// A temperature and what it does to the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureFit {
    /// T of sigmoid(logit / T).
    pub temperature: f64,
    /// Mean binary cross-entropy at T = 1, nats.
    pub loss_before: f64,
    /// Mean binary cross-entropy at the fitted T, nats.
    pub loss_after: f64,
}

/// Mean binary cross-entropy of sigmoid(logit / `temperature`) against `correct`, nats.
///
/// # Errors
/// If there are no voxels, lengths differ, a logit is not finite, or the temperature is not finite
/// and above 0.
pub fn binary_cross_entropy(logits: &[f32], correct: &[bool], temperature: f64) -> Result<f64> {
    check_logits(logits, correct)?;
    require_values("temperature", &[temperature], "a finite number above 0", |value| value > 0.0)?;
    Ok(at_inverse_temperature(logits, correct, temperature.recip()).loss)
}

/// Temperature scaling (Guo et al. 2017): the T that minimises the binary cross-entropy of
/// sigmoid(logit / T) against `correct`.
///
/// The loss is convex in 1 / T, so its only minimum is found by Newton's method on 1 / T, kept
/// within a bracket of the derivative's root, to a relative precision of 10⁻¹⁰.
///
/// # Errors
/// If there are no voxels, lengths differ, a logit is not finite, all voxels are right or all are
/// wrong, or there is no minimum: the logits separate right from wrong without a fault (T → 0), or
/// they are no better than chance (T → ∞).
pub fn fit_temperature(logits: &[f32], correct: &[bool]) -> Result<TemperatureFit> {
    check_logits(logits, correct)?;
    require_both_outcomes(correct)?;
    let (mut low, mut high) = bracket(logits, correct)?;
    let mut inverse = 0.5 * (low + high);
    for _ in 0..MAX_STEPS {
        let at = at_inverse_temperature(logits, correct, inverse);
        *(if at.slope < 0.0 { &mut low } else { &mut high }) = inverse;
        let newton = inverse - at.slope / at.curvature;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let step = (next - inverse).abs();
        inverse = next;
        if step <= PRECISION * inverse {
            break;
        }
    }
    Ok(TemperatureFit {
        temperature: inverse.recip(),
        loss_before: at_inverse_temperature(logits, correct, 1.0).loss,
        loss_after: at_inverse_temperature(logits, correct, inverse).loss,
    })
}

/// Relative precision of 1 / T.
const PRECISION: f64 = 1e-10;
/// Bisection alone reaches the precision in about 45.
const MAX_STEPS: usize = 100;
/// A temperature below 2⁻²⁰ turns every logit into a certainty.
const MAX_DOUBLINGS: usize = 20;
/// Voxels summed by one thread. Partial sums are added in order, so the number of threads does not
/// change the result.
const CHUNK: usize = 1 << 16;

/// Two values of 1 / T between which the loss stops falling.
fn bracket(logits: &[f32], correct: &[bool]) -> Result<(f64, f64)> {
    if at_inverse_temperature(logits, correct, 0.0).slope >= 0.0 {
        return Err(CalibrationError::NoTemperature {
            reason: "the logits are no higher where labels are right than where they are wrong",
        });
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..MAX_DOUBLINGS {
        if at_inverse_temperature(logits, correct, high).slope > 0.0 {
            return Ok((low, high));
        }
        (low, high) = (high, 2.0 * high);
    }
    Err(CalibrationError::NoTemperature {
        reason: "the sign of the logits tells right from wrong without a fault, so the loss falls for ever as T goes to 0",
    })
}

/// The mean loss and its first two derivatives by 1 / T.
#[derive(Clone, Copy, Default)]
struct Loss {
    loss: f64,
    slope: f64,
    curvature: f64,
}

fn at_inverse_temperature(logits: &[f32], correct: &[bool], inverse: f64) -> Loss {
    let chunks = logits.par_chunks(CHUNK).zip(correct.par_chunks(CHUNK));
    let partial: Vec<Loss> = chunks.map(|(logits, correct)| sum_of_chunk(logits, correct, inverse)).collect();
    let total = partial.iter().fold(Loss::default(), |sum, part| Loss {
        loss: sum.loss + part.loss,
        slope: sum.slope + part.slope,
        curvature: sum.curvature + part.curvature,
    });
    let count = logits.len() as f64;
    Loss { loss: total.loss / count, slope: total.slope / count, curvature: total.curvature / count }
}

fn sum_of_chunk(logits: &[f32], correct: &[bool], inverse: f64) -> Loss {
    let mut sum = Loss::default();
    for (&logit, &right) in logits.iter().zip(correct) {
        // With s the logit's sign towards the truth, the loss is log(1 + exp(−s · logit / T)).
        let towards_truth = if right { f64::from(logit) } else { -f64::from(logit) };
        let scaled = towards_truth * inverse;
        let tail = (-scaled.abs()).exp();
        let chance_wrong = if scaled >= 0.0 { tail / (1.0 + tail) } else { 1.0 / (1.0 + tail) };
        sum.loss += tail.ln_1p() + (-scaled).max(0.0);
        sum.slope -= towards_truth * chance_wrong;
        sum.curvature += towards_truth * towards_truth * chance_wrong * (1.0 - chance_wrong);
    }
    sum
}

fn check_logits(logits: &[f32], correct: &[bool]) -> Result<()> {
    require_pairs("logits", logits.len(), correct.len())?;
    require_values("logit", logits, "a finite number", |_| true)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::{domain::Seed, random};

    /// Outcomes drawn from sigmoid(logit / `temperature`).
    fn drawn(temperature: f64, voxels: usize) -> (Vec<f32>, Vec<bool>) {
        let mut generator = random::generator(Seed(1));
        let one = |_| {
            let logit = generator.random_range(-12.0_f32..12.0);
            let chance = (1.0 + (-f64::from(logit) / temperature).exp()).recip();
            (logit, generator.random::<f64>() < chance)
        };
        (0..voxels).map(one).unzip()
    }

    #[test]
    fn the_temperature_that_made_the_outcomes_is_found() {
        for temperature in [0.3, 1.0, 4.0] {
            let (logits, correct) = drawn(temperature, 200_000);
            let fit = fit_temperature(&logits, &correct).unwrap();
            assert!((fit.temperature / temperature - 1.0).abs() < 0.03, "{} for {temperature}", fit.temperature);
            assert!(fit.loss_after <= fit.loss_before);
        }
    }

    #[test]
    fn the_loss_is_lowest_at_the_fitted_temperature() {
        let (logits, correct) = drawn(2.0, 5000);
        let fit = fit_temperature(&logits, &correct).unwrap();
        for factor in [0.99, 1.01] {
            assert!(binary_cross_entropy(&logits, &correct, fit.temperature * factor).unwrap() > fit.loss_after);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let (logits, correct) = drawn(2.0, 300_000);
        let fit_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit_temperature(&logits, &correct).unwrap())
        };
        assert_eq!(fit_with(1), fit_with(3));
    }

    #[test]
    fn huge_logits_neither_overflow_nor_become_nan() {
        let loss = binary_cross_entropy(&[1e30, -1e30, 5.0], &[true, false, true], 1.0).unwrap();
        assert!((loss - (-5.0_f64).exp().ln_1p() / 3.0).abs() < 1e-12);
    }

    #[test]
    fn data_without_a_temperature_are_refused() {
        use CalibrationError as E;
        assert!(matches!(fit_temperature(&[], &[]), Err(E::Empty { .. })));
        assert!(matches!(fit_temperature(&[1.0], &[true, false]), Err(E::Length { .. })));
        assert!(matches!(fit_temperature(&[1.0, f32::NAN], &[true, false]), Err(E::Value { index: 1, .. })));
        assert!(matches!(fit_temperature(&[1.0, 2.0], &[true, true]), Err(E::OneOutcome { outcome: true, .. })));
        assert!(matches!(fit_temperature(&[1.0, -2.0], &[true, false]), Err(E::NoTemperature { .. })));
        assert!(matches!(fit_temperature(&[-1.0, 2.0], &[true, false]), Err(E::NoTemperature { .. })));
        assert!(binary_cross_entropy(&[1.0], &[true], 0.0).is_err());
    }
}

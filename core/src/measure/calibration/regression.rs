use super::{CalibrationError, Result, association::range, require_pairs};

/// A straight line through points, fitted by least squares, and how much each point bends it.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFit {
    /// y where x is 0.
    pub intercept: f64,
    /// Change of y for each unit of x.
    pub slope: f64,
    /// Cook's distance of each point (Cook 1977): how far all fitted values move when it is left out, in units of
    /// their own spread.
    pub cook: Vec<f64>,
}

impl LineFit {
    /// Points whose Cook's distance is above 4 / n are commonly held to be influential.
    #[must_use]
    pub fn influential_from(&self) -> f64 {
        4.0 / self.cook.len() as f64
    }
}

/// Intercept and slope.
const PARAMETERS: f64 = 2.0;

/// Fits y = intercept + slope · x.
///
/// # Errors
/// If there are fewer than three points, lengths differ, a value is not finite, or one list is constant.
pub fn fit_line(x: &[f64], y: &[f64]) -> Result<LineFit> {
    require_pairs("x values", x.len(), y.len())?;
    range("x value", x)?;
    range("y value", y)?;
    if x.len() < 3 {
        return Err(CalibrationError::TooFew { what: "points for a line", found: x.len(), least: 3 });
    }
    let count = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let xx: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let xy: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let slope = xy / xx;
    let intercept = mean_y - slope * mean_x;
    let residuals: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - intercept - slope * x).collect();
    let variance = residuals.iter().map(|residual| residual * residual).sum::<f64>() / (count - PARAMETERS);
    let distance = |(x, residual): (&f64, &f64)| {
        let leverage = 1.0 / count + (x - mean_x).powi(2) / xx;
        if *residual == 0.0 {
            return 0.0;
        }
        residual * residual / (PARAMETERS * variance) * leverage / (1.0 - leverage).powi(2)
    };
    Ok(LineFit { intercept, slope, cook: x.iter().zip(&residuals).map(distance).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_bend_nothing() {
        let fit = fit_line(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.0, 5.0, 7.0]).unwrap();
        assert_eq!((fit.intercept, fit.slope), (1.0, 2.0));
        assert!(fit.cook.iter().all(|&distance| distance == 0.0), "{fit:?}");
        assert_eq!(fit.influential_from(), 1.0);
    }

    #[test]
    fn a_point_far_off_is_influential() {
        let fit = fit_line(&[0.0, 1.0, 2.0, 3.0, 10.0], &[0.0, 1.1, 1.9, 3.0, -5.0]).unwrap();
        assert!(fit.cook[4] > fit.influential_from() && fit.cook[1] < fit.influential_from(), "{fit:?}");
    }

    #[test]
    fn two_points_or_a_constant_make_no_line() {
        assert!(matches!(fit_line(&[0.0, 1.0], &[0.0, 1.0]), Err(CalibrationError::TooFew { .. })));
        assert!(matches!(fit_line(&[1.0; 4], &[0.0, 1.0, 2.0, 3.0]), Err(CalibrationError::Constant { .. })));
    }
}

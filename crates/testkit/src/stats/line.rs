//! A straight line through points, with the error of its slope: orders of convergence are slopes.

use crate::stats::Test;
use crate::stats::special::student_two_sided;
use crate::verdict::{Verdict, require};

/// The least-squares line `y = intercept + slope · x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The slope.
    pub slope: f64,
    /// The value at zero.
    pub intercept: f64,
    /// The standard error of the slope from the scatter about the line; NaN for two points.
    pub slope_error: f64,
    /// The number of points.
    pub n: usize,
}

impl Line {
    /// The line through `(x_k, y_k)`.
    ///
    /// # Panics
    /// Fewer than two points, or `x` and `y` of different length.
    #[track_caller]
    pub fn fit(x: &[f64], y: &[f64]) -> Self {
        assert!(
            x.len() == y.len() && x.len() >= 2,
            "a line needs two points or more: {x:?}, {y:?}"
        );
        let n = x.len() as f64;
        let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let spread: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
        let slope = x
            .iter()
            .zip(y)
            .map(|(x, y)| (x - mean_x) * (y - mean_y))
            .sum::<f64>()
            / spread;
        let intercept = mean_y - slope * mean_x;
        let residual: f64 = x
            .iter()
            .zip(y)
            .map(|(x, y)| (y - intercept - slope * x).powi(2))
            .sum();
        Line {
            slope,
            intercept,
            slope_error: (residual / (n - 2.0) / spread).sqrt(),
            n: x.len(),
        }
    }

    /// Tests the slope against its expectation by Student's t, for points with independent normal errors of equal size.
    pub fn test(&self, name: &str, expected: f64) -> Test {
        let statistic = (self.slope - expected) / self.slope_error;
        let p_value = if self.n < 3 {
            f64::NAN
        } else if self.slope == expected {
            1.0
        } else {
            student_two_sided(statistic, (self.n - 2) as f64)
        };
        Test {
            name: name.to_owned(),
            statistic,
            p_value,
            detail: format!(
                "slope {} ± {}, expected {expected}, {} points",
                self.slope, self.slope_error, self.n
            ),
        }
    }

    /// Requires the slope to lie within `tolerance` of what is expected, for errors that are systematic and not random.
    ///
    /// # Errors
    /// It does not.
    pub fn within(&self, name: &str, expected: f64, tolerance: f64) -> Verdict {
        require(
            (self.slope - expected).abs() <= tolerance,
            name,
            format_args!(
                "slope {} ± {} instead of {expected} ± {tolerance}",
                self.slope, self.slope_error
            ),
        )
    }
}

/// The order of convergence: the line of `log error` over `log step`.
///
/// # Panics
/// As [`Line::fit`]; a step or an error that is not positive gives a NaN slope, which no check accepts.
#[track_caller]
pub fn order(steps: &[f64], errors: &[f64]) -> Line {
    let logs = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<_>>();
    Line::fit(&logs(steps), &logs(errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example() {
        // Residuals −1/6, 1/3, −1/6: sum of squares 1/6 on one degree of freedom, spread 2.
        let line = Line::fit(&[0.0, 1.0, 2.0], &[0.0, 1.0, 1.0]);
        assert!((line.slope - 0.5).abs() < 1e-15 && (line.intercept - 1.0 / 6.0).abs() < 1e-15);
        assert!((line.slope_error - (1f64 / 12.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn orders_are_told_apart() {
        let steps: Vec<f64> = (3..9).map(|k| 0.5f64.powi(k)).collect();
        let errors: Vec<f64> = steps.iter().map(|h| 3.0 * h * h * (1.0 + 0.1 * h)).collect();
        order(&steps, &errors).within("second order", 2.0, 0.05).unwrap();
        assert!(order(&steps, &errors).within("first order", 1.0, 0.05).is_err());
        assert!(
            order(&steps, &errors)
                .test("first order", 1.0)
                .verdict(1e-6)
                .is_err()
        );
        assert!(order(&steps, &[0.0; 6]).within("exact", 2.0, 0.05).is_err());
    }
}

//! Intervals for the logarithm of a mean of skewed weights.
//!
//! Importance weights are skewed to the right, and then the studentised mean `T = √n (w̄ − μ) / s` is skewed to the left: when the
//! few large weights are missing from a sample, both `w̄` and `s` are too small. The usual interval `log w̄ ± t c / √n` therefore
//! misses on the high side. Its error is of order `γ / √n`, `γ` the skewness of the weights.
//!
//! Hall's (1992) transformation removes that term. The Edgeworth expansion of `T` is
//!
//! `P(T ≤ x) = Φ(x) + γ (2x² + 1) φ(x) / (6√n) + O(1/n)`,
//!
//! so `T + γ (2T² + 1) / (6√n)` is normal to that order; adding the term of order `1/n` that completes the cube makes it monotone:
//!
//! `g(T) = T + a T² + a² T³ / 3 + γ / (6√n)`, `a = γ / (3√n)`, hence `g(T) = ((1 + aT)³ − 1) / (3a) + γ / (6√n)`.
//!
//! With `t` the quantile of Student's law, `T` lies between `g⁻¹(−t)` and `g⁻¹(t)` in the stated fraction of repetitions up to
//! `O(1/n)`, and `μ = w̄ (1 − T c / √n)` carries that over to the mean and its logarithm. Working on the mean and taking the
//! logarithm of the ends at last needs no correction for the bias of the logarithm, since monotone maps keep coverage.
//!
//! Rejected: the delta method (error of order `1/√n`, all of it on the dangerous side; the tests hold the two against each other
//! on exponential weights), the same recentred by the bias `c² / 2n` (no better: the trouble is the tail, not the centre),
//! Cox's interval for log-normal weights (best when the weights are log-normal, which perfect mixing gives in the limit, and
//! inconsistent otherwise: its coverage falls to zero as `n` grows), the bootstrap-t (of the same order of accuracy, but random
//! and as many times dearer as it resamples).
//!
//! No interval sees a mode that no chain has visited, and none repairs weights without a variance; [`crate::Reliability`]
//! says when the second is likely.
//!
//! Source: Hall (1992), "On the removal of skewness by transformation", J. R. Statist. Soc. B 54, equation 2.3.

use crate::quantile::student_two_sided;

/// A range that contains an unknown number in the fraction `level` of repetitions.
///
/// ```
/// use gibbsian_partition::LogWeights;
///
/// let interval = LogWeights::new(vec![0.0, 0.1, 0.2, 0.1])?.interval(0.9)?;
/// assert!(interval.contains(0.1) && interval.width() > 0.0 && interval.level == 0.9);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end; `+∞` where the data set no limit.
    pub upper: f64,
    /// The nominal coverage, for example 0.95.
    pub level: f64,
}

impl Interval {
    /// `upper − lower`.
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }

    /// Whether the value lies between the ends, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// The interval of the negated number.
    pub(crate) fn negated(self) -> Self {
        Interval {
            lower: -self.upper,
            upper: -self.lower,
            level: self.level,
        }
    }
}

/// The ends of an interval for `μ / w̄` from the coefficient of variation and the skewness of `n` weights; the lower end may
/// be negative.
pub(crate) fn mean_ratio_interval(variation: f64, skewness: f64, n: usize, level: f64) -> (f64, f64) {
    let t = student_two_sided(level, n - 1);
    let root_n = (n as f64).sqrt();
    let end = |t: f64| 1.0 - hall_inverse(t, skewness / root_n) * variation / root_n;
    (end(t), end(-t))
}

/// The `T` with `g(T) = y`, given `γ / √n`.
fn hall_inverse(y: f64, scaled_skewness: f64) -> f64 {
    let a = scaled_skewness / 3.0;
    let shifted = y - scaled_skewness / 6.0;
    // The cube root loses the digits of small a; there the quadratic term alone is exact to rounding.
    if a.abs() < 1e-7 {
        shifted - a * shifted * shifted
    } else {
        ((1.0 + 3.0 * a * shifted).cbrt() - 1.0) / a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_transformation() {
        for skewness in [-2.0, -0.3, 0.0, 1e-9, 3e-7, 0.4, 3.0f64] {
            let a = skewness / 3.0;
            for t in [-6.0, -2.0, 0.0, 0.5, 2.0, 6.0f64] {
                let y = t + a * t * t + a * a * t.powi(3) / 3.0 + skewness / 6.0;
                assert!((hall_inverse(y, skewness) - t).abs() < 1e-7, "{skewness} {t}");
            }
        }
    }

    #[test]
    fn symmetric_weights_give_the_student_interval() {
        let (low, high) = mean_ratio_interval(0.5, 0.0, 100, 0.95);
        let half = student_two_sided(0.95, 99) * 0.05;
        assert!((low - (1.0 - half)).abs() < 1e-12 && (high - (1.0 + half)).abs() < 1e-12);
    }

    #[test]
    fn weights_skewed_to_the_right_move_the_interval_up() {
        let symmetric = mean_ratio_interval(0.5, 0.0, 100, 0.95);
        let skewed = mean_ratio_interval(0.5, 2.0, 100, 0.95);
        assert!(skewed.0 > symmetric.0 && skewed.1 > symmetric.1);
    }
}

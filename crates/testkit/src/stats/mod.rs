//! Statistical tests with a named probability of false alarm.
//!
//! Each test returns a [`Test`]: its statistic, its p-value and how it was found. [`Test::verdict`] compares the
//! p-value with an `alpha` that the caller names; several tests of one property form a [`family`] and share one
//! `alpha` after Bonferroni. P-values are exact or bounds from above, so that `alpha` really bounds the probability
//! of a false alarm, except where the documentation names an approximation. They keep their relative accuracy far
//! into the tails, where families of tests work.

pub mod binomial;
pub mod chi_square;
pub mod kolmogorov_smirnov;
pub mod line;
pub mod mean;
pub mod special;

use crate::verdict::{Failure, Verdict};

pub use binomial::{binomial, clopper_pearson};
pub use chi_square::{chi_square, uniform_ranks};
pub use kolmogorov_smirnov::{kolmogorov_smirnov, kolmogorov_smirnov_two_sample};
pub use line::{Line, order};
pub use mean::{mean, mean_of_chain, z_test};

/// The false-alarm probability that the conformance suite allows a family of tests.
pub const FALSE_ALARM: f64 = 1e-6;

/// A statistical test that has been made.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What was tested, and how.
    pub name: String,
    /// The value of the statistic.
    pub statistic: f64,
    /// The probability of a statistic at least this extreme when the hypothesis is true.
    pub p_value: f64,
    /// Sizes, degrees of freedom, and what stood out.
    pub detail: String,
}

impl Test {
    /// Whether the hypothesis survives at false-alarm probability `alpha`.
    ///
    /// # Errors
    /// `p_value ≤ alpha`, or a p-value that is NaN.
    pub fn verdict(&self, alpha: f64) -> Verdict {
        if self.p_value > alpha {
            Ok(())
        } else {
            Err(Failure::new(
                format!("{} (false-alarm probability {alpha:.1e})", self.name),
                format_args!(
                    "statistic {:.6e}, p-value {:.3e}; {}",
                    self.statistic, self.p_value, self.detail
                ),
            ))
        }
    }

    /// [`Test::verdict`] that panics.
    ///
    /// # Panics
    /// When the hypothesis is rejected, with everything that is known.
    #[track_caller]
    pub fn assert(&self, alpha: f64) {
        if let Err(failure) = self.verdict(alpha) {
            panic!("{failure}");
        }
    }
}

/// All tests of a family at the joint false-alarm probability `alpha`, each at `alpha / n` (Bonferroni).
///
/// # Errors
/// The test with the smallest p-value, when it is rejected; or an empty family.
pub fn family(tests: &[Test], alpha: f64) -> Verdict {
    // NaN sorts before everything, so that it is never overlooked.
    let key = |t: &Test| if t.p_value.is_nan() { -1.0 } else { t.p_value };
    let Some(worst) = tests.iter().min_by(|a, b| key(a).total_cmp(&key(b))) else {
        return Err(Failure::new("a family of tests", "is empty"));
    };
    worst
        .verdict(alpha / tests.len() as f64)
        .map_err(|f| f.within(format_args!("the worst of {} tests", tests.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(p_value: f64) -> Test {
        Test {
            name: "mean".into(),
            statistic: 3.0,
            p_value,
            detail: "n = 10".into(),
        }
    }

    #[test]
    fn a_family_shares_its_false_alarm_probability() {
        assert!(test(0.004).verdict(0.005).is_err());
        assert!(test(0.004).verdict(0.003).is_ok());
        assert!(family(&[test(0.004), test(0.5)], 0.007).is_ok());
        assert!(family(&[test(0.5), test(0.004)], 0.009).is_err());
        assert!(family(&[], 0.5).is_err());
        assert!(family(&[test(f64::NAN), test(0.5)], 1e-6).is_err());
    }

    #[test]
    #[should_panic(expected = "statistic 3.000000e0, p-value 4.000e-3; n = 10")]
    fn the_panic_tells_everything() {
        test(0.004).assert(0.01);
    }
}

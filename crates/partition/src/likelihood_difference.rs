//! Which of two models gives more probability to some data, and whether that is known.
//!
//! The average log-likelihoods of models `a` and `b` over `T` test cases differ by
//!
//! `Δ = (1/T) Σ_t [log f_a(x_t) − log f_b(x_t)] − (log Z_a − log Z_b)`.
//!
//! Two errors stand between this and a statement. The normalisers are estimates: that is all there is to know about *these* test cases. And the test
//! cases are a sample: about *their source* the spread of the **paired** differences speaks, which is far smaller than that of either model's
//! log-likelihoods, since easy and difficult cases are so for both.
//!
//! Intervals of the two normalisers need not be symmetric. They are combined by the distances of their ends from the estimates, in
//! squares, side by side (Zou and Donner 2008, "Construction of confidence limits about effect measures: a general approach").

use std::fmt;

use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{Error, Result};
use ndarray::ArrayView1;

use crate::estimate::Estimate;
use crate::influence::mean_and_error;
use crate::interval::Interval;
use crate::quantile::student_two_sided;

/// The difference of two models' average log-likelihoods.
///
/// ```
/// use gibbsian_partition::{ForwardAis, LikelihoodDifference, LikelihoodVerdict, LogWeights};
/// use ndarray::Array1;
///
/// // Two models by their unnormalised log-densities of 50 cases; both have log Z = 0 here.
/// let log_z = ForwardAis::from_log_weights(LogWeights::new(vec![0.0; 100])?).estimate(0.95)?;
/// let a = Array1::from_shape_fn(50, |t| -1.0 - 0.01 * t as f64);
/// let b = Array1::from_shape_fn(50, |t| -1.5 - 0.011 * t as f64);
/// let difference = LikelihoodDifference::new(a.view(), b.view(), &log_z, &log_z)?;
/// assert_eq!(difference.verdict, LikelihoodVerdict::First, "{difference}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodDifference {
    /// `Δ`, in nats a test case; positive in favour of the first model.
    pub difference: f64,
    /// For these test cases: the error of the normalisers.
    pub these_cases: Interval,
    /// For the source of the test cases: their sampling error as well.
    pub their_source: Interval,
    /// The conclusion about the source.
    pub verdict: LikelihoodVerdict,
}

/// The conclusion of a [`LikelihoodDifference`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikelihoodVerdict {
    /// The first model is better.
    First,
    /// The second model is better.
    Second,
    /// The interval contains zero.
    Undecided,
    /// A normaliser carries a verdict against itself.
    Untrusted,
}

impl LikelihoodDifference {
    /// Compares two models by `log f_a(x_t)` and `log f_b(x_t)` `(T)` of the same test cases and the estimates of their normalisers.
    ///
    /// # Errors
    /// Fewer than two test cases, different numbers of them, a value that is not finite (named by its index), or estimates of different levels.
    pub fn new(
        log_f_a: ArrayView1<f64>,
        log_f_b: ArrayView1<f64>,
        log_z_a: &Estimate,
        log_z_b: &Estimate,
    ) -> Result<Self> {
        let n = log_f_a.len();
        if n < 2 {
            return Err(Error::parameter(
                "log_f_a",
                format!("{n} test cases"),
                "at least 2",
            ));
        }
        check_shape("log_f_b", &log_f_b, &[n])?;
        check_finite("log_f_a", &log_f_a)?;
        check_finite("log_f_b", &log_f_b)?;
        let (a, b) = (log_z_a.interval, log_z_b.interval);
        if a.level != b.level {
            return Err(Error::parameter(
                "log_z_b.interval.level",
                b.level,
                format!("that of the other, {}", a.level),
            ));
        }
        let pairs = log_f_a.iter().zip(&log_f_b).map(|(a, b)| a - b);
        let differences: Vec<f64> = pairs.collect();
        let (mean, error) = mean_and_error(differences.iter().copied());
        let difference = mean - (log_z_a.log_z - log_z_b.log_z);
        let sampling = student_two_sided(a.level, n - 1) * error;
        let interval = |sampling: f64| {
            let squares = |x: f64, y: f64| (x * x + y * y + sampling * sampling).sqrt();
            Interval {
                lower: difference - squares(a.upper - log_z_a.log_z, log_z_b.log_z - b.lower),
                upper: difference + squares(log_z_a.log_z - a.lower, b.upper - log_z_b.log_z),
                level: a.level,
            }
        };
        let their_source = interval(sampling);
        let trusted = log_z_a.reliability.is_trusted() && log_z_b.reliability.is_trusted();
        let verdict = if !trusted {
            LikelihoodVerdict::Untrusted
        } else if their_source.lower > 0.0 {
            LikelihoodVerdict::First
        } else if their_source.upper < 0.0 {
            LikelihoodVerdict::Second
        } else {
            LikelihoodVerdict::Undecided
        };
        Ok(LikelihoodDifference {
            difference,
            these_cases: interval(0.0),
            their_source,
            verdict,
        })
    }
}

impl fmt::Display for LikelihoodDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "difference {:.4} nat a test case, [{:.4}, {:.4}] for these and [{:.4}, {:.4}] for their source at {:.1} %: {}",
            self.difference,
            self.these_cases.lower,
            self.these_cases.upper,
            self.their_source.lower,
            self.their_source.upper,
            100.0 * self.their_source.level,
            match self.verdict {
                LikelihoodVerdict::First => "the first model is better",
                LikelihoodVerdict::Second => "the second model is better",
                LikelihoodVerdict::Undecided => "undecided",
                LikelihoodVerdict::Untrusted => "a normaliser is not to be trusted",
            }
        )
    }
}

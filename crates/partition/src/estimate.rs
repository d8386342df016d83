//! What one run of any method says about `log Z`, in one record.

use std::fmt;

use gibbsian_core::{Error, Result};

use crate::influence::Influence;
use crate::interval::Interval;
use crate::quantile::student_two_sided;
use crate::reliability::Reliability;
use crate::weights::{LogWeights, check_level};

/// An estimate of `log Z` with its uncertainty and the reasons to believe it.
///
/// ```
/// use gibbsian_partition::{ForwardAis, LogWeights};
///
/// let weights = LogWeights::new((0..200).map(|i| 0.01 * f64::from(i % 20)).collect())?;
/// let estimate = ForwardAis::from_log_weights(weights).estimate(0.95)?;
/// assert!(estimate.interval.contains(estimate.log_z) && estimate.standard_error < 0.01);
/// assert!(estimate.reliability.is_trusted(), "{estimate}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate. From weights it is the logarithm of an unbiased one: low in expectation for a forward run, high for a reverse
    /// run.
    pub log_z: f64,
    /// The same with the bias of order `1/n` removed, where the method knows it; a better centre, and no bound.
    pub corrected: f64,
    /// The delta-method standard error, in nats.
    pub standard_error: f64,
    /// The interval; from weights, corrected for their skewness.
    pub interval: Interval,
    /// Of weights `(Σ w)² / Σ w²`, of `n_chains`; of draws by Markov chains the number of independent draws that would err as much.
    pub effective_sample_size: f64,
    /// The number of independent chains.
    pub n_chains: usize,
    /// The shape of the tail of the weights; `None` without a tail to fit.
    pub pareto_shape: Option<f64>,
    /// Whether the interval deserves its level.
    pub reliability: Reliability,
}

impl Estimate {
    /// For weights with `E w = Z`.
    pub(crate) fn of_log_mean(weights: &LogWeights, level: f64) -> Result<Self> {
        Ok(Estimate {
            log_z: weights.log_mean(),
            corrected: weights.log_mean_corrected(),
            standard_error: weights.standard_error(),
            interval: weights.interval(level)?,
            effective_sample_size: weights.effective_sample_size(),
            n_chains: weights.n(),
            pareto_shape: weights.pareto_shape(),
            reliability: Reliability::of(weights),
        })
    }

    /// For weights with `E w = 1/Z`.
    pub(crate) fn of_negated_log_mean(weights: &LogWeights, level: f64) -> Result<Self> {
        let inverse = Self::of_log_mean(weights, level)?;
        Ok(Estimate {
            log_z: -inverse.log_z,
            corrected: -inverse.corrected,
            interval: inverse.interval.negated(),
            ..inverse
        })
    }
}

impl Estimate {
    /// For a smooth function of averages over independent chains, by its influence on each; see [`Influence`].
    pub(crate) fn of_influence(
        log_z: f64,
        influence: &Influence,
        level: f64,
        reliability: Reliability,
    ) -> Result<Self> {
        let standard_error = influence.standard_error();
        let half = student_two_sided(level, influence.n_chains() - 1) * standard_error;
        if !log_z.is_finite() || half.is_nan() {
            return Err(Error::non_finite(
                "log_z",
                log_z,
                format!("with a standard error of {standard_error}"),
            ));
        }
        // Equal values have no spread, and their sum still rounds.
        let rounding = f64::EPSILON * influence.n_draws() as f64 * log_z.abs().max(1.0);
        Ok(Estimate {
            log_z,
            corrected: log_z,
            standard_error,
            interval: Interval {
                lower: log_z - half - rounding,
                upper: log_z + half + rounding,
                level: check_level("level", level)?,
            },
            effective_sample_size: influence.effective_sample_size(),
            n_chains: influence.n_chains(),
            pareto_shape: None,
            reliability,
        })
    }

    /// The same with a standard error of at least `standard_error`, the interval in proportion.
    pub(crate) fn widened_to(self, standard_error: f64) -> Self {
        if standard_error <= self.standard_error {
            return self;
        }
        // Beyond a few degrees of freedom the normal quantile is near; there is nothing precise about an error of this kind.
        let half = student_two_sided(self.interval.level, self.n_chains - 1) * standard_error;
        Estimate {
            standard_error,
            interval: Interval {
                lower: self.interval.lower.min(self.log_z - half),
                upper: self.interval.upper.max(self.log_z + half),
                ..self.interval
            },
            ..self
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "log Z = {:.4} ± {:.4}, {:.1} % interval [{:.4}, {:.4}], {:.1} effective draws from {} chains, {}",
            self.log_z,
            self.standard_error,
            100.0 * self.interval.level,
            self.interval.lower,
            self.interval.upper,
            self.effective_sample_size,
            self.n_chains,
            self.reliability
        )
    }
}

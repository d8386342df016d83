//! What one annealing run says about `log Z`, in one record.

use std::fmt;

use gibbsian_core::Result;

use crate::interval::Interval;
use crate::reliability::Reliability;
use crate::weights::LogWeights;

/// An estimate of `log Z` with its uncertainty and the reasons to believe it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The logarithm of the unbiased estimate: low in expectation for a forward run, high for a reverse run.
    pub log_z: f64,
    /// The same with the bias of order `1/n` removed; a better centre, and no bound.
    pub corrected: f64,
    /// The delta-method standard error, in nats.
    pub standard_error: f64,
    /// The interval, corrected for the skewness of the weights.
    pub interval: Interval,
    /// `(Σ w)² / Σ w²`, of `n_chains`.
    pub effective_sample_size: f64,
    /// The number of chains.
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

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "log Z = {:.4} ± {:.4}, {:.1} % interval [{:.4}, {:.4}], {:.1} of {} chains effective, {}",
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

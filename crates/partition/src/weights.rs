//! Importance weights, kept as logarithms, and the moments that everything else is computed from.
//!
//! Independent weights `w_i ≥ 0` with `E w = Z` give the unbiased estimate `Ẑ = (1/n) Σ w_i`. On the logarithmic scale Jensen's
//! inequality makes it low: `E log Ẑ ≤ log Z`, by about `c² / 2n` where `c` is the coefficient of variation of the weights.
//! The same numbers describe annealed importance sampling (`E w = Z`) and its reverse (`E w = 1/Z`).

use gibbsian_core::{Error, Result};

use crate::bound::{betting_log_mean, markov_log_mean};
use crate::interval::{Interval, mean_ratio_interval};
use crate::pareto::pareto_shape;

/// Logarithms of independent, identically distributed, non-negative weights.
///
/// ```
/// use gibbsian_partition::LogWeights;
///
/// let weights = LogWeights::new(vec![1f64.ln(), 2f64.ln(), 3f64.ln()])?;
/// assert!((weights.log_mean() - 2f64.ln()).abs() < 1e-15);
/// assert!((weights.effective_sample_size() - 36.0 / 14.0).abs() < 1e-14);
/// // Weights beyond the range of a double are logarithms like any other.
/// assert_eq!(LogWeights::new(vec![5e3, 5e3])?.log_mean(), 5e3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogWeights {
    values: Vec<f64>,
    largest: f64,
    /// Moments of the weights divided by the largest.
    mean: f64,
    deviation: f64,
    skewness: f64,
    /// The rounding error that each value may carry.
    resolution: f64,
}

impl LogWeights {
    /// Takes the logarithms of the weights; `−∞` stands for a weight of zero.
    ///
    /// # Errors
    /// No weight, a NaN or `+∞` (named by its index), or weights that are all zero.
    pub fn new(values: Vec<f64>) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::parameter("n_chains", 0, "at least 1"));
        }
        if let Some(i) = values.iter().position(|l| l.is_nan() || *l == f64::INFINITY) {
            return Err(Error::non_finite(
                format!("log_weights[{i}]"),
                values[i],
                "in the weights given",
            ));
        }
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return Err(Error::parameter(
                "log_weights",
                "-inf throughout",
                "finite for at least one chain; the base must be possible where the target is, take a wider one",
            ));
        }
        let n = values.len() as f64;
        let weights = || values.iter().map(|l| (l - largest).exp());
        let mean = weights().sum::<f64>() / n;
        let central = |power: i32| weights().map(|w| (w - mean).powi(power)).sum::<f64>() / n;
        let variance = central(2);
        // The mean of equal weights rounds; what is left of their variance then is no spread.
        let spread = variance > (8.0 * f64::EPSILON * mean).powi(2);
        let (deviation, skewness) = if spread && values.len() > 1 {
            ((variance * n / (n - 1.0)).sqrt(), central(3) / variance.powf(1.5))
        } else {
            (0.0, 0.0)
        };
        Ok(LogWeights {
            resolution: f64::EPSILON * largest.abs().max(1.0),
            values,
            largest,
            mean,
            deviation,
            skewness,
        })
    }

    /// The same weights with a stated rounding error: a sum of `n_terms` terms of magnitude up to `magnitude`.
    pub(crate) fn with_rounding_of(mut self, n_terms: usize, magnitude: f64) -> Self {
        self.resolution = f64::EPSILON * n_terms.max(1) as f64 * magnitude.abs().max(1.0);
        self
    }

    /// The rounding error that each value may carry.
    pub(crate) fn resolution(&self) -> f64 {
        self.resolution
    }

    /// `log w_i`, in the order of the chains.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The number of weights `n`.
    pub fn n(&self) -> usize {
        self.values.len()
    }

    /// `log (1/n) Σ w_i`: the logarithm of an unbiased estimate of `E w`, and in expectation at most `log E w`.
    pub fn log_mean(&self) -> f64 {
        self.largest + self.mean.ln()
    }

    /// `log (1/n) Σ w_i + c² / 2n`: the bias of order `1/n` of the logarithm removed. No longer a bound in expectation.
    pub fn log_mean_corrected(&self) -> f64 {
        self.log_mean() + 0.5 * self.coefficient_of_variation().powi(2) / self.n() as f64
    }

    /// `c = sd(w) / mean(w)`, zero for a single weight.
    pub fn coefficient_of_variation(&self) -> f64 {
        self.deviation / self.mean
    }

    /// `c / √n`, the delta-method standard error of [`log_mean`](Self::log_mean), in nats.
    pub fn standard_error(&self) -> f64 {
        self.coefficient_of_variation() / (self.n() as f64).sqrt()
    }

    /// `(Σ w)² / Σ w²`, between 1 and `n` (Kong, 1992).
    pub fn effective_sample_size(&self) -> f64 {
        let weights = || self.values.iter().map(|l| (l - self.largest).exp());
        weights().sum::<f64>().powi(2) / weights().map(|w| w * w).sum::<f64>()
    }

    /// The shape `k̂` of a generalised Pareto law fitted to the largest weights: `w` has `1/k` finite moments.
    ///
    /// `None` when there are too few distinct large weights to fit, which includes weights that are all equal.
    /// Source: Zhang and Stephens (2009) with the prior of Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed
    /// importance sampling", appendix.
    pub fn pareto_shape(&self) -> Option<f64> {
        let mut weights: Vec<f64> = self.values.iter().map(|l| (l - self.largest).exp()).collect();
        weights.sort_by(f64::total_cmp);
        pareto_shape(&weights)
    }

    /// A two-sided interval for `log E w` that holds in about the fraction `level` of repetitions; see [`crate::interval`].
    ///
    /// # Errors
    /// A level outside (0, 1), or fewer than two weights.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        check_level("level", level)?;
        if self.n() < 2 {
            return Err(Error::parameter(
                "n_chains",
                self.n(),
                "at least 2 for an interval; run 100 chains or more",
            ));
        }
        let (below, above) =
            mean_ratio_interval(self.coefficient_of_variation(), self.skewness, self.n(), level);
        // Weights that spread so much that the lower end leaves the positive numbers still bound the mean rigorously.
        let lower = if below > 0.0 {
            self.log_mean() + below.ln()
        } else {
            betting_log_mean(self, 0.5 + 0.5 * level)
        };
        Ok(Interval {
            lower: lower - self.resolution,
            upper: self.log_mean() + above.ln() + self.resolution,
            level,
        })
    }

    /// `log_mean − log(1/α)`, which lies below `log E w` with probability at least `confidence = 1 − α`; see [`crate::bound`].
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn markov_bound(&self, confidence: f64) -> Result<f64> {
        check_level("confidence", confidence)?;
        Ok(markov_log_mean(self, confidence) - self.resolution)
    }

    /// A number that lies below `log E w` with probability at least `confidence`, for every `n` and every law of the weights,
    /// and much closer than [`markov_bound`](Self::markov_bound); see [`crate::bound`].
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn betting_bound(&self, confidence: f64) -> Result<f64> {
        check_level("confidence", confidence)?;
        Ok(betting_log_mean(self, confidence) - self.resolution)
    }
}

/// Requires so many chains that their weights have a standard error.
pub(crate) fn check_chains(weights: &LogWeights) -> Result<()> {
    match weights.n() {
        n @ (0 | 1) => Err(Error::parameter("n_chains", n, "at least 2 for a standard error")),
        _ => Ok(()),
    }
}

/// Requires a probability strictly between 0 and 1.
pub(crate) fn check_level(name: &'static str, level: f64) -> Result<f64> {
    if level > 0.0 && level < 1.0 {
        Ok(level)
    } else {
        Err(Error::parameter(name, level, "above 0 and below 1"))
    }
}

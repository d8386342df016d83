//! The sub-variance-preserving process.

use super::linear_rate::LinearRate;
use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::Result;

/// The sub-variance-preserving process: `dX = −½ β_t X dt + √(β_t (1 − e^{−2B})) dB` with `β_t = β_min + (β_max − β_min) t` and `T = 1`.
///
/// The mean is that of [`VariancePreserving`](super::VariancePreserving), but `1 − e^{−B}` is here the standard deviation of the noise and not its variance, which
/// is therefore never above the other's. Its stationary law is `N(0, I)` too.
///
/// Source: Song et al. (2021), equations 12 and 29.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, SubVariancePreserving, VariancePreserving};
///
/// let (sub, full) = (SubVariancePreserving::new(0.1, 20.0)?, VariancePreserving::new(0.1, 20.0)?);
/// assert_eq!(sub.alpha(0.3), full.alpha(0.3));
/// assert_eq!(sub.sigma(0.3), full.variance(0.3));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubVariancePreserving(LinearRate);

impl SubVariancePreserving {
    /// The process whose rate rises from `beta_min` at `t = 0` to `beta_max` at `t = 1`.
    ///
    /// # Errors
    /// Rates that are not finite, or not `0 ≤ beta_min ≤ beta_max > 0`.
    pub fn new(beta_min: f64, beta_max: f64) -> Result<Self> {
        LinearRate::new(beta_min, beta_max).map(SubVariancePreserving)
    }

    /// The rate `β_min` at `t = 0`.
    pub fn beta_min(&self) -> f64 {
        self.0.minimum
    }

    /// The rate `β_max` at `t = 1`.
    pub fn beta_max(&self) -> f64 {
        self.0.maximum
    }
}

impl LinearGaussian for SubVariancePreserving {
    fn horizon(&self) -> f64 {
        1.0
    }

    fn alpha(&self, t: f64) -> f64 {
        self.0.decay(0.0, t)
    }

    fn variance(&self, t: f64) -> f64 {
        let sigma = self.sigma(t);
        sigma * sigma
    }

    fn drift_rate(&self, t: f64) -> f64 {
        -0.5 * self.0.rate(t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        -self.0.rate(t) * (-2.0 * self.0.integral(0.0, t)).exp_m1()
    }

    fn sigma(&self, t: f64) -> f64 {
        -(-self.0.integral(0.0, t)).exp_m1()
    }

    fn log_snr(&self, t: f64) -> f64 {
        // The variance underflows before the logarithm of the standard deviation loses anything.
        -self.0.integral(0.0, t) - 2.0 * self.sigma(t).ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        // e^{λ/2} = e^{−B/2} / (1 − e^{−B}) = 1 / (2 sinh(B/2)).
        let integral = 2.0 * (0.5 * (-0.5 * check_log_snr(self, log_snr)?).exp()).asinh();
        Ok(self.0.time_at_integral(integral).min(1.0))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        // With a = e^{−B_s} and q = e^{−(B_t − B_s)} the variance (1 − aq)² − q (1 − a)² is (1 − q)(1 − a² q), and a² q = e^{−(B_s + B_t)}.
        let sum = self.0.integral(0.0, s) + self.0.integral(0.0, t);
        GaussianTransition {
            alpha: self.0.decay(s, t),
            variance: (-self.0.integral(s, t)).exp_m1() * (-sum).exp_m1(),
        }
    }

    fn stationary_variance(&self) -> Option<f64> {
        Some(1.0)
    }
}

//! The variance-preserving process.

use super::linear_rate::LinearRate;
use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::Result;
use crate::math::softplus;

/// The variance-preserving process: `dX = −½ β_t X dt + √β_t dB` with `β_t = β_min + (β_max − β_min) t` and `T = 1`.
///
/// `α_t = e^{−B/2}` and `σ_t² = 1 − e^{−B}` with `B = ∫₀ᵗ β`, so that data of unit variance keep it. It is the continuous form of DDPM (Ho, Jain and Abbeel
/// 2020), and after a change of clock the Ornstein–Uhlenbeck process. Its stationary law is `N(0, I)`.
///
/// Source: Song et al. (2021), equations 11, 29 and 32.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, VariancePreserving};
///
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let (alpha, variance) = (process.alpha(0.3), process.variance(0.3));
/// assert!((alpha * alpha + variance - 1.0).abs() < 1e-15);
/// assert!((process.alpha(1.0) - (-5.025_f64).exp()).abs() < 1e-16);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariancePreserving(LinearRate);

impl VariancePreserving {
    /// The process whose rate rises from `beta_min` at `t = 0` to `beta_max` at `t = 1`.
    ///
    /// # Errors
    /// Rates that are not finite, or not `0 ≤ beta_min ≤ beta_max > 0`.
    pub fn new(beta_min: f64, beta_max: f64) -> Result<Self> {
        LinearRate::new(beta_min, beta_max).map(VariancePreserving)
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

impl LinearGaussian for VariancePreserving {
    fn horizon(&self) -> f64 {
        1.0
    }

    fn alpha(&self, t: f64) -> f64 {
        self.0.decay(0.0, t)
    }

    fn variance(&self, t: f64) -> f64 {
        -(-self.0.integral(0.0, t)).exp_m1()
    }

    fn drift_rate(&self, t: f64) -> f64 {
        -0.5 * self.0.rate(t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        self.0.rate(t)
    }

    fn log_snr(&self, t: f64) -> f64 {
        -self.0.integral(0.0, t) - self.variance(t).ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        // λ = −log(e^B − 1).
        let integral = softplus(-check_log_snr(self, log_snr)?);
        Ok(self.0.time_at_integral(integral).min(1.0))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        GaussianTransition {
            alpha: self.0.decay(s, t),
            variance: -(-self.0.integral(s, t)).exp_m1(),
        }
    }

    fn stationary_variance(&self) -> Option<f64> {
        Some(1.0)
    }
}

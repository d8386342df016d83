//! The Ornstein–Uhlenbeck process.

use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::{Result, check_positive};
use crate::math::softplus;

/// The Ornstein–Uhlenbeck process `dX = −X dt + √2 dB` up to a horizon `T`: `α_t = e^{−t}`, `σ_t² = 1 − e^{−2t}`, stationary law `N(0, I)`.
///
/// This is the normalisation of the theory of sampling (Chen, Chewi, Li, Li, Salim and Zhang 2023, equation 2.1): the Langevin diffusion of the standard normal. Many
/// texts have half the rate, `dX = −½ X dt + dB`; the variance-preserving process is either of them on another clock.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
///
/// let process = OrnsteinUhlenbeck::new(5.0)?;
/// assert_eq!(process.alpha(1.0), (-1.0_f64).exp());
/// assert_eq!(process.diffusion(1.0), 2.0_f64.sqrt());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrnsteinUhlenbeck {
    horizon: f64,
}

impl OrnsteinUhlenbeck {
    /// The process on `0 ≤ t ≤ horizon`.
    ///
    /// # Errors
    /// A horizon that is not finite and greater than zero.
    pub fn new(horizon: f64) -> Result<Self> {
        check_positive("horizon", horizon).map(|horizon| OrnsteinUhlenbeck { horizon })
    }
}

impl LinearGaussian for OrnsteinUhlenbeck {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn alpha(&self, t: f64) -> f64 {
        (-t).exp()
    }

    fn variance(&self, t: f64) -> f64 {
        -(-2.0 * t).exp_m1()
    }

    fn drift_rate(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { -1.0 }
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { 2.0 }
    }

    fn log_snr(&self, t: f64) -> f64 {
        -2.0 * t - self.variance(t).ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        // λ = −log(e^{2t} − 1).
        let time = 0.5 * softplus(-check_log_snr(self, log_snr)?);
        Ok(time.min(self.horizon))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        GaussianTransition {
            alpha: self.alpha(t - s),
            variance: self.variance(t - s),
        }
    }

    fn stationary_variance(&self) -> Option<f64> {
        Some(1.0)
    }
}

//! Noise whose standard deviation is the time.

use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::{Result, check_positive};

/// Noise whose standard deviation is the time: `X_t = X_0 + t Z`, `dX = √(2t) dB`, up to `T = σ_max`.
///
/// A variance-exploding process on the clock in which the probability flow, `dx/dt = (x − D(x, t))/t` with the denoiser `D`, is least curved: straight wherever `D` does not change. Its authors
/// sample from `σ_max = 80` in steps that are equal in `σ^{1/7}`, and read their networks by [`Elucidated`](crate::Elucidated).
///
/// Source: Karras, Aittala, Aila and Laine (2022), table 1 and section 3.
///
/// ```
/// use gibbsian_core::process::{ElucidatedNoise, LinearGaussian};
///
/// let process = ElucidatedNoise::new(80.0)?;
/// assert_eq!(process.sigma(3.0), 3.0);
/// assert_eq!(process.transition(3.0, 5.0).variance, 16.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElucidatedNoise {
    sigma_max: f64,
}

impl ElucidatedNoise {
    /// The process up to noise of standard deviation `sigma_max`.
    ///
    /// # Errors
    /// A deviation that is not finite and greater than zero.
    pub fn new(sigma_max: f64) -> Result<Self> {
        check_positive("sigma_max", sigma_max).map(|sigma_max| ElucidatedNoise { sigma_max })
    }
}

impl LinearGaussian for ElucidatedNoise {
    fn horizon(&self) -> f64 {
        self.sigma_max
    }

    fn alpha(&self, t: f64) -> f64 {
        // NaN stays NaN.
        if t.is_nan() { t } else { 1.0 }
    }

    fn variance(&self, t: f64) -> f64 {
        t * t
    }

    fn drift_rate(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { 0.0 }
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * t
    }

    fn sigma(&self, t: f64) -> f64 {
        t
    }

    fn log_snr(&self, t: f64) -> f64 {
        -2.0 * t.ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        let time = (-0.5 * check_log_snr(self, log_snr)?).exp();
        Ok(time.min(self.sigma_max))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        GaussianTransition {
            alpha: 1.0,
            variance: (t - s) * (t + s),
        }
    }
}

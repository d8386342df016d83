//! The straight path of rectified flows.

use super::cosine::check_before_one;
use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::Result;
use crate::math::sigmoid;

/// The straight path from data to noise, `X_t = (1 − t) X_0 + t Z`, up to a horizon `T < 1`.
///
/// `dX = −X/(1 − t) dt + √(2t/(1 − t)) dB`, whose coefficients are infinite at `t = 1`; hence the horizon. The velocity of its probability flow is `E[Z − X_0 | X_t]`, the regression
/// target of flow matching, which stays finite there.
///
/// Data are at `t = 0`, as everywhere here. Both sources run the other way, from noise at 0 to data at 1: their time is `1 − t` and their velocity the opposite.
///
/// Source: Liu, Gong and Liu (2022), equation 1; Lipman, Chen, Ben-Hamu, Nickel and Le (2023), equation 20 with `σ_min = 0`.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, Rectified};
///
/// let process = Rectified::new(0.999)?;
/// assert_eq!((process.alpha(0.25), process.sigma(0.25)), (0.75, 0.25));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectified {
    horizon: f64,
}

impl Rectified {
    /// The path on `0 ≤ t ≤ horizon`.
    ///
    /// # Errors
    /// A horizon outside `(0, 1)`.
    pub fn new(horizon: f64) -> Result<Self> {
        check_before_one(horizon).map(|horizon| Rectified { horizon })
    }
}

impl LinearGaussian for Rectified {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn alpha(&self, t: f64) -> f64 {
        1.0 - t
    }

    fn variance(&self, t: f64) -> f64 {
        t * t
    }

    fn drift_rate(&self, t: f64) -> f64 {
        -1.0 / (1.0 - t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * t / (1.0 - t)
    }

    fn sigma(&self, t: f64) -> f64 {
        t
    }

    fn log_snr(&self, t: f64) -> f64 {
        // One logarithm of the ratio, which is near one half-way.
        2.0 * ((1.0 - t) / t).ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        // (1 − t)/t = e^{λ/2}.
        let time = sigmoid(-0.5 * check_log_snr(self, log_snr)?);
        Ok(time.min(self.horizon))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        // σ_t² − α² σ_s² = (t − α s)(t + α s) with α = (1 − t)/(1 − s), and t − α s = (t − s)/(1 − s).
        let alpha = (1.0 - t) / (1.0 - s);
        GaussianTransition {
            alpha,
            variance: (t - s) / (1.0 - s) * (t + alpha * s),
        }
    }
}

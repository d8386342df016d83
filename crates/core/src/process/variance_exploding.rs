//! The variance-exploding process.

use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::{Error, Result, check_positive};

/// The variance-exploding process: `X_t = X_0 + noise` of variance `ς_t² − ς_0²`, where `ς_t = ς_min (ς_max/ς_min)^t` and `T = 1`.
///
/// `dX = ς_t √(2 log(ς_max/ς_min)) dB`, the continuous form of a geometric ladder of noise levels. Levels and noise differ: at `t = 0`, where the
/// level is `ς_min`, there is no noise.
///
/// Source: Song et al. (2021), equations 9, 29 and 30.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, VarianceExploding};
///
/// let process = VarianceExploding::new(0.1, 10.0)?;
/// assert_eq!(process.level(0.5), 1.0);
/// assert!((process.variance(0.5) - 0.99).abs() < 1e-15);
/// assert_eq!(process.variance(0.0), 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceExploding {
    sigma_min: f64,
    sigma_max: f64,
    ratio: f64,
    log_ratio: f64,
}

impl VarianceExploding {
    /// The process with levels from `sigma_min` at `t = 0` to `sigma_max` at `t = 1`.
    ///
    /// # Errors
    /// Levels that are not finite, greater than zero and increasing, or whose squares or their ratio leave the range of normal numbers.
    pub fn new(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        check_positive("sigma_min", sigma_min)?;
        check_positive("sigma_max", sigma_max)?;
        if sigma_max <= sigma_min {
            return Err(Error::parameter(
                "sigma_max",
                sigma_max,
                format!("greater than sigma_min, {sigma_min}"),
            ));
        }
        for (name, sigma) in [("sigma_min", sigma_min), ("sigma_max", sigma_max)] {
            if !(sigma * sigma).is_normal() {
                return Err(Error::parameter(name, sigma, "between 1e-150 and 1e150"));
            }
        }
        let ratio = sigma_max / sigma_min;
        if !(ratio * ratio).is_normal() {
            return Err(Error::parameter(
                "sigma_max",
                sigma_max,
                "less than 1e150 times sigma_min",
            ));
        }
        Ok(VarianceExploding {
            sigma_min,
            sigma_max,
            ratio,
            // The quotient itself would round away a ratio near one.
            log_ratio: ((sigma_max - sigma_min) / sigma_min).ln_1p(),
        })
    }

    /// The level `ς_min` at `t = 0`.
    pub fn sigma_min(&self) -> f64 {
        self.sigma_min
    }

    /// The level `ς_max` at `t = 1`.
    pub fn sigma_max(&self) -> f64 {
        self.sigma_max
    }

    /// The noise level `ς_t = ς_min (ς_max/ς_min)^t`, which is not the standard deviation [`sigma`](LinearGaussian::sigma) of the noise since `t = 0`.
    pub fn level(&self, t: f64) -> f64 {
        self.sigma_min * self.ratio.powf(t)
    }

    /// `ς_t² − ς_s²`.
    fn variance_between(&self, s: f64, t: f64) -> f64 {
        let early = self.sigma_min * self.sigma_min * self.ratio.powf(2.0 * s);
        let growth = 2.0 * (t - s) * self.log_ratio;
        // Where the power is large, the rounding of its exponent would be too.
        let factor = if growth < 1.0 {
            growth.exp_m1()
        } else {
            self.ratio.powf(2.0 * (t - s)) - 1.0
        };
        early * factor
    }
}

impl LinearGaussian for VarianceExploding {
    fn horizon(&self) -> f64 {
        1.0
    }

    fn alpha(&self, t: f64) -> f64 {
        // NaN stays NaN.
        if t.is_nan() { t } else { 1.0 }
    }

    fn variance(&self, t: f64) -> f64 {
        self.variance_between(0.0, t)
    }

    fn drift_rate(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { 0.0 }
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * self.log_ratio * (self.sigma_min * self.sigma_min * self.ratio.powf(2.0 * t))
    }

    fn log_snr(&self, t: f64) -> f64 {
        -self.variance(t).ln()
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        let growth = (-check_log_snr(self, log_snr)?).exp() / (self.sigma_min * self.sigma_min);
        Ok((growth.ln_1p() / (2.0 * self.log_ratio)).min(1.0))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        GaussianTransition {
            alpha: 1.0,
            variance: self.variance_between(s, t),
        }
    }
}

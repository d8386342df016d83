//! The cosine schedule.

use std::f64::consts::FRAC_PI_2;

use super::{GaussianTransition, LinearGaussian, check_log_snr};
use crate::error::{Error, Result, check_non_negative};

/// The cosine schedule, a variance-preserving process: `α_t = cos φ_t / cos φ_0` with `φ_t = (π/2) (t + s)/(1 + s)` up to a horizon `T < 1`.
///
/// `dX = −½ β_t X dt + √β_t dB` with `β_t = π tan φ_t/(1 + s)`, which grows like `2/(1 − t)`: at `t = 1` no data would be left and `β` be infinite, hence the horizon. The authors
/// cut the noise of a step at 0.999 for that reason. The offset `s`, for them 0.008, keeps `β_0` from zero. Its stationary law is `N(0, I)`.
///
/// Angles are measured from whichever end is nearer, and differences of cosines written as products of sines, so that nothing cancels at either end.
///
/// Source: Nichol and Dhariwal (2021), equation 17, whose `ᾱ` is `α²`.
///
/// ```
/// use gibbsian_core::process::{Cosine, LinearGaussian};
///
/// let process = Cosine::new(0.008, 0.999)?;
/// let (alpha, variance) = (process.alpha(0.3), process.variance(0.3));
/// assert!((alpha * alpha + variance - 1.0).abs() < 1e-15);
/// // Half of the variance is noise half-way.
/// assert!((process.variance(0.5) - 0.5).abs() < 0.01);
/// assert!(Cosine::new(0.008, 1.0).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    offset: f64,
    horizon: f64,
    /// `φ' = (π/2)/(1 + s)`.
    slope: f64,
}

impl Cosine {
    /// The schedule with offset `s` on `0 ≤ t ≤ horizon`.
    ///
    /// # Errors
    /// An offset that is negative or not finite; a horizon outside `(0, 1)`.
    pub fn new(offset: f64, horizon: f64) -> Result<Self> {
        check_non_negative("offset", offset)?;
        check_before_one(horizon)?;
        Ok(Cosine {
            offset,
            horizon,
            slope: FRAC_PI_2 / (1.0 + offset),
        })
    }

    /// The offset `s`.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// `cos φ_t`, as the sine of the angle that is left to `π/2`.
    fn cosine(&self, t: f64) -> f64 {
        ((1.0 - t) * self.slope).sin()
    }

    /// `sin φ_t`.
    fn sine(&self, t: f64) -> f64 {
        ((t + self.offset) * self.slope).sin()
    }

    /// `1 − cos²φ_t/cos²φ_s = sin(φ_t − φ_s) sin(φ_t + φ_s)/cos²φ_s`.
    fn variance_between(&self, s: f64, t: f64) -> f64 {
        let (from_zero, from_pi) = (s + t + 2.0 * self.offset, (1.0 - s) + (1.0 - t));
        let sum = if from_zero < from_pi { from_zero } else { from_pi };
        let cosine = self.cosine(s);
        ((t - s) * self.slope).sin() * (sum * self.slope).sin() / (cosine * cosine)
    }
}

impl LinearGaussian for Cosine {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn alpha(&self, t: f64) -> f64 {
        self.cosine(t) / self.cosine(0.0)
    }

    fn variance(&self, t: f64) -> f64 {
        self.variance_between(0.0, t)
    }

    fn drift_rate(&self, t: f64) -> f64 {
        -self.slope * self.sine(t) / self.cosine(t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        2.0 * self.slope * self.sine(t) / self.cosine(t)
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        // tan²φ_t = tan²φ_0 + e^{−λ}/cos²φ_0, and the tangent of φ_t − φ_0 is (tan φ_t − tan φ_0)/(1 + tan φ_t tan φ_0).
        let cosine = self.cosine(0.0);
        let growth = (-check_log_snr(self, log_snr)?).exp() / (cosine * cosine);
        if growth == 0.0 {
            return Ok(0.0);
        }
        let first = self.sine(0.0) / cosine;
        let tangent = (first * first + growth).sqrt();
        let angle = (growth / ((tangent + first) * (1.0 + tangent * first))).atan();
        Ok((angle / self.slope).min(self.horizon))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        GaussianTransition {
            alpha: self.cosine(t) / self.cosine(s),
            variance: self.variance_between(s, t),
        }
    }

    fn stationary_variance(&self) -> Option<f64> {
        Some(1.0)
    }
}

/// Requires `0 < T < 1` of a process that has forgotten its data at `t = 1`.
pub(super) fn check_before_one(horizon: f64) -> Result<f64> {
    if horizon > 0.0 && horizon < 1.0 {
        Ok(horizon)
    } else {
        Err(Error::parameter(
            "horizon",
            horizon,
            "between 0 and 1, both excluded",
        ))
    }
}

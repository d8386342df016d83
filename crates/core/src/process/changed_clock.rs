//! A process on another clock.

use super::{Clock, GaussianTransition, LinearGaussian};
use crate::error::{Error, Result};

/// A process on another clock, `X̃_t = X_{φ_t}`: `f̃ = φ' f_φ`, `g̃² = φ' g_φ²`, and the moments those of the time that the clock shows.
///
/// The path is the same, walked faster here and slower there; a solver's equal steps are then unequal ones of the old process.
///
/// Source: Karras, Aittala, Aila and Laine (2022), section 2 and appendix B: every schedule `σ(t)` of one probability flow.
///
/// ```
/// use gibbsian_core::process::{ChangedClock, FunctionClock, LinearGaussian, OrnsteinUhlenbeck, VariancePreserving};
///
/// // Half of ∫β makes the Ornstein–Uhlenbeck process into the variance-preserving one.
/// let clock = FunctionClock::new(1.0, |t| (t * (0.05 + 4.975 * t), 0.05 + 9.95 * t))?;
/// let process = ChangedClock::new(OrnsteinUhlenbeck::new(6.0)?, clock)?;
/// let preserving = VariancePreserving::new(0.1, 20.0)?;
/// assert!((process.diffusion_squared(0.3) - preserving.diffusion_squared(0.3)).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangedClock<P, C> {
    process: P,
    clock: C,
}

impl<P: LinearGaussian, C: Clock> ChangedClock<P, C> {
    /// `process` on `clock`.
    ///
    /// # Errors
    /// A clock that runs beyond the horizon of the process.
    pub fn new(process: P, clock: C) -> Result<Self> {
        let (last, horizon) = (clock.at(clock.horizon()), process.horizon());
        if last.is_nan() || last > horizon {
            return Err(Error::parameter(
                format!("clock({})", clock.horizon()),
                last,
                format!("at most {horizon}, the horizon of the process"),
            ));
        }
        Ok(ChangedClock { process, clock })
    }

    /// The process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }
}

impl<P: LinearGaussian, C: Clock> LinearGaussian for ChangedClock<P, C> {
    fn horizon(&self) -> f64 {
        self.clock.horizon()
    }

    fn alpha(&self, t: f64) -> f64 {
        self.process.alpha(self.clock.at(t))
    }

    fn variance(&self, t: f64) -> f64 {
        self.process.variance(self.clock.at(t))
    }

    fn drift_rate(&self, t: f64) -> f64 {
        self.clock.rate(t) * self.process.drift_rate(self.clock.at(t))
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        self.clock.rate(t) * self.process.diffusion_squared(self.clock.at(t))
    }

    fn sigma(&self, t: f64) -> f64 {
        self.process.sigma(self.clock.at(t))
    }

    fn log_snr(&self, t: f64) -> f64 {
        self.process.log_snr(self.clock.at(t))
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        self.process.transition(self.clock.at(s), self.clock.at(t))
    }

    /// A stationary law is that on every clock.
    fn stationary_variance(&self) -> Option<f64> {
        self.process.stationary_variance()
    }

    /// Noise at the horizon is that at the clock's own; a prior that is neither that nor a stationary law is one that the process was given, and stays.
    fn prior_variance(&self) -> f64 {
        if let Some(variance) = self.stationary_variance() {
            return variance;
        }
        let prior = self.process.prior_variance();
        if prior == self.process.variance(self.process.horizon()) {
            self.variance(self.horizon())
        } else {
            prior
        }
    }
}

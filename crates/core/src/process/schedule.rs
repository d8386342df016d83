//! Variance-preserving processes of any schedule.

use std::fmt;

use super::clock::{Direction, check_on_grid};
use super::{Clock, GaussianTransition, LinearGaussian};
use crate::error::{Error, Result, check_positive};
use crate::math::{sigmoid, softplus};

/// The variance-preserving process on a clock `B`: `dX = −½ β_t X dt + √β_t dB` with `β = B'`, `α_t = e^{−B/2}` and `σ_t² = 1 − e^{−B}`.
///
/// Every process with `α² + σ² = 1` is of this kind. A schedule may be given as the clock itself, as the logarithm of its signal-to-noise ratio, or as the table of a discrete chain
/// ([`DiscreteSchedule`](super::DiscreteSchedule), which is a clock). Moments are as accurate as the clock. Its stationary law is `N(0, I)`.
///
/// ```
/// use gibbsian_core::process::{FunctionClock, LinearGaussian, Schedule, VariancePreserving};
///
/// // The linear rate from 0.1 to 20, by hand.
/// let process = Schedule::new(FunctionClock::new(1.0, |t| (t * (0.1 + 9.95 * t), 0.1 + 19.9 * t))?);
/// let linear = VariancePreserving::new(0.1, 20.0)?;
/// assert!((process.variance(0.3) - linear.variance(0.3)).abs() < 1e-15);
///
/// // A log-SNR that falls evenly from 10 to −10.
/// let even = Schedule::from_log_snr(1.0, |t| (10.0 - 20.0 * t, -20.0))?;
/// assert!((even.time_at_log_snr(0.0)? - 0.5).abs() < 1e-4);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule<C> {
    clock: C,
}

impl<C: Clock> Schedule<C> {
    /// The process on this clock.
    pub fn new(clock: C) -> Self {
        Schedule { clock }
    }

    /// The clock `B`.
    pub fn clock(&self) -> &C {
        &self.clock
    }
}

impl<F: Fn(f64) -> (f64, f64) + Sync> Schedule<LogSnrClock<F>> {
    /// The process whose log signal-to-noise ratio `λ_t` is given by a function that returns it together with its derivative, `t ↦ (λ_t, λ'_t)`; see [`LogSnrClock`].
    ///
    /// # Errors
    /// Those of [`LogSnrClock::new`].
    pub fn from_log_snr(horizon: f64, function: F) -> Result<Self> {
        LogSnrClock::new(horizon, function).map(Schedule::new)
    }
}

impl<C: Clock> LinearGaussian for Schedule<C> {
    fn horizon(&self) -> f64 {
        self.clock.horizon()
    }

    fn alpha(&self, t: f64) -> f64 {
        (-0.5 * self.clock.at(t)).exp()
    }

    fn variance(&self, t: f64) -> f64 {
        -(-self.clock.at(t)).exp_m1()
    }

    fn drift_rate(&self, t: f64) -> f64 {
        -0.5 * self.clock.rate(t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        self.clock.rate(t)
    }

    fn log_snr(&self, t: f64) -> f64 {
        let shown = self.clock.at(t);
        -shown - (-(-shown).exp_m1()).ln()
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        let elapsed = self.clock.elapsed(s, t);
        GaussianTransition {
            alpha: (-0.5 * elapsed).exp(),
            variance: -(-elapsed).exp_m1(),
        }
    }

    fn stationary_variance(&self) -> Option<f64> {
        Some(1.0)
    }
}

/// The clock of a variance-preserving process whose log signal-to-noise ratio is `λ_t`: `B_t = log(1 + e^{−λ_t}) − log(1 + e^{−λ_0})`.
///
/// `λ_0 = +∞` means that data start without noise, and then the process has exactly this ratio. Where `λ_0` is finite there would be noise at `t = 0`; as for the
/// [`VarianceExploding`](super::VarianceExploding) process it is taken off, and `α_t` is that of `λ_t` divided by that of `λ_0`. In that case `λ_0 − λ_t`
/// is a difference of the numbers that the function returned, with their rounding; a schedule that needs its smallest variances to the last digit is given as a [`FunctionClock`](super::FunctionClock).
#[derive(Clone, Copy)]
pub struct LogSnrClock<F> {
    horizon: f64,
    function: F,
    /// `λ_0`.
    start: f64,
}

impl<F> fmt::Debug for LogSnrClock<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSnrClock")
            .field("horizon", &self.horizon)
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(f64) -> (f64, f64) + Sync> LogSnrClock<F> {
    /// The clock of `t ↦ (λ_t, λ'_t)` on `0 ≤ t ≤ horizon`, examined on a grid of some 300 times that is finer near zero.
    ///
    /// # Errors
    /// A horizon that is not positive and finite; `λ_0` that is NaN or `−∞`; on the grid, values that are not finite or do not fall, and slopes that are positive or of another function. Each names its time.
    pub fn new(horizon: f64, function: F) -> Result<Self> {
        check_positive("horizon", horizon)?;
        let start = function(0.0).0;
        if start.is_nan() || start == f64::NEG_INFINITY {
            return Err(Error::parameter("log_snr(0)", start, "finite or +∞"));
        }
        check_on_grid("log_snr", Direction::Falling, horizon, &function)?;
        Ok(LogSnrClock {
            horizon,
            function,
            start,
        })
    }

    fn between(early: f64, late: f64) -> f64 {
        if early - late < 1.0 {
            // log((1 + e^{−b})/(1 + e^{−a})), with (e^{−b} − e^{−a})/(1 + e^{−a}) = (e^{a−b} − 1)/(1 + e^a).
            (sigmoid(-early) * (early - late).exp_m1()).ln_1p()
        } else {
            softplus(-late) - softplus(-early)
        }
    }
}

impl<F: Fn(f64) -> (f64, f64) + Sync> Clock for LogSnrClock<F> {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn at(&self, t: f64) -> f64 {
        Self::between(self.start, (self.function)(t).0)
    }

    /// `β = −λ' / (1 + e^λ)`. Where `λ_0 = +∞` this is `∞ · 0` at zero; the rate there is that at `ε T`.
    fn rate(&self, t: f64) -> f64 {
        let first = self.horizon * f64::EPSILON;
        let near_zero = t < first && self.start == f64::INFINITY;
        let (log_snr, slope) = (self.function)(if near_zero { first } else { t });
        -slope * sigmoid(-log_snr)
    }

    fn elapsed(&self, s: f64, t: f64) -> f64 {
        Self::between((self.function)(s).0, (self.function)(t).0)
    }
}

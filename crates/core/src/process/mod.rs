//! Linear-Gaussian forward processes: the noising half of a diffusion model, in closed form.
//!
//! The forward equation is `dX = f_t X dt + g_t dB` with data at `t = 0` and noise at the horizon `T`; `f_t` is a number, so that
//!
//! `X_t | X_0 ~ N(α_t X_0, σ_t² I)`,  `dα/dt = f α`,  `dσ²/dt = 2 f σ² + g²`,  `α_0 = 1`,  `σ_0 = 0`
//!
//! (Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021, arXiv:2011.13456, section 3 and equation 29; Särkkä and Solin 2019, "Applied
//! stochastic differential equations", equations 6.2). Solvers ask for `f` and `g`, objectives and exact densities for `α` and `σ`, and both belong to
//! one type, so that they cannot disagree.
//!
//! | process | `α_t` | `σ_t²` | `f_t` | `g_t²` | `T` |
//! |---|---|---|---|---|---|
//! | [`VarianceExploding`] | 1 | `ς_t² − ς_0²`, `ς_t = ς_min (ς_max/ς_min)^t` | 0 | `2 ς_t² log(ς_max/ς_min)` | 1 |
//! | [`VariancePreserving`] | `e^{−B/2}` | `1 − e^{−B}` | `−β/2` | `β` | 1 |
//! | [`SubVariancePreserving`] | `e^{−B/2}` | `(1 − e^{−B})²` | `−β/2` | `β (1 − e^{−2B})` | 1 |
//! | [`OrnsteinUhlenbeck`] | `e^{−t}` | `1 − e^{−2t}` | −1 | 2 | given |
//! | [`ElucidatedNoise`] | 1 | `t²` | 0 | `2t` | `σ_max` |
//! | [`Rectified`] | `1 − t` | `t²` | `−1/(1 − t)` | `2t/(1 − t)` | given, < 1 |
//! | [`Cosine`] | `cos φ_t/cos φ_0` | `1 − α²` | `−φ' tan φ` | `2φ' tan φ` | given, < 1 |
//! | [`Schedule`] | `e^{−B/2}` | `1 − e^{−B}` | `−β/2` | `β` | given |
//!
//! where the last has any `B` one likes: a [`Clock`], a log signal-to-noise ratio, or the table of a discrete chain ([`DiscreteSchedule`]); for the others `φ_t = (π/2)(t + s)/(1 + s)`,
//! `β_t = β_min + (β_max − β_min) t` and `B_t = ∫₀ᵗ β`. **The variance of the variance-exploding process is not `ς_t²`**: data start without
//! noise. The paper's appendix C (equation 31) drops `ς_0²` there, its equation 29 keeps it, as do we.
//!
//! Near `t = 0` a variance is a small difference of numbers near one, and a diffusion model spends much of its life there. Every
//! formula here is arranged with `exp_m1` so that nothing cancels, and holds 4 units in the last place for all `0 ≤ t ≤ T`
//! against 50-digit values; transitions between two near times likewise. (A schedule of one's own is as accurate as what it is made of.)
//!
//! [`ChangedClock`] runs a process on another clock. Processes of equal signal-to-noise ratios differ by a clock and a scale, and so do their scores: [`Matched`] is that translation.
//!
//! A process of one's own is an implementation of [`LinearGaussian`] with five methods. The derivatives `f` and `g²` are required, not found by
//! differences; the test kit's `conformance::linear_gaussian` holds them to `α` and `σ²`.

mod changed_clock;
mod clock;
mod cosine;
mod discrete;
mod elucidated;
mod linear_rate;
mod matched;
mod ornstein_uhlenbeck;
mod rectified;
mod schedule;
mod sub_variance_preserving;
mod variance_exploding;
mod variance_preserving;

use ndarray::ArrayView1;

use crate::error::{Error, Result, check_within};

pub use changed_clock::ChangedClock;
pub use clock::{Clock, FunctionClock, SteadyClock};
pub use cosine::Cosine;
pub use discrete::DiscreteSchedule;
pub use elucidated::ElucidatedNoise;
pub use matched::Matched;
pub use ornstein_uhlenbeck::OrnsteinUhlenbeck;
pub use rectified::Rectified;
pub use schedule::{LogSnrClock, Schedule};
pub use sub_variance_preserving::SubVariancePreserving;
pub use variance_exploding::VarianceExploding;
pub use variance_preserving::VariancePreserving;

/// The law of `X_t` given `X_s`, `s ≤ t`: `N(α X_s, σ² I)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianTransition {
    /// `α_{t|s} = α_t / α_s`.
    pub alpha: f64,
    /// `σ²_{t|s} = σ_t² − α²_{t|s} σ_s²`.
    pub variance: f64,
}

impl GaussianTransition {
    /// The law with a variance that has a root: a difference of variances may be rounded to less than nothing, which is zero here. NaN stays.
    ///
    /// ```
    /// use gibbsian_core::process::GaussianTransition;
    ///
    /// let rounded = GaussianTransition { alpha: 1.0, variance: -1e-17 };
    /// assert_eq!(rounded.with_root().variance, 0.0);
    /// ```
    pub fn with_root(self) -> Self {
        let variance = if self.variance < 0.0 { 0.0 } else { self.variance };
        GaussianTransition { variance, ..self }
    }
}

/// A forward process `dX = f_t X dt + g_t dB` on `0 ≤ t ≤ T`, the same for every coordinate.
///
/// Functions of time are defined for `0 ≤ t ≤ T` and checked by whoever takes a time from a user ([`check_time`](Self::check_time)); elsewhere they return what
/// their formula gives, NaN for NaN.
///
/// A process with its own schedule needs five methods:
///
/// ```
/// use gibbsian_core::process::LinearGaussian;
///
/// /// Brownian motion from the data on.
/// struct Brownian;
///
/// impl LinearGaussian for Brownian {
///     fn horizon(&self) -> f64 {
///         100.0
///     }
///     fn alpha(&self, _t: f64) -> f64 {
///         1.0
///     }
///     fn variance(&self, t: f64) -> f64 {
///         t
///     }
///     fn drift_rate(&self, _t: f64) -> f64 {
///         0.0
///     }
///     fn diffusion_squared(&self, _t: f64) -> f64 {
///         1.0
///     }
/// }
///
/// assert_eq!(Brownian.transition(3.0, 5.0).variance, 2.0);
/// assert!((Brownian.time_at_log_snr(-7.0_f64.ln())? - 7.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub trait LinearGaussian: Sync {
    /// The horizon `T`, where noising ends.
    fn horizon(&self) -> f64;

    /// The scale of the mean, `α_t`: one at `t = 0`.
    fn alpha(&self, t: f64) -> f64;

    /// The variance `σ_t²` of the noise: zero at `t = 0`, and free of cancellation near it.
    fn variance(&self, t: f64) -> f64;

    /// `f_t` of the drift `f_t x`: `f = α'/α`.
    fn drift_rate(&self, t: f64) -> f64;

    /// `g_t²`: `g² = (σ²)' − 2 f σ²`.
    fn diffusion_squared(&self, t: f64) -> f64;

    /// The standard deviation `σ_t` of the noise.
    fn sigma(&self, t: f64) -> f64 {
        self.variance(t).sqrt()
    }

    /// The diffusion coefficient `g_t`.
    fn diffusion(&self, t: f64) -> f64 {
        self.diffusion_squared(t).sqrt()
    }

    /// The logarithm of the signal-to-noise ratio, `λ_t = log(α_t²/σ_t²)`: +∞ at `t = 0`, and falling, because `dλ/dt = −g²/σ²`
    /// (Kingma, Salimans, Poole and Ho 2021, section 3.1).
    fn log_snr(&self, t: f64) -> f64 {
        2.0 * self.alpha(t).ln() - self.variance(t).ln()
    }

    /// The time at which [`log_snr`](Self::log_snr) has this value.
    ///
    /// The provided form bisects down to neighbouring numbers; override it where a closed form exists.
    ///
    /// # Errors
    /// A value that is not reached before the horizon.
    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        let log_snr = check_log_snr(self, log_snr)?;
        let (mut early, mut late) = (0.0, self.horizon());
        loop {
            let middle = 0.5 * (early + late);
            if middle <= early || middle >= late {
                return Ok(late);
            }
            if self.log_snr(middle) > log_snr {
                early = middle;
            } else {
                late = middle;
            }
        }
    }

    /// The law of `X_t` given `X_s` for `s ≤ t`.
    ///
    /// The provided form subtracts variances, so that that of the transition has the absolute error of `σ_t²`; override it where a form exists that does
    /// not cancel, as for all processes of this module. The difference may be less than nothing ([`GaussianTransition::with_root`]).
    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        let alpha = self.alpha(t) / self.alpha(s);
        GaussianTransition {
            alpha,
            variance: self.variance(t) - alpha * alpha * self.variance(s),
        }
    }

    /// The variance `v` of the law `N(0, v I)` that the process tends to whatever its data, as far as it does not end before: the stationary law, where there is one. `None` where there is no such law.
    fn stationary_variance(&self) -> Option<f64> {
        None
    }

    /// The variance of the normal law with mean zero from which sampling backwards in time starts: the stationary law where there is
    /// one, and otherwise the noise at the horizon.
    fn prior_variance(&self) -> f64 {
        self.stationary_variance()
            .unwrap_or_else(|| self.variance(self.horizon()))
    }

    /// Requires `0 ≤ t ≤ T`.
    ///
    /// # Errors
    /// Names `t`, its value and the interval.
    fn check_time(&self, t: f64) -> Result<f64> {
        check_within("t", t, 0.0, self.horizon())
    }

    /// Requires `0 ≤ t ≤ T` of every entry.
    ///
    /// # Errors
    /// Names the first entry that fails with its index, its value and the interval.
    fn check_times(&self, t: ArrayView1<f64>) -> Result<()> {
        let horizon = self.horizon();
        match t.iter().position(|t| !(0.0..=horizon).contains(t)) {
            None => Ok(()),
            Some(b) => Err(Error::parameter(
                format!("t[{b}]"),
                t[b],
                format!(
                    "in [0, {horizon}]; times are those of the process, divide numbers of steps by their count"
                ),
            )),
        }
    }
}

impl<P: LinearGaussian + ?Sized> LinearGaussian for &P {
    fn horizon(&self) -> f64 {
        (**self).horizon()
    }

    fn alpha(&self, t: f64) -> f64 {
        (**self).alpha(t)
    }

    fn variance(&self, t: f64) -> f64 {
        (**self).variance(t)
    }

    fn drift_rate(&self, t: f64) -> f64 {
        (**self).drift_rate(t)
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        (**self).diffusion_squared(t)
    }

    fn sigma(&self, t: f64) -> f64 {
        (**self).sigma(t)
    }

    fn diffusion(&self, t: f64) -> f64 {
        (**self).diffusion(t)
    }

    fn log_snr(&self, t: f64) -> f64 {
        (**self).log_snr(t)
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        (**self).time_at_log_snr(log_snr)
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        (**self).transition(s, t)
    }

    fn stationary_variance(&self) -> Option<f64> {
        (**self).stationary_variance()
    }

    fn prior_variance(&self) -> f64 {
        (**self).prior_variance()
    }
}

/// How far two logarithms may be apart that would be equal without rounding.
fn rounding(log_snr: f64) -> f64 {
    64.0 * f64::EPSILON * (1.0 + log_snr.abs())
}

/// Requires a log signal-to-noise ratio that the process takes on, up to rounding; +∞ is that of `t = 0`.
fn check_log_snr<P: LinearGaussian + ?Sized>(process: &P, log_snr: f64) -> Result<f64> {
    let last = process.log_snr(process.horizon());
    // The same ratio computed in another way, such as −2 log(σ/α), is the horizon's.
    if log_snr >= last - rounding(last) {
        Ok(log_snr.max(last))
    } else {
        Err(Error::parameter(
            "log_snr",
            log_snr,
            format!("at least {last}, its value at the horizon"),
        ))
    }
}

//! A linear-Gaussian process by a function of one's own.
//!
//! A process is its two moments, `X_t | X_0 ~ N(α_t X_0, σ_t² I)`: with their derivatives the equation `dX = f_t X dt + g_t dB` follows,
//!
//! `f = α'/α`,  `g² = (σ²)' − 2 f σ²`
//!
//! (Särkkä and Solin 2019, equation 6.2, solved for what is asked). Not every pair of functions is one: noise that is given cannot be taken back, `g² ≥ 0`, which says that the signal-to-noise ratio `α²/σ²` falls.
//!
//! Derivatives are asked for and not approximated; that they belong to the functions is examined. Schedules that preserve the variance are better given as a clock or a log signal-to-noise ratio to
//! `gibbsian_core::process::Schedule`, which loses no digits in short steps: a transition between two near times is here a difference of variances.

use std::fmt;

use gibbsian_core::LinearGaussian;
use gibbsian_core::error::{Error, Result, check_positive};

/// The process whose moments a function returns, each with its derivative: `t ↦ ((α_t, α'_t), (σ_t², (σ²)'_t))`.
///
/// ```
/// use gibbsian_core::process::LinearGaussian;
/// use gibbsian_sde::FunctionProcess;
///
/// // Data fade like 1/(1 + t) while noise grows like t²: dX = −X/(1 + t) dt + g dB with g² = 2t + 2t²/(1 + t).
/// let process = FunctionProcess::new(10.0, |t| {
///     let alpha = 1.0 / (1.0 + t);
///     ((alpha, -alpha * alpha), (t * t, 2.0 * t))
/// })?;
/// assert!((process.drift_rate(1.0) + 0.5).abs() < 1e-15);
/// assert!((process.diffusion_squared(1.0) - 3.0).abs() < 1e-15);
///
/// // Noise cannot be taken back.
/// let error = FunctionProcess::new(1.0, |t| ((1.0, 0.0), (t - t * t, 1.0 - 2.0 * t))).unwrap_err();
/// assert!(error.to_string().starts_with("`the log signal-to-noise ratio at 0.50390625` is "));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FunctionProcess<F> {
    horizon: f64,
    function: F,
    stationary_variance: Option<f64>,
}

impl<F> fmt::Debug for FunctionProcess<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionProcess")
            .field("horizon", &self.horizon)
            .field("stationary_variance", &self.stationary_variance)
            .finish_non_exhaustive()
    }
}

/// A value and its derivative.
type Jet = (f64, f64);

impl<F: Fn(f64) -> (Jet, Jet) + Sync> FunctionProcess<F> {
    /// The process on `0 ≤ t ≤ horizon`, examined on a grid of some 270 times that is finer near zero.
    ///
    /// # Errors
    /// A horizon that is not positive and finite; `α_0` other than 1 or `σ_0²` other than 0; on the grid, moments that are not positive and finite, derivatives that are not finite or of another function, and a
    /// signal-to-noise ratio that does not fall. Each names its time.
    pub fn new(horizon: f64, function: F) -> Result<Self> {
        check_positive("horizon", horizon)?;
        let ((alpha, _), (variance, _)) = function(0.0);
        if alpha != 1.0 {
            return Err(Error::parameter("alpha(0)", alpha, "1: data start as they are"));
        }
        if variance != 0.0 {
            return Err(Error::parameter(
                "variance(0)",
                variance,
                "0: data start without noise",
            ));
        }
        let process = FunctionProcess {
            horizon,
            function,
            stationary_variance: None,
        };
        let mut before = None;
        for t in times(horizon) {
            process.check_at(t)?;
            if let Some(before) = before {
                process.check_between(before, t)?;
            }
            before = Some(t);
        }
        Ok(process)
    }

    /// The same process, which is said to have the stationary law `N(0, variance I)`; samplers then start from that instead of the noise at the horizon.
    ///
    /// # Errors
    /// A variance that is not positive and finite, or that the process does not keep, `2 f v + g² = 0`, at a time, to six digits.
    pub fn with_stationary_variance(self, variance: f64) -> Result<Self> {
        check_positive("stationary_variance", variance)?;
        for t in times(self.horizon) {
            let (lost, given) = (-2.0 * self.drift_rate(t) * variance, self.diffusion_squared(t));
            if (lost - given).abs() > 1e-6 * (lost.abs() + given) {
                let requirement = format!(
                    "one that the process keeps: at time {t} it loses variance at the rate {lost} and is given {given}"
                );
                return Err(Error::parameter("stationary_variance", variance, requirement));
            }
        }
        Ok(FunctionProcess {
            stationary_variance: Some(variance),
            ..self
        })
    }

    fn check_at(&self, t: f64) -> Result<()> {
        let ((alpha, alpha_slope), (variance, variance_slope)) = (self.function)(t);
        for (name, value) in [("alpha", alpha), ("variance", variance)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::parameter(
                    format!("{name}({t})"),
                    value,
                    "finite and greater than zero",
                ));
            }
        }
        for (name, slope) in [("alpha", alpha_slope), ("variance", variance_slope)] {
            if !slope.is_finite() {
                return Err(Error::parameter(
                    format!("the slope of {name} at {t}"),
                    slope,
                    "finite",
                ));
            }
        }
        Ok(())
    }

    /// What two neighbours of the grid say of each other.
    fn check_between(&self, s: f64, t: f64) -> Result<()> {
        let ((alpha_s, variance_s), (alpha_t, variance_t)) = ((self.function)(s), (self.function)(t));
        let (alpha_middle, variance_middle) = (self.function)(0.5 * (s + t));
        let h = t - s;
        check_slopes(
            "alpha",
            (s, t),
            [alpha_s, alpha_middle, alpha_t].map(|jet| (jet.0, h * jet.1)),
        )?;
        check_slopes(
            "variance",
            (s, t),
            [variance_s, variance_middle, variance_t].map(|jet| (jet.0, h * jet.1)),
        )?;
        let (early, late) = (self.log_snr(s), self.log_snr(t));
        // In steps as short as those near zero a ratio that falls may be rounded to one that stays.
        if late >= early {
            return Err(Error::parameter(
                format!("the log signal-to-noise ratio at {t}"),
                late,
                format!("less than {early}, its value at {s}, because noise is only added"),
            ));
        }
        // The rate of the fall is g²/σ²; its sign is that of the slopes, which may differ from the function by what was allowed above.
        let raw = self.raw_diffusion_squared(t);
        if raw < -1e-6 * self.given(t) {
            return Err(Error::parameter(
                format!("the square of the diffusion at {t}"),
                raw,
                "at least zero, because noise is only added",
            ));
        }
        Ok(())
    }

    /// `(σ²)' − 2 f σ²`, as it comes.
    fn raw_diffusion_squared(&self, t: f64) -> f64 {
        let ((alpha, alpha_slope), (variance, variance_slope)) = (self.function)(t);
        variance_slope - 2.0 * alpha_slope / alpha * variance
    }

    /// The size of its terms.
    fn given(&self, t: f64) -> f64 {
        let ((alpha, alpha_slope), (variance, variance_slope)) = (self.function)(t);
        variance_slope.abs() + (2.0 * alpha_slope / alpha * variance).abs()
    }
}

/// Times up to the horizon, finer near zero.
fn times(horizon: f64) -> impl Iterator<Item = f64> {
    const CELLS: i32 = 256;
    const HALVINGS: i32 = 20;
    let near_zero = (9..=HALVINGS).rev().map(move |k| horizon * 0.5_f64.powi(k));
    near_zero.chain((1..=CELLS).map(move |i| horizon * (f64::from(i) / f64::from(CELLS))))
}

/// Requires a function to change between two times by no less than the smallest and no more than the largest of its slopes there and between, up to a tenth of the steepest: a wrong sign or factor cannot hide. Each is the
/// value and what the slope makes of the whole interval.
fn check_slopes(name: &str, (s, t): (f64, f64), [early, middle, late]: [(f64, f64); 3]) -> Result<()> {
    const SLACK: f64 = 0.1;
    let changes = [early.1, middle.1, late.1];
    let least = changes.iter().copied().fold(f64::INFINITY, f64::min);
    let most = changes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let slack = SLACK * changes.iter().fold(0.0, |m: f64, c| m.max(c.abs()))
        + 8.0 * f64::EPSILON * (early.0.abs() + late.0.abs());
    let change = late.0 - early.0;
    if (least - slack..=most + slack).contains(&change) {
        return Ok(());
    }
    Err(Error::parameter(
        format!("the slope of {name} at {t}"),
        late.1 / (t - s),
        format!(
            "that of a function which is {} at {s} and {} at {t}",
            early.0, late.0
        ),
    ))
}

impl<F: Fn(f64) -> (Jet, Jet) + Sync> LinearGaussian for FunctionProcess<F> {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn alpha(&self, t: f64) -> f64 {
        (self.function)(t).0.0
    }

    fn variance(&self, t: f64) -> f64 {
        (self.function)(t).1.0
    }

    fn drift_rate(&self, t: f64) -> f64 {
        let (alpha, slope) = (self.function)(t).0;
        slope / alpha
    }

    /// Where the terms cancel to less than nothing by rounding, zero.
    fn diffusion_squared(&self, t: f64) -> f64 {
        let squared = self.raw_diffusion_squared(t);
        if squared < 0.0 { 0.0 } else { squared }
    }

    fn stationary_variance(&self) -> Option<f64> {
        self.stationary_variance
    }
}

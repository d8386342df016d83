//! Clocks: what makes one process into another that is faster here and slower there.

use std::fmt;

use crate::error::{Error, Result, check_positive};

/// A clock `φ`: at time `t` it shows `φ_t`, rising from `φ_0 = 0`.
///
/// A process on a clock, `X̃_t = X_{φ_t}`, has the drift and the squared noise of the old one times `φ'`. So every variance-preserving process is one process on its own clock
/// ([`Schedule`](super::Schedule)), and every process with the same ratios of signal to noise is another up to a scale ([`Matched`](super::Matched)).
pub trait Clock: Sync {
    /// The last time `T`.
    fn horizon(&self) -> f64;

    /// What the clock shows, `φ_t`.
    fn at(&self, t: f64) -> f64;

    /// Its rate `φ'_t`.
    fn rate(&self, t: f64) -> f64;

    /// `φ_t − φ_s`; override it where a form exists that does not cancel for near times.
    fn elapsed(&self, s: f64, t: f64) -> f64 {
        self.at(t) - self.at(s)
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn horizon(&self) -> f64 {
        (**self).horizon()
    }

    fn at(&self, t: f64) -> f64 {
        (**self).at(t)
    }

    fn rate(&self, t: f64) -> f64 {
        (**self).rate(t)
    }

    fn elapsed(&self, s: f64, t: f64) -> f64 {
        (**self).elapsed(s, t)
    }
}

/// A clock that goes evenly, `φ_t = β t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyClock {
    rate: f64,
    horizon: f64,
}

impl SteadyClock {
    /// The clock of this rate on `0 ≤ t ≤ horizon`.
    ///
    /// # Errors
    /// A rate or a horizon that is not finite and greater than zero.
    pub fn new(rate: f64, horizon: f64) -> Result<Self> {
        check_positive("rate", rate)?;
        check_positive("horizon", horizon)?;
        Ok(SteadyClock { rate, horizon })
    }
}

impl Clock for SteadyClock {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn at(&self, t: f64) -> f64 {
        self.rate * t
    }

    fn rate(&self, t: f64) -> f64 {
        // NaN stays NaN.
        if t.is_nan() { t } else { self.rate }
    }

    fn elapsed(&self, s: f64, t: f64) -> f64 {
        self.rate * (t - s)
    }
}

/// A clock of one's own: a function that returns `φ_t` together with `φ'_t`.
///
/// ```
/// use gibbsian_core::process::{Clock, FunctionClock};
///
/// let clock = FunctionClock::new(1.0, |t| (t * t, 2.0 * t))?;
/// assert_eq!(clock.elapsed(0.5, 1.0), 0.75);
/// // A clock must not go back.
/// let error = FunctionClock::new(1.0, |t| (t - t * t, 1.0 - 2.0 * t)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`clock(0.50390625)` is 0.2499847412109375, but must be greater than 0.25, its value at 0.5"
/// );
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FunctionClock<F> {
    horizon: f64,
    function: F,
}

impl<F> fmt::Debug for FunctionClock<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionClock")
            .field("horizon", &self.horizon)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(f64) -> (f64, f64) + Sync> FunctionClock<F> {
    /// The clock `t ↦ (φ_t, φ'_t)` on `0 ≤ t ≤ horizon`, examined on a grid of some 300 times that is finer near zero.
    ///
    /// # Errors
    /// A horizon that is not positive and finite; `φ_0` other than zero; on the grid, values that are not finite or do not rise, and rates that are negative or of another function. Each names its time.
    pub fn new(horizon: f64, function: F) -> Result<Self> {
        check_positive("horizon", horizon)?;
        let start = function(0.0).0;
        if start != 0.0 {
            return Err(Error::parameter("clock(0)", start, "0"));
        }
        check_on_grid("clock", Direction::Rising, horizon, &function)?;
        Ok(FunctionClock { horizon, function })
    }
}

impl<F: Fn(f64) -> (f64, f64) + Sync> Clock for FunctionClock<F> {
    fn horizon(&self) -> f64 {
        self.horizon
    }

    fn at(&self, t: f64) -> f64 {
        (self.function)(t).0
    }

    fn rate(&self, t: f64) -> f64 {
        (self.function)(t).1
    }
}

/// Which way a function of time must go.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Rising,
    Falling,
}

/// Requires that a function, given with its derivative, is finite and strictly monotone on a grid, and that the derivative is its own: between neighbours
/// the function changes by no less than the smallest and no more than the largest of three slopes, up to a tenth. A wrong sign or factor cannot hide there; a jump of the slope may stay.
pub(super) fn check_on_grid(
    name: &'static str,
    direction: Direction,
    horizon: f64,
    function: impl Fn(f64) -> (f64, f64),
) -> Result<()> {
    const CELLS: i32 = 256;
    const HALVINGS: i32 = 20;
    const SLACK: f64 = 0.1;
    let sign = if direction == Direction::Rising { 1.0 } else { -1.0 };
    let near_zero = (9..=HALVINGS).rev().map(|k| horizon * 0.5_f64.powi(k));
    let even = (1..=CELLS).map(|i| horizon * (f64::from(i) / f64::from(CELLS)));
    let mut previous: Option<(f64, f64, f64)> = None;
    for t in near_zero.chain(even) {
        let (value, slope) = function(t);
        if !value.is_finite() {
            return Err(Error::parameter(format!("{name}({t})"), value, "finite"));
        }
        if let Some((before, value_before, _)) = previous {
            let change = sign * (value - value_before);
            if change.is_nan() || change <= 0.0 {
                let side = if sign > 0.0 { "greater" } else { "less" };
                return Err(Error::parameter(
                    format!("{name}({t})"),
                    value,
                    format!("{side} than {value_before}, its value at {before}"),
                ));
            }
        }
        if !(slope.is_finite() && sign * slope >= 0.0) {
            let requirement = if sign > 0.0 {
                "at least zero"
            } else {
                "at most zero"
            };
            return Err(Error::parameter(
                format!("the slope of {name} at {t}"),
                slope,
                format!("finite and {requirement}"),
            ));
        }
        if let Some((before, value_before, slope_before)) = previous {
            let (h, change) = (t - before, sign * (value - value_before));
            let slopes = [slope_before, function(before + 0.5 * h).1, slope].map(|slope| sign * slope * h);
            let (least, most) = (
                slopes.iter().copied().fold(f64::INFINITY, f64::min),
                slopes.iter().copied().fold(0.0, f64::max),
            );
            let rounding = 8.0 * f64::EPSILON * (value.abs() + value_before.abs());
            if change < (1.0 - SLACK) * least - rounding || change > (1.0 + SLACK) * most + rounding {
                return Err(Error::parameter(
                    format!("the slope of {name} at {t}"),
                    slope,
                    format!("that of a function which is {value_before} at {before} and {value} at {t}"),
                ));
            }
        }
        previous = Some((t, value, slope));
    }
    Ok(())
}

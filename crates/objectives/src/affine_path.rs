//! Affine paths between data and noise, which flows are regressed along.
//!
//! `X_t = α_t X_0 + σ_t Z` joins a point `X_0` of the data with one of noise `Z`, and moves with the conditional velocity `α'_t X_0 + σ'_t Z`. As everywhere here the data are at the
//! early end and the noise at the late one; most of the literature on flows has them the other way round, so that its time is `1 − t` and its velocity the opposite.
//!
//! | path | `α_t` | `σ_t` | source |
//! |---|---|---|---|
//! | [`StraightPath`] | `1 − t` | `t` | Liu, Gong and Liu (2023), equation 1 |
//! | the same with `σ_min` | `1 − t` | `σ_min + (1 − σ_min) t` | Lipman, Chen, Ben-Hamu, Nickel and Le (2023), equation 20 |
//! | [`TrigonometricPath`] | `cos ½πt` | `sin ½πt` | Albergo and Vanden-Eijnden (2023), their trigonometric interpolant |
//! | [`ProcessPath`] | that of a process | that of a process | Lipman et al. (2023), section 4.1 |
//!
//! A [`LinearGaussian`] process has the same `α` and `σ`, but gives drift and diffusion in place of their slopes; those are infinite at `t = 1` where no data are left, while the slopes of a straight path are
//! `−1` and `1` at every time. Hence a trait of its own, which asks for four numbers.

use gibbsian_core::error::{check_non_negative, check_within};
use gibbsian_core::prediction::Parametrisation;
use gibbsian_core::{Error, LinearGaussian, Reading, Result};
use std::f64::consts::FRAC_PI_2;

/// The coefficients of a path at one time, and their slopes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathScales {
    /// What the data are multiplied by, `α_t`.
    pub alpha: f64,
    /// What the noise is multiplied by, `σ_t`.
    pub sigma: f64,
    /// `α'_t = dα/dt`.
    pub alpha_rate: f64,
    /// `σ'_t = dσ/dt`.
    pub sigma_rate: f64,
}

impl PathScales {
    /// `α σ' − α' σ`: how fast noise takes the place of data. It is 1 on a straight path and `π/2` on a trigonometric one.
    pub fn turnover(&self) -> f64 {
        self.alpha * self.sigma_rate - self.alpha_rate * self.sigma
    }

    /// What the conditional variances of the velocity and of the data have to do with each other: `Var[α' X_0 + σ' Z | X_t = x]` where data are normal with variance `v` and noise is
    /// standard normal, `v (α σ' − α' σ)²/(α² v + σ²)` in every coordinate.
    ///
    /// Half of its integral over time is the smallest loss that flow matching can have on such data.
    pub fn normal_velocity_variance(&self, variance: f64) -> f64 {
        // With A = α'a, B = σ', C = αa, D = σ: (A² + B²) − (AC + BD)²/(C² + D²) = (AD − BC)²/(C² + D²).
        let noisy = self.alpha * self.alpha * variance + self.sigma * self.sigma;
        variance * self.turnover().powi(2) / noisy
    }

    fn is_finite(&self) -> bool {
        [self.alpha, self.sigma, self.alpha_rate, self.sigma_rate]
            .iter()
            .all(|scale| scale.is_finite())
    }
}

/// A path `X_t = α_t X_0 + σ_t Z` from data to noise.
///
/// A path of one's own is one function:
///
/// ```
/// use gibbsian_objectives::{AffinePath, PathScales};
///
/// /// Data decay and noise grows by the squares of what is left.
/// struct Quadratic;
///
/// impl AffinePath for Quadratic {
///     fn scales(&self, t: f64) -> PathScales {
///         PathScales {
///             alpha: 1.0 - t * t,
///             sigma: t * t,
///             alpha_rate: -2.0 * t,
///             sigma_rate: 2.0 * t,
///         }
///     }
/// }
///
/// assert_eq!(Quadratic.scales(0.5).turnover(), 1.0);
/// ```
pub trait AffinePath: Sync {
    /// Coefficients and slopes at time `t`.
    fn scales(&self, t: f64) -> PathScales;

    /// The first and the last time; all scales and slopes must be finite there and between.
    fn interval(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
}

impl<P: AffinePath + ?Sized> AffinePath for &P {
    fn scales(&self, t: f64) -> PathScales {
        (**self).scales(t)
    }

    fn interval(&self) -> (f64, f64) {
        (**self).interval()
    }
}

/// Requires a path that goes forward between times at which all is finite.
pub(crate) fn check_path<P: AffinePath + ?Sized>(path: &P) -> Result<()> {
    let (start, end) = path.interval();
    if !(start.is_finite() && end.is_finite() && start < end) {
        return Err(Error::parameter(
            "path",
            format!("on [{start}, {end}]"),
            "on an interval of finite times, the first before the last",
        ));
    }
    for t in [start, 0.5 * (start + end), end] {
        let scales = path.scales(t);
        if !scales.is_finite() {
            return Err(Error::parameter(
                format!("path at {t}"),
                format!("{scales:?}"),
                "finite, with its slopes",
            ));
        }
    }
    Ok(())
}

/// The straight path `X_t = (1 − t) X_0 + (σ_min + (1 − σ_min) t) Z` of rectified flows.
///
/// By default `σ_min = 0`, and the path ends in the data themselves.
///
/// ```
/// use gibbsian_objectives::{AffinePath, StraightPath};
///
/// let scales = StraightPath::default().scales(0.25);
/// assert_eq!((scales.alpha, scales.sigma), (0.75, 0.25));
/// assert_eq!((scales.alpha_rate, scales.sigma_rate), (-1.0, 1.0));
/// assert_eq!(StraightPath::ending_at(0.1)?.scales(0.0).sigma, 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StraightPath {
    sigma_min: f64,
}

impl StraightPath {
    /// The path that leaves noise of deviation `sigma_min` on the data.
    ///
    /// # Errors
    /// A deviation that is negative or not finite.
    pub fn ending_at(sigma_min: f64) -> Result<Self> {
        check_non_negative("sigma_min", sigma_min).map(|sigma_min| StraightPath { sigma_min })
    }
}

impl AffinePath for StraightPath {
    fn scales(&self, t: f64) -> PathScales {
        PathScales {
            alpha: 1.0 - t,
            sigma: self.sigma_min + (1.0 - self.sigma_min) * t,
            alpha_rate: -1.0,
            sigma_rate: 1.0 - self.sigma_min,
        }
    }
}

/// The path `X_t = cos(½πt) X_0 + sin(½πt) Z`, which keeps the variance of data of variance one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrigonometricPath;

impl AffinePath for TrigonometricPath {
    fn scales(&self, t: f64) -> PathScales {
        let (sin, cos) = (FRAC_PI_2 * t).sin_cos();
        PathScales {
            alpha: cos,
            sigma: sin,
            alpha_rate: -FRAC_PI_2 * sin,
            sigma_rate: FRAC_PI_2 * cos,
        }
    }
}

/// The path of a forward process, with `α' = f α` and `σ' = f σ + g²/2σ`.
///
/// Its marginal velocity is that of the probability flow, `f x − ½ g² s`. The slope of `σ` is infinite at `t = 0` for all processes whose variance begins in proportion to time; hence a first time.
///
/// ```
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_objectives::{AffinePath, ProcessPath};
///
/// let path = ProcessPath::new(VariancePreserving::new(0.1, 20.0)?, 1e-5)?;
/// let scales = path.scales(0.5);
/// // α² + σ² = 1 at every time.
/// assert!((scales.alpha * scales.alpha_rate + scales.sigma * scales.sigma_rate).abs() < 1e-15);
/// assert!(ProcessPath::new(VariancePreserving::new(0.1, 20.0)?, 0.0).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessPath<P> {
    process: P,
    t_min: f64,
}

impl<P: LinearGaussian> ProcessPath<P> {
    /// The path of `process` from `t_min` to its horizon.
    ///
    /// # Errors
    /// A `t_min` that is not in `[0, T)`, or at which the slope of `σ` is not finite.
    pub fn new(process: P, t_min: f64) -> Result<Self> {
        check_within("t_min", t_min, 0.0, process.horizon())?;
        let path = ProcessPath { process, t_min };
        if t_min < path.process.horizon() && path.scales(t_min).is_finite() {
            Ok(path)
        } else {
            let required = "before the horizon, and late enough for a finite slope of σ";
            Err(Error::parameter("t_min", t_min, required).with_cure("begin a little after zero, at 1e-5"))
        }
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }
}

impl<P: LinearGaussian> AffinePath for ProcessPath<P> {
    fn scales(&self, t: f64) -> PathScales {
        let (alpha, sigma) = (self.process.alpha(t), self.process.sigma(t));
        let rate = self.process.drift_rate(t);
        PathScales {
            alpha,
            sigma,
            alpha_rate: rate * alpha,
            // (σ²)' = 2 f σ² + g².
            sigma_rate: rate * sigma + 0.5 * self.process.diffusion_squared(t) / sigma,
        }
    }

    fn interval(&self) -> (f64, f64) {
        (self.t_min, self.process.horizon())
    }
}

/// A network that predicts the marginal velocity of a path whose noise is standard normal and drawn independently of the data.
///
/// Then `E[Z | x] = −σ s` and `u = α' E[X_0 | x] + σ' E[Z | x]` give, with `k = α σ' − α' σ`,
///
/// `s(x, t) = (α' x − α u(x, t))/(σ k)`.
///
/// With [`ScoreFrom`](gibbsian_core::ScoreFrom) this makes a velocity that flow matching has learnt into a score, so that reversed diffusions, their solvers and likelihoods take it.
/// It does not hold of other sources or couplings: their velocities carry noise to data all the same, but they say nothing of scores.
///
/// ```
/// use gibbsian_core::prediction::Parametrisation;
/// use gibbsian_objectives::{FlowVelocity, StraightPath};
///
/// // Standard normal data: the score is −x, and the velocity of a straight path (2t − 1) x/((1 − t)² + t²).
/// let t = 0.3_f64;
/// let reading = FlowVelocity(StraightPath::default()).reading(t);
/// let velocity = (2.0 * t - 1.0) / ((1.0 - t).powi(2) + t * t);
/// let variance = (1.0 - t).powi(2) + t * t;
/// assert!((reading.skip + reading.out * velocity + 1.0 / variance).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowVelocity<P>(
    /// The path.
    pub P,
);

impl<P: AffinePath> Parametrisation for FlowVelocity<P> {
    fn reading(&self, t: f64) -> Reading {
        let scales = self.0.scales(t);
        let scale = scales.sigma * scales.turnover();
        Reading {
            skip: scales.alpha_rate / scale,
            out: -scales.alpha / scale,
            input: 1.0,
            condition: t,
        }
    }
}

//! General linear equations: matrix-valued Ornstein–Uhlenbeck processes.
//!
//! `dX = β_t A X dt + √β_t G dB` with matrices `A` `(D, D)` and `G` `(D, M)`, on a clock `φ` of rate `β = φ'`. With `b = φ_t − φ_s`
//!
//! `X_t | X_s ~ N(e^{A b} X_s, ∫₀ᵇ e^{A u} G Gᵀ e^{Aᵀ u} du)`
//!
//! (Särkkä and Solin 2019, equations 6.8 to 6.13). Both come from one recursion over halved times, see `moments.rs`; the covariance of the stationary law is its limit.

mod moments;
mod transition;

use gibbsian_core::Space;
use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::process::Clock;
use gibbsian_linalg::{matmul, matmul_here_into};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::equation::{AdditiveSde, Sde, for_each_run};
use crate::time_domain::TimeDomain;

pub(crate) use moments::Moments;
pub use transition::LinearTransition;

/// The equation `dX = β_t A X dt + √β_t G dB`.
///
/// ```
/// use gibbsian_core::process::SteadyClock;
/// use gibbsian_sde::LinearSde;
/// use ndarray::array;
///
/// // A rotation with friction, and noise in one direction only.
/// let (drift, noise) = (array![[0.0, 1.0], [-1.0, -1.0]], array![[0.0], [1.0]]);
/// let equation = LinearSde::new(drift, noise, SteadyClock::new(1.0, 5.0)?)?;
/// let stationary = equation.stationary_covariance()?;
/// assert!((stationary - array![[0.5, 0.0], [0.0, 0.5]]).iter().all(|e| e.abs() < 1e-15));
/// // The noise reaches the other coordinate at third order, t³/3.
/// let early = equation.transition(0.0, 1e-3);
/// assert!((early.covariance[[0, 0]] / 1e-9 - 1.0 / 3.0).abs() < 1e-3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinearSde<C> {
    drift: Array2<f64>,
    noise: Array2<f64>,
    /// `G Gᵀ`.
    covariance: Array2<f64>,
    clock: C,
}

impl<C: Clock> LinearSde<C> {
    /// The equation with `drift` `A` `(D, D)` and `noise` `G` `(D, M)` on `clock`.
    ///
    /// # Errors
    /// A drift that is not square, a noise that does not fit it, entries that are not finite.
    pub fn new(drift: Array2<f64>, noise: Array2<f64>, clock: C) -> Result<Self> {
        if drift.is_empty() || drift.nrows() != drift.ncols() {
            return Err(Error::shape("drift", drift.shape(), "(D, D): a square matrix"));
        }
        if noise.is_empty() || noise.nrows() != drift.nrows() {
            let required = format!("({}, at least 1)", drift.nrows());
            return Err(Error::shape("noise", noise.shape(), required));
        }
        check_finite("drift", &drift)?;
        check_finite("noise", &noise)?;
        Ok(LinearSde {
            covariance: matmul(noise.view(), noise.t()),
            drift,
            noise,
            clock,
        })
    }

    /// `A`.
    pub fn drift(&self) -> ArrayView2<'_, f64> {
        self.drift.view()
    }

    /// `G`.
    pub fn noise(&self) -> ArrayView2<'_, f64> {
        self.noise.view()
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// The law of `X_t` given `X_s`, `s ≤ t`.
    pub fn transition(&self, s: f64, t: f64) -> LinearTransition {
        let elapsed = self.clock.elapsed(s, t);
        let moments = Moments::after(self.drift.view(), self.covariance.view(), elapsed);
        LinearTransition {
            gain: moments.gain,
            covariance: moments.covariance,
        }
    }

    /// The covariance `Σ` of the stationary law, `A Σ + Σ Aᵀ + G Gᵀ = 0`.
    ///
    /// # Errors
    /// A drift that has an eigenvalue without a negative real part: there is no stationary law then.
    pub fn stationary_covariance(&self) -> Result<Array2<f64>> {
        Moments::limit(self.drift.view(), self.covariance.view()).ok_or_else(|| {
            Error::parameter(
                "drift",
                "a matrix under which X does not forget where it started",
                "stable: the real parts of its eigenvalues negative",
            )
        })
    }
}

impl<C: Clock> Space for LinearSde<C> {
    fn dim(&self) -> usize {
        self.drift.nrows()
    }
}

impl<C: Clock> Sde for LinearSde<C> {
    fn noise_dim(&self) -> usize {
        self.noise.ncols()
    }

    /// The times of the clock, forwards.
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::up_to(self.clock.horizon()).forwards()
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        matmul_here_into(1.0, x, self.drift.t(), 0.0, out.view_mut());
        self.scale(t, |rate| rate, out);
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        matmul_here_into(1.0, w, self.noise.t(), 0.0, out.view_mut());
        self.scale(t, f64::sqrt, out);
    }
}

impl<C: Clock> AdditiveSde for LinearSde<C> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        matmul_here_into(1.0, v, self.covariance.view(), 0.0, out.view_mut());
        self.scale(t, |rate| rate, out);
    }
}

impl<C: Clock> LinearSde<C> {
    /// Multiplies every row by a function of the rate at its time.
    fn scale(&self, t: ArrayView1<f64>, of_rate: impl Fn(f64) -> f64, mut out: ArrayViewMut2<f64>) {
        let factor = |t| of_rate(self.clock.rate(t));
        for_each_run(t, factor, |rows, factor| {
            out.slice_mut(s![rows, ..]).mapv_inplace(|out| factor * out);
        });
    }
}

//! Langevin diffusion of positions and velocities.
//!
//! `dx = β M⁻¹ v dt`,  `dv = −β x dt − β Γ M⁻¹ v dt + √(2 Γ β) dB`
//!
//! couples `D` positions `x` to as many velocities `v`, with mass `M` and friction `Γ`; noise enters the velocities alone. A point is `(x_1, …, x_D, v_1, …, v_D)`, of
//! dimension `2D`. The stationary law is `N(0, I)` for `x` and `N(0, M I)` for `v`. The score that its reverse needs is the one in `v`, which stays smooth where the data are not.
//!
//! With `Γ² = 4M` a position returns as fast as it can without swinging, critical damping. Then, with `m = √M`, `τ = b/m` and `z = 2τ`, where `b` is what the clock shows,
//!
//! `Φ = e^{−τ} [1 + τ, τ/m; −m τ, 1 − τ]`,  `Σ_xx = e^{−z} T`,  `Σ_xv = ½ m z² e^{−z}`,  `Σ_vv = M e^{−z} (2z + T)`
//!
//! for each pair `(x_i, v_i)`, with `T = e^z − 1 − z − z²/2`, whose series has positive terms only: as the stationary covariance less what is left of it at the start, `Σ` would lose the variance of
//! positions at small times, `O(t³)`.
//!
//! Source: Dockhorn, Vahdat and Kreis (2022), "Score-based generative modeling with critically-damped Langevin diffusion", section 3.

mod mixture;

use gibbsian_core::Space;
use gibbsian_core::error::{Result, check_count, check_positive};
use gibbsian_core::process::Clock;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array, s};

use crate::equation::{AdditiveSde, Sde, combine_at, for_each_run};
use crate::linear::Moments;
use crate::time_domain::TimeDomain;

pub use mixture::PhaseMixture;

/// The Langevin diffusion of `D` positions and velocities.
///
/// ```
/// use gibbsian_core::process::SteadyClock;
/// use gibbsian_sde::UnderdampedLangevin;
///
/// let process = UnderdampedLangevin::critically_damped(2, 0.25, SteadyClock::new(4.0, 1.0)?)?;
/// let late = process.transition(0.0, 1.0);
/// assert!((late.covariance[0][0] - 1.0).abs() < 1e-3);
/// assert!((late.covariance[1][1] - 0.25).abs() < 1e-3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnderdampedLangevin<C> {
    position_dim: usize,
    mass: f64,
    friction: f64,
    is_critical: bool,
    clock: C,
}

/// The law of `(x, v)` at `t` given it at `s`, the same for each pair `(x_i, v_i)`: `N(Φ (x, v), Σ)`, positions first.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PhaseTransition {
    /// `Φ`.
    pub gain: [[f64; 2]; 2],
    /// `Σ`.
    pub covariance: [[f64; 2]; 2],
}

impl PhaseTransition {
    /// The covariance of a pair at `t` whose position and velocity were independent, with these variances, at `s`: `Φ diag Φᵀ + Σ`.
    pub fn covariance_from(&self, position_variance: f64, velocity_variance: f64) -> [[f64; 2]; 2] {
        let entry = |i: usize, j: usize| {
            let [[a, b], [c, d]] = [self.gain[i], self.gain[j]];
            a * c * position_variance + b * d * velocity_variance + self.covariance[i][j]
        };
        let mixed = entry(0, 1);
        [[entry(0, 0), mixed], [mixed, entry(1, 1)]]
    }
}

impl<C: Clock> UnderdampedLangevin<C> {
    /// The diffusion of `position_dim` positions of this mass under this friction, on `clock`.
    ///
    /// # Errors
    /// No position; a mass or a friction that is not finite and greater than zero.
    pub fn new(position_dim: usize, mass: f64, friction: f64, clock: C) -> Result<Self> {
        check_count("position_dim", position_dim)?;
        check_positive("mass", mass)?;
        check_positive("friction", friction)?;
        Ok(UnderdampedLangevin {
            position_dim,
            mass,
            friction,
            is_critical: false,
            clock,
        })
    }

    /// The critically damped diffusion, with friction `Γ = 2 √M`.
    ///
    /// # Errors
    /// Those of [`UnderdampedLangevin::new`].
    pub fn critically_damped(position_dim: usize, mass: f64, clock: C) -> Result<Self> {
        check_positive("mass", mass)?;
        let process = UnderdampedLangevin::new(position_dim, mass, 2.0 * mass.sqrt(), clock)?;
        Ok(UnderdampedLangevin {
            is_critical: true,
            ..process
        })
    }

    /// The number `D` of positions.
    pub fn position_dim(&self) -> usize {
        self.position_dim
    }

    /// The mass `M`, the variance of velocities in the stationary law.
    pub fn mass(&self) -> f64 {
        self.mass
    }

    /// The friction `Γ`.
    pub fn friction(&self) -> f64 {
        self.friction
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// The law of a pair at `t` given it at `s`, `s ≤ t`.
    pub fn transition(&self, s: f64, t: f64) -> PhaseTransition {
        let elapsed = self.clock.elapsed(s, t);
        if self.is_critical {
            return critical(self.mass, elapsed);
        }
        let (inverse, friction) = (1.0 / self.mass, self.friction);
        let drift = array![[0.0, inverse], [-1.0, -friction * inverse]];
        let noise = array![[0.0, 0.0], [0.0, 2.0 * friction]];
        let moments = Moments::after(drift.view(), noise.view(), elapsed);
        let pairs = |a: &ndarray::Array2<f64>| [[a[[0, 0]], a[[0, 1]]], [a[[1, 0]], a[[1, 1]]]];
        PhaseTransition {
            gain: pairs(&moments.gain),
            covariance: pairs(&moments.covariance),
        }
    }
}

/// The closed form at critical damping.
fn critical(mass: f64, elapsed: f64) -> PhaseTransition {
    let root = mass.sqrt();
    let tau = elapsed / root;
    let decay = (-tau).exp();
    let z = 2.0 * tau;
    let squared = (-z).exp();
    // Either form is exact where it is used: below, all terms are positive; above, what is subtracted from one is below 0.7.
    let (position, velocity) = if z < 2.0 {
        let tail = exponential_tail(z);
        (squared * tail, squared * (2.0 * z + tail))
    } else {
        let half = 0.5 * z * z;
        (1.0 - squared * (1.0 + z + half), 1.0 - squared * (1.0 - z + half))
    };
    let mixed = root * (0.5 * z * z * squared);
    PhaseTransition {
        gain: [
            [decay * (1.0 + tau), decay * tau / root],
            [-root * tau * decay, decay * (1.0 - tau)],
        ],
        covariance: [[position, mixed], [mixed, mass * velocity]],
    }
}

/// `e^z − 1 − z − z²/2 = z³/6 (1 + z/4 (1 + z/5 (…)))` for `|z| < 2`.
fn exponential_tail(z: f64) -> f64 {
    // At z = 2 the first term left out is 2²¹·6/24! of the first.
    let series = (4..24).rev().fold(1.0, |sum, k| 1.0 + z / f64::from(k) * sum);
    z * z * z / 6.0 * series
}

impl<C: Clock> Space for UnderdampedLangevin<C> {
    fn dim(&self) -> usize {
        2 * self.position_dim
    }
}

impl<C: Clock> Sde for UnderdampedLangevin<C> {
    fn noise_dim(&self) -> usize {
        self.position_dim
    }

    /// The times of the clock, forwards.
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::up_to(self.clock.horizon()).forwards()
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let d = self.position_dim;
        let (inverse, damping) = (1.0 / self.mass, self.friction / self.mass);
        for_each_run(
            t,
            |t| self.clock.rate(t),
            |rows, rate| {
                for b in rows {
                    for i in 0..d {
                        let (position, velocity) = (x[[b, i]], x[[b, d + i]]);
                        out[[b, i]] = rate * (inverse * velocity);
                        out[[b, d + i]] = -rate * (position + damping * velocity);
                    }
                }
            },
        );
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        let d = self.position_dim;
        out.slice_mut(s![.., ..d]).fill(0.0);
        let size = |t| (2.0 * self.friction * self.clock.rate(t)).sqrt();
        combine_at(t, size, w, out.slice_mut(s![.., d..]), |size, w, _| size * w);
    }
}

impl<C: Clock> AdditiveSde for UnderdampedLangevin<C> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let d = self.position_dim;
        out.slice_mut(s![.., ..d]).fill(0.0);
        let squared = |t| 2.0 * self.friction * self.clock.rate(t);
        combine_at(
            t,
            squared,
            v.slice(s![.., d..]),
            out.slice_mut(s![.., d..]),
            |c, v, _| c * v,
        );
    }
}

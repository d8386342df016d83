//! Reverse processes: from noise to data.
//!
//! The forward process `dX = f_t X dt + g_t dB` run backwards in time is again a diffusion (Anderson 1982), and with it a family of others with the same
//! marginal laws,
//!
//! `dX = [f_t X − ½ (1 + λ²) g_t² s_t(X)] dt + λ g_t dB̄`,  `t` from `T` down to 0,
//!
//! where `B̄` runs backwards and `λ ≥ 0` says how stochastic the way is: 1 is the reverse process proper, 0 the probability flow. All of them transport
//! `p_t` exactly when `s_t = ∇ log p_t`: noise of rate `λ² g²` and a drift `½ λ² g² s` more towards the data are Langevin dynamics for `p_t`, which
//! leave it as it is. (Song et al. 2021, section 4.3 and appendix D.1, have the ends; Huang, Lim and Courville 2021, equation 19, the family.)
//!
//! **Two conventions of time.** [`ReverseSde`] is in the clock of the process: solved on a decreasing grid. Texts on sampling write `Y_τ = X_{T−τ}` instead, whose clock runs
//! forwards, `dY = [½ (1 + λ²) g² s − f Y] dτ + λ g dB`; [`OwnClock`] is that equation. A solver takes either, with the same result for the same noise.

use gibbsian_core::error::{Result, check_non_negative, check_positive};
use gibbsian_core::{LinearGaussian, Space, TimeScore};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::equation::{AdditiveSde, DiagonalSde, Sde, combine_at, for_each_run};
use crate::time_domain::TimeDomain;

/// The reverse of a linear-Gaussian process under a score, in the clock of the process.
///
/// ```
/// use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
/// use gibbsian_core::Seed;
/// use gibbsian_sde::{EulerMaruyama, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::{Array2, array};
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// // Data N(3, ½²), and their exact score at every time.
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
///
/// let grid = TimeGrid::uniform(4.0, 0.0, 200)?;
/// let noise = FreshNoise::new(Seed::new(1).child("noise"));
/// let start = noise.normal((2000, 1));
/// let x = FixedSteps::new(grid).solve(&EulerMaruyama, &reverse, start, &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReverseSde<P, M> {
    process: P,
    model: M,
    stochasticity: f64,
}

impl<P: LinearGaussian, M> ReverseSde<P, M> {
    /// The reverse process, `λ = 1`, of `process` under the score `model`.
    pub fn new(process: P, model: M) -> Self {
        ReverseSde {
            process,
            model,
            stochasticity: 1.0,
        }
    }

    /// The member `λ` of the family.
    ///
    /// # Errors
    /// A `λ` that is negative or not finite.
    pub fn with_stochasticity(self, stochasticity: f64) -> Result<Self> {
        check_non_negative("stochasticity", stochasticity)?;
        Ok(ReverseSde {
            stochasticity,
            ..self
        })
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// The score.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// `λ`.
    pub fn stochasticity(&self) -> f64 {
        self.stochasticity
    }

    /// The same equation in the clock of its solution, `τ = T − t`.
    pub fn in_own_clock(self) -> OwnClock<Self> {
        OwnClock {
            horizon: self.process.horizon(),
            equation: self,
        }
    }
}

impl<P: LinearGaussian, M: Space> Space for ReverseSde<P, M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<P: LinearGaussian, M: TimeScore> Sde for ReverseSde<P, M> {
    /// The times of the process, backwards; without noise in either direction.
    fn time_domain(&self) -> TimeDomain {
        reversed(TimeDomain::of(&self.process), self.stochasticity)
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.model.score_at_into(x, t, out.view_mut());
        let share = 0.5 * (1.0 + self.stochasticity * self.stochasticity);
        let coefficients = |t| {
            (
                self.process.drift_rate(t),
                share * self.process.diffusion_squared(t),
            )
        };
        combine_at(t, coefficients, x, out, |(rate, weight), x, score| {
            rate * x - weight * score
        });
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        let g = |t| self.stochasticity * self.process.diffusion(t);
        combine_at(t, g, w, out, |g, w, _| g * w);
    }
}

impl<P: LinearGaussian, M: TimeScore> DiagonalSde for ReverseSde<P, M> {
    fn diffusion_into(&self, _: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let g = |t| self.stochasticity * self.process.diffusion(t);
        for_each_run(t, g, |rows, g| out.slice_mut(s![rows, ..]).fill(g));
    }

    fn diffusion_slope_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

impl<P: LinearGaussian, M: TimeScore> AdditiveSde for ReverseSde<P, M> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let squared = |t| self.stochasticity.powi(2) * self.process.diffusion_squared(t);
        combine_at(t, squared, v, out, |c, v, _| c * v);
    }
}

/// The domain of the member `λ` of the family over an equation with this domain: backwards where there is noise. The member without noise is a flow, which one direction undoes of the other.
pub(crate) fn reversed(of_equation: TimeDomain, stochasticity: f64) -> TimeDomain {
    if stochasticity == 0.0 {
        of_equation.either_way()
    } else {
        of_equation.backwards()
    }
}

/// An equation that is solved backwards, in a clock that runs forwards: `Y_τ = X_{T−τ}`.
#[derive(Clone, Copy, Debug)]
pub struct OwnClock<E> {
    equation: E,
    horizon: f64,
}

impl<E> OwnClock<E> {
    /// The equation whose solution is `X_{T−τ}`.
    ///
    /// # Errors
    /// A horizon `T` that is not positive and finite.
    pub fn new(equation: E, horizon: f64) -> Result<Self> {
        check_positive("horizon", horizon)?;
        Ok(OwnClock { equation, horizon })
    }

    /// The equation in the clock of the process.
    pub fn equation(&self) -> &E {
        &self.equation
    }

    /// `T`.
    pub fn horizon(&self) -> f64 {
        self.horizon
    }
}

impl<E: Space> Space for OwnClock<E> {
    fn dim(&self) -> usize {
        self.equation.dim()
    }
}

impl<E: Sde> Sde for OwnClock<E> {
    fn noise_dim(&self) -> usize {
        self.equation.noise_dim()
    }

    fn time_domain(&self) -> TimeDomain {
        self.equation.time_domain().in_own_clock(self.horizon)
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.equation
            .drift_into(x, t.mapv(|t| self.horizon - t).view(), out.view_mut());
        out.mapv_inplace(|f| -f);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.equation
            .diffuse_into(x, t.mapv(|t| self.horizon - t).view(), w, out);
    }
}

impl<E: DiagonalSde> DiagonalSde for OwnClock<E> {
    fn diffusion_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.equation
            .diffusion_into(x, t.mapv(|t| self.horizon - t).view(), out);
    }

    fn diffusion_slope_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.equation
            .diffusion_slope_into(x, t.mapv(|t| self.horizon - t).view(), out);
    }
}

impl<E: AdditiveSde> AdditiveSde for OwnClock<E> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.equation
            .covariance_product_into(t.mapv(|t| self.horizon - t).view(), v, out);
    }
}

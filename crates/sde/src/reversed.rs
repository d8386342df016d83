//! The reverse of any equation that says what its noise does to a density.
//!
//! Anderson (1982) reverses `dX = f(X, t) dt + G(X, t) dB` whatever the drift. As for linear-Gaussian processes ([`reverse`](crate::reverse)) there is a family with the same marginal laws,
//!
//! `dX = [f(X, t) − ½ (1 + λ²) (G Gᵀ s_t(X) + ∇·(G Gᵀ))] dt + λ G dB̄`,  `t` from `T` down to 0,
//!
//! with `∇·(G Gᵀ)_i = Σ_j ∂(G Gᵀ)_ij/∂x_j`. With additive noise the last term vanishes and a matrix `G Gᵀ` stands for `g²`, so that a score need be right only where there is noise: of a phase space with noise in the
//! velocities, the score in the velocities.
//!
//! *Why.* The law moves by the equation of Fokker and Planck, `∂p/∂t = −∇·(f p) + ½ ∇·∇·(G Gᵀ p)`, and `∇·(G Gᵀ p) = p (G Gᵀ s + ∇·(G Gᵀ)) =: p q`. So it is carried by the velocity `f − ½ q` ([`MarginalFlow`]); and
//! noise `λ G` with a drift `½ λ² q`, in the clock of the solution, leaves `p` as it is.
//!
//! A user's own equation is reversed by implementing [`AdditiveSde`] for it, or [`ReversibleSde`] where its noise depends on the point, or by [`DiagonalNoise`](crate::DiagonalNoise) where each coordinate has a noise of its own.
//! The divergence is not found by differences.

use gibbsian_core::error::{Error, Result, check_non_negative};
use gibbsian_core::{Space, TimeScore};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use crate::equation::{AdditiveSde, DiagonalSde, Ode, ReversibleSde, Sde};
use crate::matrix_noise::{CommutativeSde, DiffusionJvp};
use crate::reverse::{OwnClock, reversed};
use crate::time_domain::{TimeDirection, TimeDomain};

/// The reverse of an equation under a score, in the clock of the equation.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{Forward, ReverseSde, Reversed, Sde};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::{Array2, array};
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let score = Noised::new(Mixture::new(array![1.0], array![[3.0]], array![0.5])?, process);
/// let general = Reversed::new(Forward::new(process, 1)?, score.clone())?;
/// let special = ReverseSde::new(process, score);
/// let drift = |equation: &dyn Sde| {
///     let mut out = Array2::zeros((1, 1));
///     equation.drift_into(array![[0.2]].view(), array![0.7].view(), out.view_mut());
///     out
/// };
/// assert_eq!(drift(&general), drift(&special));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reversed<E, M> {
    equation: E,
    model: M,
    stochasticity: f64,
}

impl<E: ReversibleSde, M: TimeScore> Reversed<E, M> {
    /// The reverse process, `λ = 1`, of `equation` under the score `model`.
    ///
    /// # Errors
    /// A score of another dimension; an equation that is solved backwards already.
    pub fn new(equation: E, model: M) -> Result<Self> {
        check_parts(&equation, &model)?;
        Ok(Reversed {
            equation,
            model,
            stochasticity: 1.0,
        })
    }

    /// The member `λ` of the family.
    ///
    /// # Errors
    /// A `λ` that is negative or not finite.
    pub fn with_stochasticity(self, stochasticity: f64) -> Result<Self> {
        check_non_negative("stochasticity", stochasticity)?;
        Ok(Reversed {
            stochasticity,
            ..self
        })
    }

    /// The equation that is reversed.
    pub fn equation(&self) -> &E {
        &self.equation
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
    ///
    /// # Errors
    /// A horizon `T` that is not positive and finite.
    pub fn in_own_clock(self, horizon: f64) -> Result<OwnClock<Self>> {
        OwnClock::new(self, horizon)
    }
}

impl<E: Space, M: Sync> Space for Reversed<E, M> {
    fn dim(&self) -> usize {
        self.equation.dim()
    }
}

impl<E: ReversibleSde, M: TimeScore> Sde for Reversed<E, M> {
    fn noise_dim(&self) -> usize {
        self.equation.noise_dim()
    }

    /// The times of the equation, backwards; without noise in either direction.
    fn time_domain(&self) -> TimeDomain {
        reversed(self.equation.time_domain(), self.stochasticity)
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        let share = 0.5 * (1.0 + self.stochasticity * self.stochasticity);
        pulled_drift_into(&self.equation, &self.model, share, x, t, out);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        self.equation.diffuse_into(x, t, w, out.view_mut());
        out *= self.stochasticity;
    }
}

impl<E: ReversibleSde + DiagonalSde, M: TimeScore> DiagonalSde for Reversed<E, M> {
    fn diffusion_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.equation.diffusion_into(x, t, out.view_mut());
        out *= self.stochasticity;
    }

    fn diffusion_slope_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.equation.diffusion_slope_into(x, t, out.view_mut());
        out *= self.stochasticity;
    }
}

impl<E: ReversibleSde + DiffusionJvp, M: TimeScore> DiffusionJvp for Reversed<E, M> {
    fn diffusion_jvp_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        self.equation.diffusion_jvp_into(x, t, w, v, out.view_mut());
        out *= self.stochasticity;
    }
}

impl<E: ReversibleSde + CommutativeSde, M: TimeScore> CommutativeSde for Reversed<E, M> {}

impl<E: AdditiveSde, M: TimeScore> AdditiveSde for Reversed<E, M> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.equation.covariance_product_into(t, v, out.view_mut());
        out *= self.stochasticity * self.stochasticity;
    }
}

/// The ordinary equation with the marginal laws of a stochastic one, `dx/dt = f(x, t) − ½ (G Gᵀ s_t(x) + ∇·(G Gᵀ))`: what
/// [`ProbabilityFlow`](crate::ProbabilityFlow) is for linear-Gaussian processes.
///
/// Source: Song et al. (2021), appendices A and D.1.
#[derive(Clone, Copy, Debug)]
pub struct MarginalFlow<E, M> {
    equation: E,
    model: M,
}

impl<E: ReversibleSde, M: TimeScore> MarginalFlow<E, M> {
    /// The flow of `equation` under the score `model`.
    ///
    /// # Errors
    /// Those of [`Reversed::new`].
    pub fn new(equation: E, model: M) -> Result<Self> {
        check_parts(&equation, &model)?;
        Ok(MarginalFlow { equation, model })
    }

    /// The equation.
    pub fn equation(&self) -> &E {
        &self.equation
    }

    /// The score.
    pub fn model(&self) -> &M {
        &self.model
    }
}

impl<E: Space, M: Sync> Space for MarginalFlow<E, M> {
    fn dim(&self) -> usize {
        self.equation.dim()
    }
}

impl<E: ReversibleSde, M: TimeScore> Ode for MarginalFlow<E, M> {
    /// The times of the equation, in either direction.
    fn time_domain(&self) -> TimeDomain {
        self.equation.time_domain().either_way()
    }

    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        pulled_drift_into(&self.equation, &self.model, 0.5, x, t, out);
    }
}

/// `f − share · (G Gᵀ s + ∇·(G Gᵀ))`.
fn pulled_drift_into<E: ReversibleSde, M: TimeScore>(
    equation: &E,
    model: &M,
    share: f64,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    mut out: ArrayViewMut2<f64>,
) {
    let (mut score, mut pull) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
    model.score_at_into(x, t, score.view_mut());
    equation.noise_pull_into(x, t, score.view(), pull.view_mut());
    equation.drift_into(x, t, out.view_mut());
    out.scaled_add(-share, &pull);
}

fn check_parts(equation: &impl Sde, model: &impl Space) -> Result<()> {
    if equation.time_domain().direction() == TimeDirection::Backwards {
        return Err(Error::parameter(
            "equation",
            "solved backwards in time",
            "one of data that become noise forwards; put it on its own clock",
        ));
    }
    if equation.dim() == model.dim() {
        Ok(())
    } else {
        Err(Error::parameter(
            "model.dim",
            model.dim(),
            format!(
                "{}, the dimension of the equation; make both for the same data",
                equation.dim()
            ),
        ))
    }
}

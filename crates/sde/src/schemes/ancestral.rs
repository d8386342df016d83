//! Ancestral sampling: the reverse of a noising chain, step by step.
//!
//! Of a forward chain the law of `X_s` given `X_t` and `X_0` is normal. With `a = α_{t|s}` and `v = σ²_{t|s}`,
//!
//! `q(x_s | x_t, x_0) = N( (a σ_s²/σ_t²) x_t + (α_s v/σ_t²) x_0, (v σ_s²/σ_t²) I )`
//!
//! (Ho, Jain and Abbeel 2020, equations 6 and 7, for `α² + σ² = 1`; Kingma, Salimans, Poole and Ho 2021, appendix A, for all). The scheme puts the
//! expected data `x̂_0 = (x_t + σ_t² s)/α_t` in place of the data. Then everything cancels but
//!
//! `x_s = (x_t + v s)/a + noise`,
//!
//! which is Tweedie's formula for `X_s` from `X_t`, true for every process and step. What is approximate is the noise: the law of `X_s` given `X_t` is
//! not normal, and its variance depends on the data, see [`ReverseVariance`].
//!
//! In the continuous limit this is the reverse process with `λ = 1`: weak and strong order 1. Mean and covariance of `x_s` would be exact if those of the
//! noise were. The ratio `σ_s/σ_t` changes much in equal steps down to time 0, where the error is then of order `h log h`; a grid with shorter steps there
//! mends that.

use gibbsian_core::error::Result;
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::ArrayViewMut2;

use super::Working;
use super::backwards::{Affine, Backwards, check_backwards, check_member};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// The variance of the noise in a step from `t` to `s`.
///
/// For data `N(μ, ς² I)` the right one is `v (α_s² ς² + σ_s²)/(α_t² ς² + σ_t²)`: it rises with `ς`, from that of the posterior at 0 to that of the
/// transition where `α² ς² + σ²` is the same at both times, as for `ς = 1` and a process that preserves variance, or nearly so, as for wide data and one
/// that only adds noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReverseVariance {
    /// `v σ_s²/σ_t²`, that of the posterior given the data: right when the data are a point. The `β̃` of Ho et al. (2020).
    #[default]
    Posterior,
    /// `v`, that of the transition: right when the variance of `X` does not change. The `β` of Ho et al. (2020).
    Transition,
}

/// Ancestral sampling. A step to time 0 has no noise, since the data there are what was expected of them.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{Ancestral, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// // The chain of DDPM with 200 steps.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 200)?);
/// let x = steps.solve(&Ancestral::default(), &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancestral {
    /// The variance of the noise.
    pub variance: ReverseVariance,
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for Ancestral {
    type Memory = Working;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        equation.model().dim()
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, 1.0)?;
        check_backwards(equation.process(), grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let back = Backwards::of(equation.process(), step.from, step.to);
        let deviation = match self.variance {
            ReverseVariance::Transition if back.sigma_to > 0.0 => back.variance.sqrt(),
            _ => back.posterior_deviation(),
        };
        let coefficients = Affine {
            keep: 1.0 / back.alpha,
            score: back.variance / back.alpha,
            noise: deviation,
        };
        coefficients.step(equation, step, x, noise, memory);
    }
}

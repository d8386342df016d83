//! Reverse diffusion sampling: the reverse process discretised as the forward one is.
//!
//! A forward chain `x_t = x_s + F_s(x_s) + G_s z` is a discretisation of the forward equation, and its reverse is discretised with the same `F` and `G`:
//! `x_s = x_t − F(x_t) + G² s + G z` (Song et al. 2021, appendix E). The exact chain of a linear-Gaussian process has `F(x) = (a − 1) x` and `G² = v`, so
//! that
//!
//! `x' = (2 − a) x + ½ (1 + λ²) v s + λ √v z`,  `a = α_{t|s}`,  `v = σ²_{t|s}`.
//!
//! Euler and Maruyama's scheme has `1 − f_t h` and `g_t² h` in place of `2 − a` and `v`: rates at the start of the step, where these are integrals over
//! it. For the variance-exploding process, whose rates grow exponentially, that is the difference between a step that is exact in the noise and one that
//! puts in too much. For DDPM, with `v = β`, it is `(2 − √(1 − β)) x + β s + √β z` (their appendix E), which agrees with [`Ancestral`](super::Ancestral)
//! sampling up to `β²`.
//!
//! Weak and strong order 1.

use gibbsian_core::error::Result;
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::ArrayViewMut2;

use super::Working;
use super::backwards::{Affine, Backwards, check_backwards};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// Reverse diffusion sampling, with the noise `λ` of the equation.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VarianceExploding;
/// use gibbsian_sde::{FixedSteps, FreshNoise, ReverseDiffusion, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VarianceExploding::new(0.01, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 200)?);
/// let x = steps.solve(&ReverseDiffusion, &reverse, noise.normal((2000, 1)) * 20.0, &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReverseDiffusion;

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for ReverseDiffusion {
    type Memory = Working;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        if equation.stochasticity() > 0.0 {
            equation.model().dim()
        } else {
            0
        }
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
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
        let stochasticity = equation.stochasticity();
        let back = Backwards::of(equation.process(), step.from, step.to);
        let coefficients = Affine {
            keep: 2.0 - back.alpha,
            score: 0.5 * (1.0 + stochasticity * stochasticity) * back.variance,
            noise: stochasticity * back.variance.sqrt(),
        };
        coefficients.step(equation, step, x, noise, memory);
    }
}

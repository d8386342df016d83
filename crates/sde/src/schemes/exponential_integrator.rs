//! The exponential integrator: the linear part of the reverse equation solved exactly, the score frozen over the step.
//!
//! With the score held at its value `s` at the start of a step from `t` to `r < t`, the equation `dX = [f X − ½ (1 + λ²) g² s] du + λ g dB̄` is linear,
//! and solved by
//!
//! `x' = x/a + ½ (1 + λ²) w s + λ N`,  `a = α_{t|r}`,  `w = ∫ (α_r/α_u) g_u² du`,  `N = ∫ (α_r/α_u) g_u dB̄_u`,
//!
//! integrals from `r` to `t`, because `α_r/α_u` propagates from `u` to `r`. For the Ornstein–Uhlenbeck process and `h = t − r` that is
//! `x' = e^h x + (1 + λ²)(e^h − 1) s + λ √(e^{2h} − 1) z`, the scheme of Chen, Chewi, Li, Li, Salim and Zhang (2023, section 2); for the
//! variance-preserving one `w = 2 (1/a − 1)`, for the variance-exploding one `w = v`. In general `w` is found by quadrature to rounding, in any clock.
//!
//! **The noise.** The variance of `N` needs no quadrature: `∫ (α_r/α_u)² g_u² du = v/a²`, because `(σ²/α²)' = g²/α²`. So the law of a step is exact
//! whatever the path. What couples it to a path is its covariance with the increment `ΔW` and the space-time area `H`, which are independent: with
//! `k_u = (α_r/α_u) g_u`,
//!
//! `Cov(N, ΔW) = ∫ k_u du =: c₀`,  `Cov(N, H) = ∫ k_u (½ − (t − u)/h) du =: c₁`,  `N̂ = (c₀/h) ΔW + (12 c₁/h) H`,
//!
//! the last of which is the best linear prediction of `N`; it misses what of `k` is not a straight line, a share of order `h⁴` of the variance. The
//! scheme uses `N̂` scaled up to the variance of `N`: the law of a step stays exact, and paths that are refined converge with an error from the noise
//! that is smaller than that from the frozen score. With the increment alone the prediction would miss a share of order `h²`.
//!
//! Strong and weak order 1, both from the frozen score; a score that does not depend on time and point is solved without error.

use gibbsian_core::error::Result;
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use super::backwards::{Backwards, check_backwards};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::quadrature::integrate;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// The exponential integrator for reverse processes, with the noise `λ` of the equation. It steps to time 0 like to any other.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{ExponentialIntegrator, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let steps = FixedSteps::new(TimeGrid::uniform(4.0, 0.0, 200)?);
/// let x = steps.solve(&ExponentialIntegrator, &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExponentialIntegrator;

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for ExponentialIntegrator {
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
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let stochasticity = equation.stochasticity();
        let weights = Weights::of(equation.process(), step);
        let keep = weights.keep;
        let along_score = 0.5 * (1.0 + stochasticity * stochasticity) * weights.score;
        let ([mut score, mut w, mut area], t) = memory.take([x.dim(); 3], x.nrows(), step.from);
        equation.model().score_at_into(x.view(), t, score.view_mut());
        Zip::from(&mut x)
            .and(&score)
            .for_each(|x, s| *x = keep * *x + along_score * s);
        if stochasticity > 0.0 {
            noise.increment_and_area_into(step.from, step.to, w.view_mut(), area.view_mut());
            let (of_increment, of_area) = (stochasticity * weights.increment, stochasticity * weights.area);
            Zip::from(&mut x)
                .and(&w)
                .and(&area)
                .for_each(|x, w, area| *x += of_increment * w + of_area * area);
        }
    }
}

/// `x' = keep · x + ½ (1 + λ²) score · s + λ (increment · ΔW + area · H)`.
struct Weights {
    keep: f64,
    score: f64,
    increment: f64,
    area: f64,
}

impl Weights {
    fn of<P: LinearGaussian>(process: &P, step: &Step) -> Self {
        let (t, r) = (step.from, step.to);
        let h = t - r;
        let alpha_r = process.alpha(r);
        let [score, with_increment, with_area] = integrate(r, t, &|u| {
            let propagator = alpha_r / process.alpha(u);
            let squared = process.diffusion_squared(u);
            let k = propagator * squared.sqrt();
            [propagator * squared, k, k * (0.5 - (t - u) / h)]
        });
        let back = Backwards::of(process, t, r);
        let variance = back.variance / (back.alpha * back.alpha);
        let predicted = (with_increment * with_increment + 12.0 * with_area * with_area) / h;
        let scale = if predicted > 0.0 {
            (variance / predicted).sqrt()
        } else {
            0.0
        };
        Weights {
            keep: 1.0 / back.alpha,
            score,
            increment: scale * with_increment / h,
            area: scale * 12.0 * with_area / h,
        }
    }
}

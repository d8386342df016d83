//! The Metropolis-adjusted Langevin algorithm (Besag 1994; Roberts and Tweedie 1996).
//!
//! A step of unadjusted Langevin sampling is proposed, `y = x + ε Σ s(x) + √(2ε) L z`, and taken with probability
//! `min(1, p(y) q(x | y) / (p(x) q(y | x)))`. The ratio of the proposal densities cannot be left out: the proposal is not symmetric, and
//! with `p(y)/p(x)` alone the chain has another invariant law, of density `∝ p²` as `ε → 0`.
//!
//! With whitened scores `g = Lᵀ s`, the noise that would lead back from `y` to `x` is `−(z + a)` with `a = √(ε/2) (g_x + g_y)`: indeed
//! `x − y − ε Σ s_y = −L (ε g_x + √(2ε) z + ε g_y)`. So
//!
//! `log [q(x | y) / q(y | x)] = ½ |z|² − ½ |z + a|² = −½ a·(2z + a)`,
//!
//! without an inverse of `L`, and without the difference of two large squares.

use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Acceptance, Potential, Result};
use ndarray::ArrayViewMut1;

use crate::metric::Metric;
use crate::metropolis_hastings::Proposals;
use crate::step_size::check_step_size;
use crate::tunable::Tunable;
use crate::vector::{all_finite, map2, sum_rows, zip};
use crate::walkers::Block;
use crate::working::{Scratch, kernel_of_walkers, numbers, rows, rows_mut, sized, stir, whitened};

/// A Langevin step of length `ε`, proposed, and taken so that the target is invariant.
///
/// A proposal outside the support (`E = +∞`) is an ordinary rejection. One that is not finite, or where the energy is NaN or −∞, or whose score
/// is not finite, is rejected and counted in [`Acceptance::undefined`]. One evaluation of energy and score a step.
///
/// The best step size accepts 57 % of the proposals and shrinks as `D^−1/3` (Roberts and Rosenthal 1998, "Optimal scaling of discrete
/// approximations to Langevin diffusions").
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::Mala;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let target = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]])?;
/// let kernel = Mala::new(0.5)?;
/// let mut state = kernel.init(&target, Array2::zeros((100, 2)))?;
/// let info = kernel.step(&target, &mut state, &mut Seed::new(1).rng());
/// assert!(info.rate() > 0.5 && info.undefined == 0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mala {
    step_size: f64,
    metric: Metric,
}

impl Mala {
    /// Steps of length `ε = step_size`, without a metric.
    ///
    /// # Errors
    /// A step size that is not positive and finite.
    pub fn new(step_size: f64) -> Result<Self> {
        Ok(Mala {
            step_size: check_step_size(step_size)?,
            metric: Metric::Identity,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        Mala { metric, ..self }
    }

    fn advance<T: Potential + ?Sized>(
        &self,
        target: &T,
        mut rng: LaneRng,
        mut walkers: Block<'_>,
        scratch: &mut Scratch,
    ) -> Acceptance {
        let (n, dim) = walkers.x.dim();
        let epsilon = self.step_size;
        // y = x + L (ε g_x + √(2ε) z).
        let deviation = (2.0 * epsilon).sqrt();
        let g = whitened(&self.metric, numbers(&mut walkers.score), dim, &mut scratch.drift);
        let (x, y) = (numbers(&mut walkers.x), sized(&mut scratch.proposal, n * dim));
        let noise = sized(&mut scratch.noise, n * dim);
        let mut all_are_finite = true;
        stir(&mut rng, noise, dim, |piece, z| {
            let y = &mut y[piece.clone()];
            map2(y, z, &g[piece.clone()], |z, g| epsilon * g + deviation * z);
            self.metric.apply(rows_mut(y, dim));
            zip(y, &x[piece], |y, x| *y += x);
            all_are_finite &= all_finite(y);
        });

        let energy = sized(&mut scratch.energy, n);
        let score = sized(&mut scratch.score, n * dim);
        target.energy_and_score_into(
            rows(y, dim),
            ArrayViewMut1::from(&mut *energy),
            rows_mut(score, dim),
        );

        // g_x + g_y = Lᵀ (s_x + s_y).
        let pull = sized(&mut scratch.drift, n * dim);
        map2(pull, numbers(&mut walkers.score), score, |s_x, s_y| s_x + s_y);
        self.metric.apply_transposed(rows_mut(pull, dim));
        let log_ratio = sized(&mut scratch.log_ratio, n);
        self.log_ratio_of_proposals(noise, pull, dim, log_ratio);
        for ((ratio, e_x), e_y) in log_ratio.iter_mut().zip(&walkers.energy).zip(&*energy) {
            *ratio += e_x - e_y;
        }

        let row = |b: usize| b * dim..(b + 1) * dim;
        // Of the scores nothing is asked here: one that is not finite makes the ratio a number that is not.
        let is_finite = |b: usize| all_are_finite || all_finite(&y[row(b)]);
        Proposals { energy, log_ratio }.decide(&mut rng, is_finite, |b| {
            x[row(b)].copy_from_slice(&y[row(b)]);
            numbers(&mut walkers.score)[row(b)].copy_from_slice(&score[row(b)]);
            walkers.energy[b] = energy[b];
        })
    }

    /// Writes `log [q(x | y) / q(y | x)] = −½ a·(2z + a)` with `a = √(ε/2) pull` of each row into `out`, for the noise `z` that led from `x` to `y`
    /// and `pull = g_x + g_y`.
    fn log_ratio_of_proposals(&self, z: &[f64], pull: &[f64], dim: usize, out: &mut [f64]) {
        let scale = (0.5 * self.step_size).sqrt();
        sum_rows(z, pull, dim, out, |z, pull| {
            let a = scale * pull;
            -0.5 * a * (2.0 * z + a)
        });
    }
}

kernel_of_walkers!(Mala, Potential, with_both, refresh_both);

impl Tunable for Mala {
    fn step_size(&self) -> f64 {
        self.step_size
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn tuned(&self, step_size: f64, metric: Metric) -> Self {
        Mala { step_size, metric }
    }

    /// 0.574, the optimum in many dimensions.
    fn target_acceptance(&self) -> f64 {
        0.574
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    /// `½ log 4πε` aside, `log q(y | x)` in one dimension.
    fn log_q(y: f64, x: f64, score: f64, epsilon: f64) -> f64 {
        -(y - x - epsilon * score).powi(2) / (4.0 * epsilon)
    }

    #[test]
    fn flows_between_any_two_points_balance() {
        // π(x) q(y | x) a(x, y) = π(y) q(x | y) a(y, x), on a grid, for a density with two modes of different weight.
        let energy = |x: f64| 0.25 * x.powi(4) - x * x + 0.3 * x;
        let score = |x: f64| -x.powi(3) + 2.0 * x - 0.3;
        for epsilon in [0.01, 0.1, 0.6] {
            let mala = Mala::new(epsilon).unwrap();
            let log_flow = |x: f64, y: f64| {
                let z = (y - x - epsilon * score(x)) / (2.0 * epsilon).sqrt();
                let mut log_ratio = [0.0];
                mala.log_ratio_of_proposals(&[z], &[score(x) + score(y)], 1, &mut log_ratio);
                let log_ratio = log_ratio[0] + energy(x) - energy(y);
                -energy(x) + log_q(y, x, score(x), epsilon) + log_ratio.min(0.0)
            };
            let grid = || (-24..=24).map(|k| f64::from(k) / 8.0);
            for x in grid() {
                for y in grid() {
                    let (there, back) = (log_flow(x, y), log_flow(y, x));
                    assert!(
                        (there - back).abs() <= 1e-13 * (1.0 + there.abs()),
                        "between {x} and {y} with ε = {epsilon}: {there} and {back}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_ratio_of_proposals_is_that_of_their_densities_under_any_metric() {
        // Σ = L Lᵀ and its inverse by hand.
        let covariance = array![[2.0, 0.6], [0.6, 0.5]];
        let inverse = array![[0.5, -0.6], [-0.6, 2.0]] / (2.0 * 0.5 - 0.36);
        let metric = Metric::dense(covariance.view()).unwrap();
        let mala = Mala::new(0.3).unwrap().with_metric(metric.clone());
        let log_q = |to: &Array1<f64>, from: &Array1<f64>, score: &Array1<f64>| {
            let residual = to - from - 0.3 * covariance.dot(score);
            -residual.dot(&inverse.dot(&residual)) / (4.0 * 0.3)
        };
        let (s_x, s_y) = (array![0.4, -1.3], array![2.0, 0.7]);
        for z in [array![0.0, 0.0], array![1.5, -0.2], array![-3.0, 4.0]] {
            let x = array![0.3, -0.8];
            let mut moved = array![[0.0, 0.0]];
            moved.row_mut(0).assign(&z);
            metric.apply(moved.view_mut());
            let y = &x + 0.3 * covariance.dot(&s_x) + 0.6_f64.sqrt() * &moved.row(0);
            let mut pull = array![[s_x[0] + s_y[0], s_x[1] + s_y[1]]];
            metric.apply_transposed(pull.view_mut());
            let mut found = [0.0];
            let (z, pull) = (z.as_slice().unwrap(), pull.as_slice().unwrap());
            mala.log_ratio_of_proposals(z, pull, 2, &mut found);
            let found = found[0];
            let expected = log_q(&x, &y, &s_y) - log_q(&y, &x, &s_x);
            assert!(
                (found - expected).abs() < 1e-13 * (1.0 + expected.abs()),
                "{found}, {expected}"
            );
        }
    }
}

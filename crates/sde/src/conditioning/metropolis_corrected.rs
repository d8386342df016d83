//! Composition corrected: at each noise level, steps that leave the level's density as it is.
//!
//! A sum of scores belongs at each time to a density, but these densities are not each other's noised forms, and a reverse process under
//! the sum drifts away from them ([`NaiveProduct`](super::NaiveProduct) has the numbers). After each of its steps some steps of the
//! Metropolis-adjusted Langevin algorithm at the new time bring the points back (Du, Durkan, Strudel, Tenenbaum, Dieleman, Fergus,
//! Sohl-Dickstein, Doucet and Grathwohl 2023). The accept step needs energies, so the parts must be energies in time and not scores
//! alone; in exchange the last level, the product itself, is sampled without a bias that depends on the step size. What remains is how
//! far the chain has mixed, which more corrections and more levels mend.
//!
//! A proposal is `x' = x + δ s(x) + √(2δ) z`, kept with probability `min(1, e^{E(x) − E(x')} q(x|x')/q(x'|x))` (Roberts and Tweedie
//! 1996). The step size follows the noise, `δ = ratio · (α² ς² + σ²)`: the variance of data of variance `ς²` at that time, which is what
//! a step should be measured by.
//!
//! A proposal of infinite energy lies outside the support and is rejected. One whose ratio is NaN, because an energy or a score is, makes its row NaN, which drivers report with step and times.

use gibbsian_core::error::{Result, check_count, check_positive};
use gibbsian_core::{LinearGaussian, TimePotential};
use ndarray::{ArrayView1, ArrayViewMut2, Zip};

use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::schemes::{Working, check_backwards};
use crate::solver::{Solver, Step, check_one_step};

/// A solver each of whose steps is followed by Metropolis-adjusted Langevin steps for the density at the time reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetropolisCorrected<V> {
    solver: V,
    n_corrections: usize,
    ratio: f64,
    data_variance: f64,
}

impl<V> MetropolisCorrected<V> {
    /// The steps of `solver`, each followed by `n_corrections` of size `ratio · (α² data_variance + σ²)`.
    ///
    /// For a target about as wide as the data a ratio from 0.2 to 1 is usual; a product of `n` factors is about `n` times narrower.
    ///
    /// # Errors
    /// No corrections; a ratio or a variance that is not positive and finite.
    pub fn new(solver: V, n_corrections: usize, ratio: f64, data_variance: f64) -> Result<Self> {
        check_count("n_corrections", n_corrections)?;
        check_positive("ratio", ratio)?;
        check_positive("data_variance", data_variance)?;
        Ok(MetropolisCorrected {
            solver,
            n_corrections,
            ratio,
            data_variance,
        })
    }
}

impl<P, M, V> Solver<ReverseSde<P, M>> for MetropolisCorrected<V>
where
    P: LinearGaussian,
    M: TimePotential,
    V: Solver<ReverseSde<P, M>>,
{
    /// The memory of the solver within, and the arrays of the corrections.
    type Memory = (V::Memory, Working);

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        self.solver.noise_dim(equation)
    }

    fn draws_beside(&self) -> bool {
        true
    }

    fn is_multistep(&self) -> bool {
        self.solver.is_multistep()
    }

    /// # Errors
    /// A solver of several steps, since corrections move the points it would remember; a grid that does not go backwards within the process; what the solver within refuses.
    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_one_step("solver", &self.solver)?;
        check_backwards(equation.process(), grid)?;
        self.solver.check(equation, grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        (inner, working): &mut Self::Memory,
    ) {
        self.solver.step(equation, step, x.view_mut(), noise, inner);

        let (process, model) = (equation.process(), equation.model());
        let (alpha, variance) = (process.alpha(step.to), process.variance(step.to));
        let delta = self.ratio * (alpha * alpha * self.data_variance + variance);
        let (n, dim) = x.dim();
        let shapes = [(n, dim), (n, dim), (n, dim), (n, 2), (n, 1), (n, 1)];
        let (
            [
                mut moved,
                mut score,
                mut moved_score,
                mut chance,
                mut energy,
                mut moved_energy,
            ],
            t,
        ) = working.take(shapes, n, step.to);
        model.energy_and_score_at_into(x.view(), t, energy.column_mut(0), score.view_mut());
        for _ in 0..self.n_corrections {
            noise.independent_into(moved.view_mut());
            Zip::from(&mut moved)
                .and(&x)
                .and(&score)
                .for_each(|z, x, s| *z = x + delta * s + (2.0 * delta).sqrt() * *z);
            model.energy_and_score_at_into(
                moved.view(),
                t,
                moved_energy.column_mut(0),
                moved_score.view_mut(),
            );
            noise.independent_into(chance.view_mut());
            for b in 0..n {
                let forth = squared_miss(moved.row(b), x.row(b), score.row(b), delta);
                let back = squared_miss(x.row(b), moved.row(b), moved_score.row(b), delta);
                let log_ratio = energy[[b, 0]] - moved_energy[[b, 0]] + (forth - back) / (4.0 * delta);
                // Half the squared length of two standard normals is minus the logarithm of a uniform number.
                let threshold = -0.5 * chance.row(b).dot(&chance.row(b));
                // Outside the support there is no score, and no reason to move.
                if moved_energy[[b, 0]] == f64::INFINITY {
                    continue;
                }
                // Elsewhere NaN is an error of the model; the row becomes it, which drivers report.
                if log_ratio.is_nan() {
                    x.row_mut(b).fill(f64::NAN);
                    continue;
                }
                if log_ratio > threshold {
                    x.row_mut(b).assign(&moved.row(b));
                    score.row_mut(b).assign(&moved_score.row(b));
                    energy[[b, 0]] = moved_energy[[b, 0]];
                }
            }
        }
    }
}

/// `‖to − from − δ s(from)‖²`.
fn squared_miss(to: ArrayView1<f64>, from: ArrayView1<f64>, score: ArrayView1<f64>, delta: f64) -> f64 {
    let mut sum = 0.0;
    Zip::from(to).and(from).and(score).for_each(|to, from, s| {
        sum += (to - from - delta * s).powi(2);
    });
    sum
}

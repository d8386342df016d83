//! The reverse of normal data, on which laws and strong errors of schemes are known without sampling.
//!
//! The score of every marginal `N(m, V)` is affine. So the member `λ` of the family of reverse processes is solved by an integral over its path, from `t` to `s < t`
//!
//! `X_s = m_s + Φ(s, t) (X_t − m_t) + ∫ Φ(s, u) λ g_u dW_u`,  `Φ(s, u) = (α_u/α_s)^{λ²} (V_s/V_u)^{(1+λ²)/2}`,
//!
//! and a step of a scheme is `x_{i+1} = a x_i + b x_{i−1} + c + Σ_k d_k z_k`, with `b` where it looks back and independent standard normal `z_k`: increments, areas and other numbers over their standard deviations. Rows
//! that are given zero, the units of both points and one number each show the coefficients. Mean and variance follow by recursion; and where the numbers are increments and areas, so that what the scheme makes of the path is
//! an integral too, with a line for a kernel in each step, the mean square of its error is that of the difference of the kernels (Itô's isometry).

use gibbsian_core::process::{
    Cosine, OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{LinearGaussian, Result as CoreResult};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{BrownianBlock, FixedSteps, NoNoise, ReverseSde, Solver, Step, TimeGrid};
use ndarray::{Array2, ArrayViewMut2, array};

use crate::Result;

/// Data `N(MEAN, DEVIATION²)`.
const MEAN: f64 = 1.5;
const DEVIATION: f64 = 0.6;

/// Where the way ends, as a share of the horizon: in the bulk, because near time 0 the schemes whose weights go with `σ_s/σ_t` have errors `h log h`.
const END: f64 = 0.2;

pub(super) type Reverse<P> = ReverseSde<P, NoisedMixture<P>>;

/// What is done with every process.
pub(super) trait UnderProcess {
    fn measure<P: LinearGaussian + Copy>(&mut self, name: &str, problem: &Problem<P>) -> Result<()>;
}

/// Does it with five: the first three with noise of one clock and another, one whose noise is that of none, and one whose rates grow beyond bounds after the horizon.
pub(super) fn under_each_process(task: &mut impl UnderProcess) -> Result<()> {
    task.measure("OU", &Problem::new(OrnsteinUhlenbeck::new(2.0)?)?)?;
    task.measure("VP", &Problem::new(VariancePreserving::new(0.5, 4.0)?)?)?;
    task.measure("VE", &Problem::new(VarianceExploding::new(0.3, 6.0)?)?)?;
    task.measure("sub-VP", &Problem::new(SubVariancePreserving::new(0.5, 4.0)?)?)?;
    task.measure("cosine", &Problem::new(Cosine::new(0.008, 0.8)?)?)
}

/// The way back from noise under one process.
pub(super) struct Problem<P> {
    process: P,
    model: NoisedMixture<P>,
}

/// How far the law of a scheme ends from the right one.
#[derive(Clone, Copy, Debug)]
pub(super) struct LawError {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl<P: LinearGaussian + Copy> Problem<P> {
    fn new(process: P) -> CoreResult<Self> {
        let data = GaussianMixture::new(
            array![1.0],
            array![[MEAN]],
            Covariances::Spherical(array![DEVIATION * DEVIATION]),
        )?;
        let model = NoisedMixture::new(data, process)?;
        Ok(Problem { process, model })
    }

    fn marginal(&self, t: f64) -> (f64, f64) {
        let alpha = self.process.alpha(t);
        (
            alpha * MEAN,
            (alpha * DEVIATION).powi(2) + self.process.variance(t),
        )
    }

    /// `Φ(to, from)`.
    fn propagator(&self, lambda: f64, from: f64, to: f64) -> f64 {
        let ((_, v_from), (_, v_to)) = (self.marginal(from), self.marginal(to));
        (self.process.alpha(from) / self.process.alpha(to)).powf(lambda * lambda)
            * (v_to / v_from).powf(0.5 * (1.0 + lambda * lambda))
    }

    fn equation(&self, lambda: f64) -> CoreResult<Reverse<P>> {
        ReverseSde::new(self.process, self.model.clone()).with_stochasticity(lambda)
    }

    fn grid(&self, from: f64, n_steps: usize) -> CoreResult<TimeGrid> {
        let horizon = self.process.horizon();
        TimeGrid::uniform(from * horizon, END * horizon, n_steps)
    }

    /// Errors of the law of a scheme for the member `λ`. From the right mean most schemes go on with the right mean, because the score vanishes there, so it starts one away.
    pub(super) fn law_error<V: Solver<Reverse<P>>>(
        &self,
        scheme: &V,
        lambda: f64,
        n_steps: usize,
    ) -> Result<LawError> {
        let (equation, grid) = (self.equation(lambda)?, self.grid(1.0, n_steps)?);
        let ((mean, variance), (exact_mean, exact_variance)) =
            (self.marginal(grid.first()), self.marginal(grid.last()));
        let (mean, variance) = law(scheme, &equation, &grid, (mean + 1.0, variance))?;
        let moved = self.propagator(lambda, grid.first(), grid.last());
        Ok(LawError {
            mean: (mean - exact_mean - moved).abs(),
            variance: (variance - exact_variance).abs(),
        })
    }

    /// The same for a scheme that follows no member but keeps the marginal laws, from the right law at this share of the horizon.
    pub(super) fn marginal_error<V: Solver<Reverse<P>>>(
        &self,
        scheme: &V,
        from: f64,
        n_steps: usize,
    ) -> Result<LawError> {
        let grid = self.grid(from, n_steps)?;
        let (exact_mean, exact_variance) = self.marginal(grid.last());
        let (mean, variance) = law(scheme, &self.equation(1.0)?, &grid, self.marginal(grid.first()))?;
        Ok(LawError {
            mean: (mean - exact_mean).abs(),
            variance: (variance - exact_variance).abs(),
        })
    }

    /// The error of the variance of a scheme without noise, however many steps it looks back.
    pub(super) fn map_error<V: Solver<Reverse<P>>>(&self, scheme: &V, n_steps: usize) -> Result<LawError> {
        let (equation, grid) = (self.equation(0.0)?, self.grid(1.0, n_steps)?);
        let (mean, variance) = self.marginal(grid.first());
        let (exact_mean, exact_variance) = self.marginal(grid.last());
        let start = array![[mean], [mean + 1.0]];
        let moved = self.propagator(0.0, grid.first(), grid.last());
        let x = FixedSteps::new(grid).solve(scheme, &equation, start, &NoNoise)?;
        let slope = x[[1, 0]] - x[[0, 0]];
        Ok(LawError {
            mean: (x[[1, 0]] - exact_mean - moved).abs(),
            variance: (slope * slope * variance - exact_variance).abs(),
        })
    }

    /// The root mean square error on a path, of a scheme that is given an increment and, if a second number, an area in every step.
    pub(super) fn strong_error<V: Solver<Reverse<P>>>(
        &self,
        scheme: &V,
        lambda: f64,
        n_steps: usize,
    ) -> Result<f64> {
        let (equation, grid) = (self.equation(lambda)?, self.grid(1.0, n_steps)?);
        let steps = coefficients(scheme, &equation, &grid)?;
        let (from, to, times) = (grid.first(), grid.last(), grid.times());
        // The end is `p x_{i+1} + q x_i` and what came in later.
        let (mut p, mut q, mut shift, mut noise) = (1.0, 0.0, 0.0, 0.0);
        for (i, step) in steps.iter().enumerate().rev() {
            let h = times[i] - times[i + 1];
            for (u, weight) in THREE_POINTS {
                let t = times[i] - u * h;
                // Deviations are √h and √(h/12), and the kernel of the area is ½ − u.
                let kernel = p * (step.d[0] + step.d[1] * 12_f64.sqrt() * (0.5 - u)) / h.sqrt();
                let exact = self.propagator(lambda, t, to) * lambda * self.process.diffusion(t);
                noise += weight * h * (kernel - exact).powi(2);
            }
            shift += p * step.c;
            (p, q) = (step.a * p + q, step.b * p);
        }
        let ((mean, variance), (exact_mean, _)) = (self.marginal(from), self.marginal(to));
        let of_start = (p - self.propagator(lambda, from, to)).powi(2) * variance;
        Ok(((p * mean + shift - exact_mean).powi(2) + of_start + noise).sqrt())
    }
}

/// Nodes in `[0, 1]` and weights of Gauss's rule, exact to degree five: kernels differ within a step by nearly a parabola.
const THREE_POINTS: [(f64, f64); 3] = [
    (0.112_701_665_379_258_31, 5.0 / 18.0),
    (0.5, 4.0 / 9.0),
    (0.887_298_334_620_741_7, 5.0 / 18.0),
];

/// The most numbers that a scheme here draws in a step.
const MOST: usize = 3;

/// `x_{i+1} = a x_i + b x_{i−1} + c + Σ_k d_k z_k`.
struct Coefficients {
    a: f64,
    b: f64,
    c: f64,
    d: [f64; MOST],
}

/// Those of every step of the grid.
fn coefficients<P: LinearGaussian, V: Solver<Reverse<P>>>(
    scheme: &V,
    equation: &Reverse<P>,
    grid: &TimeGrid,
) -> CoreResult<Vec<Coefficients>> {
    scheme.check(equation, grid)?;
    let step = |index: usize| Step {
        index,
        n_steps: grid.n_steps(),
        from: grid.times()[index],
        to: grid.times()[index + 1],
    };
    let mut found = Vec::with_capacity(grid.n_steps());
    let mut x = Array2::zeros((3 + MOST, 1));
    for index in 0..grid.n_steps() {
        let mut memory = V::Memory::default();
        if index > 0 {
            // What a scheme remembers of the step before is the point where that started, and not what it looked at before.
            x.fill(0.0);
            x[[2, 0]] = 1.0;
            scheme.step(
                equation,
                &step(index - 1),
                x.view_mut(),
                &mut Units(0),
                &mut memory,
            );
        }
        x.fill(0.0);
        x[[1, 0]] = 1.0;
        scheme.step(equation, &step(index), x.view_mut(), &mut Units(0), &mut memory);
        let c = x[[0, 0]];
        found.push(Coefficients {
            a: x[[1, 0]] - c,
            b: x[[2, 0]] - c,
            c,
            d: std::array::from_fn(|k| x[[3 + k, 0]] - c),
        });
    }
    Ok(found)
}

/// Mean and variance at the end of the grid, from these at its start.
fn law<P: LinearGaussian, V: Solver<Reverse<P>>>(
    scheme: &V,
    equation: &Reverse<P>,
    grid: &TimeGrid,
    (mut mean, mut variance): (f64, f64),
) -> CoreResult<(f64, f64)> {
    let (mut mean_before, mut variance_before, mut covariance) = (0.0, 0.0, 0.0);
    for Coefficients { a, b, c, d } in coefficients(scheme, equation, grid)? {
        let noise: f64 = d.iter().map(|d| d * d).sum();
        (mean, mean_before) = (a * mean + b * mean_before + c, mean);
        (variance, variance_before, covariance) = (
            a * a * variance + 2.0 * a * b * covariance + b * b * variance_before + noise,
            variance,
            a * variance + b * covariance,
        );
    }
    Ok((mean, variance))
}

/// Gives the number `k` that it is asked for to row `3 + k` alone, as one standard deviation.
struct Units(usize);

impl Units {
    fn give(&mut self, mut out: ArrayViewMut2<f64>, deviation: f64) {
        assert!(
            self.0 < MOST,
            "a scheme draws more numbers in a step than there are rows"
        );
        out.fill(0.0);
        out[[3 + self.0, 0]] = deviation;
        self.0 += 1;
    }
}

impl BrownianBlock for Units {
    fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>) {
        self.give(increment, (to - from).abs().sqrt());
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        area: ArrayViewMut2<f64>,
    ) {
        self.give(increment, (to - from).abs().sqrt());
        self.give(area, ((to - from).abs() / 12.0).sqrt());
    }

    fn independent_into(&mut self, z: ArrayViewMut2<f64>) {
        self.give(z, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use gibbsian_sde::{DpmSolver2M, EulerMaruyama, StoredPath};

    use super::*;

    /// The recursion and the map of the whole way agree for a scheme that looks back.
    #[test]
    fn a_scheme_without_noise_has_one_law_by_both_ways() {
        let problem = Problem::new(VariancePreserving::new(0.5, 4.0).unwrap()).unwrap();
        let by_steps = problem.law_error(&DpmSolver2M, 0.0, 20).unwrap();
        let by_map = problem.map_error(&DpmSolver2M, 20).unwrap();
        assert!((by_steps.mean - by_map.mean).abs() < 1e-13);
        assert!((by_steps.variance - by_map.variance).abs() < 1e-13);
        assert!(by_map.variance > 1e-5);
    }

    /// The error on a path without sampling is that of many paths, within five of their standard errors.
    #[test]
    fn the_error_on_a_path_is_that_of_many_paths() {
        const N_ROWS: usize = 4000;
        let problem = Problem::new(OrnsteinUhlenbeck::new(2.0).unwrap()).unwrap();
        let equation = problem.equation(1.0).unwrap();
        let seed = gibbsian_core::Seed::new(1);
        let fine = problem.grid(1.0, 2048).unwrap();
        let (mean, variance) = problem.marginal(fine.first());
        let start =
            gibbsian_sde::FreshNoise::new(seed.child("start")).normal((N_ROWS, 1)) * variance.sqrt() + mean;
        let path = StoredPath::draw(fine.clone(), (N_ROWS, 1), seed.child("path")).unwrap();
        let solve = |grid: TimeGrid| {
            FixedSteps::new(grid)
                .solve(&EulerMaruyama, &equation, start.clone(), &path)
                .unwrap()
        };
        let n = 16;
        let squares = (solve(problem.grid(1.0, n).unwrap()) - solve(fine)).mapv(|e| e * e);
        let found = squares.mean().unwrap();
        let error = squares.std(1.0) / (N_ROWS as f64).sqrt();
        let exact = problem.strong_error(&EulerMaruyama, 1.0, n).unwrap().powi(2);
        // The fine solution errs by 1/128 of what is measured, of which the square sees twice.
        assert!(
            (found - exact).abs() < 5.0 * error + 2.0 * exact / 128.0,
            "{found} ± {error}, {exact}"
        );
    }
}

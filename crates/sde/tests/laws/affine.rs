//! What a step of a solver is on a linear equation: its coefficients, read off at unit vectors, and the exact law of its points.

use gibbsian_core::Space;
use gibbsian_sde::{BrownianBlock, Solver, Step, TimeGrid};
use ndarray::{Array1, Array2, ArrayViewMut2, s};

/// `x' = offset + gain x + noise ΔW`.
pub struct Affine {
    pub offset: Array1<f64>,
    pub gain: Array2<f64>,
    pub noise: Array2<f64>,
}

/// Increments that are given.
struct Given(Array2<f64>);

impl BrownianBlock for Given {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.assign(&self.0);
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        self.increment_into(from, to, increment);
        area.fill(0.0);
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        z.fill(0.0);
    }
}

/// The coefficients of one step.
pub fn coefficients<E: Space, V: Solver<E>>(solver: &V, equation: &E, step: &Step) -> Affine {
    let (d, m) = (equation.dim(), solver.noise_dim(equation));
    let n = 1 + d + m;
    let (mut x, mut w) = (Array2::zeros((n, d)), Array2::zeros((n, m)));
    for i in 0..d {
        x[[1 + i, i]] = 1.0;
    }
    for j in 0..m {
        w[[1 + d + j, j]] = 1.0;
    }
    solver.step(
        equation,
        step,
        x.view_mut(),
        &mut Given(w),
        &mut V::Memory::default(),
    );
    let offset = x.row(0).to_owned();
    x -= &offset;
    Affine {
        offset,
        gain: x.slice(s![1..=d, ..]).t().to_owned(),
        noise: x.slice(s![1 + d.., ..]).t().to_owned(),
    }
}

/// Mean and covariance of the points at the end of a grid, exactly.
pub fn law_at_end<E: Space, V: Solver<E>>(
    solver: &V,
    equation: &E,
    grid: &TimeGrid,
    start: (Array1<f64>, Array2<f64>),
) -> (Array1<f64>, Array2<f64>) {
    let (mut mean, mut covariance) = start;
    let times = grid.times();
    for index in 0..grid.n_steps() {
        let step = Step {
            index,
            n_steps: grid.n_steps(),
            from: times[index],
            to: times[index + 1],
        };
        let Affine { offset, gain, noise } = coefficients(solver, equation, &step);
        mean = offset + gain.dot(&mean);
        covariance = gain.dot(&covariance).dot(&gain.t()) + noise.dot(&noise.t()) * step.size().abs();
    }
    (mean, covariance)
}

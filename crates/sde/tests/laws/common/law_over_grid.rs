//! The exact law of a scheme at the end of a grid, for normal data in any dimension.
//!
//! Where the score is affine, what a scheme makes of a start and of all numbers that it is given is affine, too, however many steps it looks back:
//!
//! `x_n = A x_0 + c + Σ_k D_k z_k`
//!
//! with independent standard normal `z_k`. Zero, the units of the start and those of all numbers go through the steps as rows, which gives `A`, `c` and `D_k`. For
//! schemes of one step that are given increments alone there is a recursion, which costs less (`affine.rs`).

use gibbsian_core::Space;
use gibbsian_sde::{BrownianBlock, Solver, Step, TimeGrid};
use ndarray::{Array1, Array2, ArrayViewMut2, s};

/// A normal law.
#[derive(Clone, Debug)]
pub struct Normal {
    pub mean: Array1<f64>,
    pub covariance: Array2<f64>,
}

/// Gives the number `k` that a row is given on the whole way to row `first + k` alone, as one standard deviation.
struct EachNumber {
    first: usize,
    n_given: usize,
}

impl EachNumber {
    fn give(&mut self, mut out: ArrayViewMut2<f64>, deviation: f64) {
        out.fill(0.0);
        for j in 0..out.ncols() {
            let row = self.first + self.n_given + j;
            if row < out.nrows() {
                out[[row, j]] = deviation;
            }
        }
        self.n_given += out.ncols();
    }
}

impl BrownianBlock for EachNumber {
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

/// The law at the end of the grid, from this at its start.
pub fn law_over_grid<E, S>(solver: &S, equation: &E, grid: &TimeGrid, start: &Normal) -> Normal
where
    E: Space + ?Sized,
    S: Solver<E>,
{
    solver.check(equation, grid).unwrap();
    let dim = equation.dim();
    let run = |mut x: Array2<f64>| {
        let mut memory = S::Memory::default();
        let mut numbers = EachNumber {
            first: 1 + dim,
            n_given: 0,
        };
        for index in 0..grid.n_steps() {
            let step = Step {
                index,
                n_steps: grid.n_steps(),
                from: grid.times()[index],
                to: grid.times()[index + 1],
            };
            solver.step(equation, &step, x.view_mut(), &mut numbers, &mut memory);
        }
        (x, numbers.n_given)
    };
    let (_, n_numbers) = run(Array2::zeros((1, dim)));
    let mut x = Array2::zeros((1 + dim + n_numbers, dim));
    x.slice_mut(s![1..=dim, ..]).diag_mut().fill(1.0);
    let (mut x, _) = run(x);
    let c = x.row(0).to_owned();
    x -= &c;
    let (units, numbers) = (x.slice(s![1..=dim, ..]), x.slice(s![1 + dim.., ..]));
    Normal {
        mean: units.t().dot(&start.mean) + c,
        covariance: units.t().dot(&start.covariance).dot(&units) + numbers.t().dot(&numbers),
    }
}

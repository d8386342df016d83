//! The exact law of a linear scheme on a normal target, by recursion.
//!
//! Where the score is affine, a step is too, and its coefficients are read off by giving it zero and the units. A scheme may look back one step:
//!
//! `x_{i+1} = a x_i + b x_{i−1} + c + Σ_k d_k z_k`
//!
//! with independent standard normal `z_k`: increments of a path and areas, divided by their standard deviations, and numbers beside the path. Means and covariances of `(x_i, x_{i−1})` follow without sampling.

use gibbsian_core::process::{
    Cosine, LinearGaussian, OrnsteinUhlenbeck, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use gibbsian_core::{Space, TimeScore};
use gibbsian_sde::{BrownianBlock, ReverseSde, Solver, Step, TimeGrid};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip};

/// Data `N(MEAN, DEVIATION²)`.
pub const MEAN: f64 = 1.5;
pub const DEVIATION: f64 = 0.6;

/// A process of one of several types.
#[derive(Clone, Copy, Debug)]
pub enum Process {
    Ou(OrnsteinUhlenbeck),
    Vp(VariancePreserving),
    Ve(VarianceExploding),
    SubVp(SubVariancePreserving),
    Cosine(Cosine),
}

/// One of each, with a horizon at which noise dominates.
pub fn processes() -> [Process; 3] {
    [
        Process::Ou(OrnsteinUhlenbeck::new(2.0).unwrap()),
        Process::Vp(VariancePreserving::new(0.5, 4.0).unwrap()),
        Process::Ve(VarianceExploding::new(0.3, 6.0).unwrap()),
    ]
}

/// Those, and two whose noise is not that of the first ones on another clock, or has rates that grow without bound beyond the horizon.
pub fn all_processes() -> [Process; 5] {
    let [ou, vp, ve] = processes();
    let sub = SubVariancePreserving::new(0.5, 4.0).unwrap();
    let cosine = Cosine::new(0.008, 0.8).unwrap();
    [ou, vp, ve, Process::SubVp(sub), Process::Cosine(cosine)]
}

impl Process {
    fn inner(&self) -> &dyn LinearGaussian {
        match self {
            Process::Ou(process) => process,
            Process::Vp(process) => process,
            Process::Ve(process) => process,
            Process::SubVp(process) => process,
            Process::Cosine(process) => process,
        }
    }
}

impl LinearGaussian for Process {
    fn horizon(&self) -> f64 {
        self.inner().horizon()
    }
    fn alpha(&self, t: f64) -> f64 {
        self.inner().alpha(t)
    }
    fn variance(&self, t: f64) -> f64 {
        self.inner().variance(t)
    }
    fn drift_rate(&self, t: f64) -> f64 {
        self.inner().drift_rate(t)
    }
    fn diffusion_squared(&self, t: f64) -> f64 {
        self.inner().diffusion_squared(t)
    }
    fn log_snr(&self, t: f64) -> f64 {
        self.inner().log_snr(t)
    }
    fn time_at_log_snr(&self, log_snr: f64) -> gibbsian_core::Result<f64> {
        self.inner().time_at_log_snr(log_snr)
    }
    fn transition(&self, s: f64, t: f64) -> gibbsian_core::process::GaussianTransition {
        self.inner().transition(s, t)
    }
    fn prior_variance(&self) -> f64 {
        self.inner().prior_variance()
    }
}

/// The score of data `N(MEAN, deviation²)` at every time of a process: `s = (α μ − x)/V`.
#[derive(Clone, Copy, Debug)]
pub struct NormalScore<P> {
    pub process: P,
    pub deviation: f64,
}

impl<P: LinearGaussian> Space for NormalScore<P> {
    fn dim(&self) -> usize {
        1
    }
}

impl<P: LinearGaussian> TimeScore for NormalScore<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        // All rows of these tests have the same time.
        let (mean, variance) = marginal_of(&self.process, self.deviation, t[0]);
        Zip::from(&mut out)
            .and(&x)
            .for_each(|s, x| *s = (mean - x) / variance);
    }
}

/// The reverse of the process from these data.
pub type Reverse = ReverseSde<Process, NormalScore<Process>>;

pub fn reverse(process: Process) -> Reverse {
    reverse_of(process, DEVIATION)
}

/// The same for data of another standard deviation.
pub fn reverse_of(process: Process, deviation: f64) -> Reverse {
    ReverseSde::new(process, NormalScore { process, deviation })
}

/// Mean and variance of `X_t`.
pub fn marginal(process: &Process, t: f64) -> (f64, f64) {
    marginal_of(process, DEVIATION, t)
}

/// The same for data of another standard deviation.
pub fn marginal_of<P: LinearGaussian>(process: &P, deviation: f64, t: f64) -> (f64, f64) {
    let alpha = process.alpha(t);
    (alpha * MEAN, (alpha * deviation).powi(2) + process.variance(t))
}

/// Gives the `k`-th number it is asked for to row `first + k` alone, as one standard deviation.
pub struct Units {
    first: usize,
    asked: usize,
}

impl Units {
    pub fn from_row(first: usize) -> Self {
        Units { first, asked: 0 }
    }

    fn give(&mut self, mut out: ArrayViewMut2<f64>, deviation: f64) {
        out.fill(0.0);
        let row = self.first + self.asked;
        assert!(row < out.nrows(), "no row is left for another number");
        out.row_mut(row).fill(deviation);
        self.asked += 1;
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

/// The most numbers that a scheme of these tests draws in a step.
const MOST: usize = 4;

/// `x_{i+1} = a x_i + b x_{i−1} + c + Σ_k d_k z_k`.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients {
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub d: [f64; MOST],
}

/// The coefficients of step `index` of the grid.
pub fn coefficients<S: Solver<Reverse>>(
    solver: &S,
    equation: &Reverse,
    grid: &TimeGrid,
    index: usize,
) -> Coefficients {
    const FIRST: usize = 3;
    let mut memory = S::Memory::default();
    let mut x = Array2::zeros((FIRST + MOST, 1));
    let step = |index: usize| Step {
        index,
        n_steps: grid.n_steps(),
        from: grid.times()[index],
        to: grid.times()[index + 1],
    };
    if index > 0 {
        // What a scheme remembers of the step before is the point where that started, and not what it looked at before.
        x[[2, 0]] = 1.0;
        let mut units = Units::from_row(FIRST);
        solver.step(equation, &step(index - 1), x.view_mut(), &mut units, &mut memory);
    }
    x.fill(0.0);
    x[[1, 0]] = 1.0;
    let mut units = Units::from_row(FIRST);
    solver.step(equation, &step(index), x.view_mut(), &mut units, &mut memory);
    let zero = x[[0, 0]];
    Coefficients {
        a: x[[1, 0]] - zero,
        b: x[[2, 0]] - zero,
        c: zero,
        d: std::array::from_fn(|k| x[[FIRST + k, 0]] - zero),
    }
}

/// Mean and variance at the end of the grid, from these at its start.
pub fn law<S: Solver<Reverse>>(
    solver: &S,
    equation: &Reverse,
    grid: &TimeGrid,
    start: (f64, f64),
) -> (f64, f64) {
    solver.check(equation, grid).unwrap();
    let (mut mean, mut variance) = start;
    let (mut mean_before, mut variance_before, mut covariance) = (0.0, 0.0, 0.0);
    for index in 0..grid.n_steps() {
        let Coefficients { a, b, c, d } = coefficients(solver, equation, grid, index);
        let noise: f64 = d.iter().map(|d| d * d).sum();
        (mean, mean_before) = (a * mean + b * mean_before + c, mean);
        (variance, variance_before, covariance) = (
            a * a * variance + 2.0 * a * b * covariance + b * b * variance_before + noise,
            variance,
            a * variance + b * covariance,
        );
    }
    (mean, variance)
}

/// The order to which errors for halved steps tend. Slopes between neighbours approach it by a series in powers of the step, and each further pair of errors takes away one power more (Richardson): three errors leave
/// what is of second power, four what is of third.
pub fn order_of_halving<const N: usize>(errors: [f64; N]) -> f64 {
    let mut slopes: Vec<f64> = errors.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect();
    let mut factor = 2.0;
    while slopes.len() > 1 {
        slopes = slopes
            .windows(2)
            .map(|pair| (factor * pair[1] - pair[0]) / (factor - 1.0))
            .collect();
        factor *= 2.0;
    }
    slopes[0]
}

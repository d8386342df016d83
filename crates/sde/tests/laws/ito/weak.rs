//! Weak orders without sampling: mean and second moment of linear schemes follow from those of one step, which is read off the scheme itself.

use gibbsian_core::LinearGaussian;
use gibbsian_core::process::VariancePreserving;
use gibbsian_sde::{
    BrownianBlock, DiagonalSde, EulerMaruyama, Milstein, ReverseSde, Solver, Sra1, Sri1W1, Step,
    StochasticHeun, StratonovichHeun, TimeGrid,
};
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array2, ArrayViewMut2, array};

use super::equations::geometric;

/// A motion whose increment and area are given numbers.
struct Given {
    increment: f64,
    area: f64,
}

impl BrownianBlock for Given {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.fill(self.increment);
    }

    fn increment_and_area_into(
        &mut self,
        _: f64,
        _: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        increment.fill(self.increment);
        area.fill(self.area);
    }

    fn independent_into(&mut self, _: ArrayViewMut2<f64>) {
        unreachable!("these schemes draw nothing beside the motion");
    }
}

/// Where one step leads from `x`.
fn one_step<E: ?Sized, V: Solver<E>>(
    (solver, equation): (&V, &E),
    step: &Step,
    x: f64,
    increment: f64,
    area: f64,
) -> f64 {
    let mut x = Array2::from_elem((1, 1), x);
    let noise = &mut Given { increment, area };
    solver.step(equation, step, x.view_mut(), noise, &mut V::Memory::default());
    x[[0, 0]]
}

/// The steps of a uniform grid.
fn steps(from: f64, to: f64, n: usize) -> Vec<Step> {
    let grid = TimeGrid::uniform(from, to, n).unwrap();
    (0..n)
        .map(|index| Step {
            index,
            n_steps: n,
            from: grid.times()[index],
            to: grid.times()[index + 1],
        })
        .collect()
}

/// Standard normal expectations, exact for polynomials of degree 9: the rule of Gauss and Hermite with five nodes.
pub fn normal_rule() -> [(f64, f64); 5] {
    let root = 10f64.sqrt();
    let (inner, outer) = ((5.0 - root).sqrt(), (5.0 + root).sqrt());
    let (near, far) = ((7.0 + 2.0 * root) / 60.0, (7.0 - 2.0 * root) / 60.0);
    [
        (0.0, 8.0 / 15.0),
        (inner, near),
        (-inner, near),
        (outer, far),
        (-outer, far),
    ]
}

/// `E y` and `E y²` of where a step leads from `x`: a polynomial of degree three or less in the increment and the area, so that sums are exact.
fn step_moments<E: ?Sized, V: Solver<E>>(pair: (&V, &E), step: &Step, x: f64) -> (f64, f64) {
    let h = step.size().abs();
    let (mut mean, mut square) = (0.0, 0.0);
    for (z, p) in normal_rule() {
        for (y, q) in normal_rule() {
            let to = one_step(pair, step, x, z * h.sqrt(), y * (h / 12.0).sqrt());
            mean += p * q * to;
            square += p * q * to * to;
        }
    }
    (mean, square)
}

/// Mean and variance at the end, where a step is `x' = A x + q(ΔW, H)`.
fn moments<E: ?Sized, V: Solver<E>>(
    pair: (&V, &E),
    steps: &[Step],
    mut mean: f64,
    mut variance: f64,
) -> (f64, f64) {
    for step in steps {
        let a = one_step(pair, step, 1.0, 0.0, 0.0) - one_step(pair, step, 0.0, 0.0, 0.0);
        let (q, square) = step_moments(pair, step, 0.0);
        mean = a * mean + q;
        variance = a * a * variance + (square - q * q);
    }
    (mean, variance)
}

type Reverse = ReverseSde<VariancePreserving, Noised<VariancePreserving>>;

/// Data N(2, 0.5²) under a process whose noise depends on time: of `X_t` mean and variance are known, and the reverse process is linear.
fn reverse() -> (Reverse, impl Fn(f64) -> (f64, f64)) {
    let process = VariancePreserving::new(0.5, 3.0).unwrap();
    let data = Mixture::new(array![1.0], array![[2.0]], array![0.5]).unwrap();
    let law = move |t: f64| {
        let alpha = process.alpha(t);
        (2.0 * alpha, alpha * alpha * 0.25 + process.variance(t))
    };
    (ReverseSde::new(process, Noised::new(data, process)), law)
}

fn expect_reverse_order(name: &str, solver: &impl Solver<Reverse>, expected: f64) {
    let (reverse, law) = reverse();
    let (from, to) = (1.0, 0.1);
    let ((mean, variance), (mean_end, variance_end)) = (law(from), law(to));
    let (mut sizes, mut of_mean, mut of_variance) = (Vec::new(), Vec::new(), Vec::new());
    for n in [512, 1024, 2048] {
        let (m, v) = moments((solver, &reverse), &steps(from, to, n), mean, variance);
        sizes.push(1.0 / n as f64);
        of_mean.push((m - mean_end).abs());
        of_variance.push((v - variance_end).abs());
    }
    order(&sizes, &of_mean)
        .within(&format!("{name}: mean"), expected, 0.01)
        .unwrap();
    order(&sizes, &of_variance)
        .within(&format!("{name}: variance"), expected, 0.01)
        .unwrap();
}

#[test]
fn weak_orders_for_the_reverse_of_a_normal_distribution() {
    expect_reverse_order("Euler and Maruyama", &EulerMaruyama, 1.0);
    expect_reverse_order("Milstein", &Milstein, 1.0);
    expect_reverse_order("Heun", &StochasticHeun, 2.0);
    expect_reverse_order("SRA1", &Sra1, 2.0);
    expect_reverse_order("SRI1W1", &Sri1W1, 2.0);
}

/// With geometric Brownian motion a step multiplies by `R(ΔW, H)`, and moments are powers of `E R` and `E R²`.
fn expect_geometric_order(name: &str, solver: &impl Solver<dyn DiagonalSde>, expected: f64) {
    let (growth, volatility) = (0.8, 0.6);
    let equation = geometric(growth, volatility);
    let equation: &dyn DiagonalSde = &equation;
    let (mut sizes, mut of_mean, mut of_square) = (Vec::new(), Vec::new(), Vec::new());
    for n in [512, 1024, 2048] {
        let h = 1.0 / n as f64;
        let step = steps(0.0, 1.0, n)[0];
        let (mean, square) = step_moments((solver, equation), &step, 1.0);
        sizes.push(h);
        of_mean.push((mean.powi(n as i32) - growth.exp()).abs());
        let exact = (2.0 * growth + volatility * volatility).exp();
        of_square.push((square.powi(n as i32) - exact).abs());
    }
    order(&sizes, &of_mean)
        .within(&format!("{name}: mean"), expected, 0.01)
        .unwrap();
    order(&sizes, &of_square)
        .within(&format!("{name}: second moment"), expected, 0.01)
        .unwrap();
}

#[test]
fn weak_orders_for_geometric_brownian_motion() {
    expect_geometric_order("Euler and Maruyama", &EulerMaruyama, 1.0);
    expect_geometric_order("Milstein", &Milstein, 1.0);
    expect_geometric_order("Heun in the sense of Stratonovich", &StratonovichHeun, 1.0);
    expect_geometric_order("SRI1W1", &Sri1W1, 2.0);
}

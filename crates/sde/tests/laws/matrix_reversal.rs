//! The reverse of an equation with matrices: of normal data under `dX = A X dφ + G dB_φ` every marginal is normal, so that mean and covariance at the end are exact references.

use gibbsian_core::process::{Clock, FunctionClock};
use gibbsian_core::{Space, TimeScore};
use gibbsian_linalg::Cholesky;
use gibbsian_sde::{
    EulerMaruyama, Heun, LinearSde, MarginalFlow, Reversed, RungeKutta4, Solver, Sra1, StochasticHeun,
    TimeGrid,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use crate::common::law_over_grid::{Normal, law_over_grid};
use crate::common::linear_law::order_of_halving;

/// Three coordinates that turn and shear under two noises, on a clock that is not steady.
fn equation() -> LinearSde<impl Clock + Copy> {
    let clock = FunctionClock::new(1.5, |t| (t * (0.6 + 0.5 * t), 0.6 + t)).unwrap();
    let drift = array![[-0.8, 0.7, 0.0], [-0.6, -0.5, 0.3], [0.2, 0.0, -1.1]];
    let noise = array![[1.0, 0.0], [0.3, 0.9], [-0.4, 0.5]];
    LinearSde::new(drift, noise, clock).unwrap()
}

/// The law of the data.
fn data() -> Normal {
    Normal {
        mean: array![0.7, -0.4, 1.1],
        covariance: array![[0.5, 0.2, -0.1], [0.2, 0.8, 0.15], [-0.1, 0.15, 0.3]],
    }
}

/// The score of the data at every time, `−C_t⁻¹ (x − m_t)`.
struct Exact<C>(LinearSde<C>);

impl<C: Clock> Exact<C> {
    fn law(&self, t: f64) -> Normal {
        let data = data();
        let (mean, covariance) = self
            .0
            .transition(0.0, t)
            .moments(data.mean.view(), data.covariance.view());
        Normal { mean, covariance }
    }
}

impl<C: Clock> Space for Exact<C> {
    fn dim(&self) -> usize {
        3
    }
}

impl<C: Clock> TimeScore for Exact<C> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        assert!(
            t.iter().all(|time| *time == t[0]),
            "all rows of these tests have the same time"
        );
        let law = self.law(t[0]);
        let precision = Cholesky::new("covariance", law.covariance.view())
            .unwrap()
            .inverse();
        out.assign(&(&law.mean - &x).dot(&precision));
    }
}

/// Errors of mean and covariance at the end of the way back.
fn errors<E: Space, S: Solver<E>, C: Clock>(
    solver: &S,
    equation: &E,
    exact: &Exact<C>,
    n_steps: usize,
) -> [f64; 2] {
    let (from, to) = (1.5, 0.0);
    let grid = TimeGrid::uniform(from, to, n_steps).unwrap();
    let found = law_over_grid(solver, equation, &grid, &exact.law(from));
    let right = exact.law(to);
    let size = |e: Array1<f64>| e.dot(&e).sqrt();
    [
        size(found.mean - right.mean),
        size((found.covariance - right.covariance).flatten().to_owned()),
    ]
}

/// Requires these orders of the errors for halved steps; slopes are extrapolated twice, and what is left of them is of third power of the step.
fn has_order<const N: usize>(name: &str, expected: f64, sizes: [usize; N], at: impl Fn(usize) -> [f64; 2]) {
    let found = sizes.map(at);
    for (k, what) in ["mean", "covariance"].into_iter().enumerate() {
        let errors = found.map(|errors| errors[k]);
        let order = order_of_halving(errors);
        assert!(
            (order - expected).abs() <= 0.01,
            "{name}: {what} has order {order} instead of {expected}, {errors:?}"
        );
    }
}

#[test]
fn the_reverse_of_normal_data_under_matrices_is_normal_with_their_mean_and_covariance() {
    let exact = Exact(equation());
    for stochasticity in [0.5, 1.0, 1.5] {
        let reverse = Reversed::new(equation(), Exact(equation()))
            .unwrap()
            .with_stochasticity(stochasticity)
            .unwrap();
        let sizes = [32, 64, 128, 256];
        let name = |scheme: &str| format!("{scheme}, λ = {stochasticity}");
        has_order(&name("Euler and Maruyama"), 1.0, sizes, |n| {
            errors(&EulerMaruyama, &reverse, &exact, n)
        });
        has_order(&name("Heun"), 2.0, sizes, |n| {
            errors(&StochasticHeun, &reverse, &exact, n)
        });
        has_order(&name("SRA1"), 2.0, sizes, |n| errors(&Sra1, &reverse, &exact, n));
    }
    let flow = MarginalFlow::new(equation(), Exact(equation())).unwrap();
    has_order("Heun, flow", 2.0, [32, 64, 128, 256], |n| {
        errors(&Heun, &flow, &exact, n)
    });
    has_order("Runge and Kutta, flow", 4.0, [64, 128, 256, 512], |n| {
        errors(&RungeKutta4, &flow, &exact, n)
    });
}

#[test]
fn the_reference_is_not_that_of_independent_coordinates() {
    // Noise that reaches two directions of three and a drift that mixes them: the covariance at the horizon has all entries.
    let law = Exact(equation()).law(1.5);
    let covariance: &Array2<f64> = &law.covariance;
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let correlation = covariance[[i, j]] / (covariance[[i, i]] * covariance[[j, j]]).sqrt();
        assert!(
            correlation.abs() > 0.05 && correlation.abs() < 0.95,
            "{i} {j}: {correlation}"
        );
    }
}

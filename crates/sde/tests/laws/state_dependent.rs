//! The reverse of equations whose noise depends on the point: log-normal laws, which are known at every time, and laws at rest.

use gibbsian_core::{Seed, Space, TimeEnergy, TimePotential, TimeScore};
use gibbsian_linalg::Cholesky;
use gibbsian_sde::{
    AdaptiveRungeKutta, CommutativeMilstein, CommutativeSde, DiagonalNoise, DiagonalSde, DiffusionJvp,
    EulerMaruyama, FixedSteps, FreshNoise, MarginalFlow, Milstein, Ode, Reversed, ReversibleSde, Sde, Solver,
    TimeGrid, check_commutes,
};
use gibbsian_testkit::stats::{Test, family, mean};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use crate::ito::equations::{Diagonal, geometric};

/// Data whose logarithms are `N(m, S)`, under `dX_i = μ_i X_i dt + X_i Σ_j L_ij dB_j`: the logarithms are `N(m + (μ − ½ diag LLᵀ) t, S + LLᵀ t)`.
#[derive(Clone, Debug)]
pub struct LogNormal {
    mean: Array1<f64>,
    covariance: Array2<f64>,
    growth: Array1<f64>,
    noise: Array2<f64>,
}

impl LogNormal {
    pub fn new(
        mean: Array1<f64>,
        covariance: Array2<f64>,
        growth: Array1<f64>,
        volatility: Array2<f64>,
    ) -> Self {
        let noise = volatility.dot(&volatility.t());
        LogNormal {
            growth: growth - 0.5 * &noise.diag(),
            mean,
            covariance,
            noise,
        }
    }

    /// The mean and the covariance of the logarithms.
    fn at(&self, t: f64) -> (Array1<f64>, Array2<f64>) {
        (
            &self.mean + &(&self.growth * t),
            &self.covariance + &(&self.noise * t),
        )
    }

    /// Points at a time, from standard normal ones.
    fn points(&self, z: &Array2<f64>, t: f64) -> Array2<f64> {
        let (mean, covariance) = self.at(t);
        let root = Cholesky::new("covariance", covariance.view()).unwrap();
        (z.dot(&root.lower().t()) + mean).mapv(f64::exp)
    }

    /// `log x − m_t`, and the inverse of the covariance times it.
    fn pulled(&self, x: ArrayView1<f64>, t: f64) -> (Array1<f64>, Array1<f64>, f64) {
        let (mean, covariance) = self.at(t);
        let factor = Cholesky::new("covariance", covariance.view()).unwrap();
        let e = x.mapv(f64::ln) - mean;
        let pulled = factor.solve_vector(e.view());
        (e, pulled, factor.log_det())
    }
}

impl Space for LogNormal {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl TimeEnergy for LogNormal {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for ((x, t), out) in x.rows().into_iter().zip(t).zip(&mut out) {
            let (e, pulled, log_det) = self.pulled(x, *t);
            *out = 0.5 * (e.dot(&pulled) + log_det) + x.mapv(f64::ln).sum();
        }
    }
}

impl TimeScore for LogNormal {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            let (_, pulled, _) = self.pulled(x, *t);
            out.assign(&((-pulled - 1.0) / x));
        }
    }
}

impl TimePotential for LogNormal {}

/// The prices of two shares under three noises.
#[derive(Debug)]
pub struct Shares;

const GROWTH: [f64; 2] = [0.3, -0.2];
const VOLATILITY: [[f64; 3]; 2] = [[0.5, 0.2, 0.0], [0.1, -0.3, 0.4]];

impl Shares {
    pub fn law() -> LogNormal {
        let covariance = array![[0.30, 0.05], [0.05, 0.20]];
        LogNormal::new(
            array![0.2, -0.1],
            covariance,
            Array1::from(GROWTH.to_vec()),
            Array2::from_shape_fn((2, 3), |(i, j)| VOLATILITY[i][j]),
        )
    }

    /// `(L Lᵀ)_ij`.
    fn noise(i: usize, j: usize) -> f64 {
        VOLATILITY[i].iter().zip(&VOLATILITY[j]).map(|(a, b)| a * b).sum()
    }
}

impl Space for Shares {
    fn dim(&self) -> usize {
        2
    }
}

impl Sde for Shares {
    fn noise_dim(&self) -> usize {
        3
    }

    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((b, i), out) in out.indexed_iter_mut() {
            *out = GROWTH[i] * x[[b, i]];
        }
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        for ((b, i), out) in out.indexed_iter_mut() {
            *out = x[[b, i]] * (0..3).map(|j| VOLATILITY[i][j] * w[[b, j]]).sum::<f64>();
        }
    }
}

/// The noise is linear in the point, and each coordinate in itself: it commutes.
impl DiffusionJvp for Shares {
    fn diffusion_jvp_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.diffuse_into(v, t, w, out);
    }
}

impl CommutativeSde for Shares {}

/// `(G Gᵀ)_ij = x_i x_j (L Lᵀ)_ij`, with the divergence `x_i (Σ_j (L Lᵀ)_ij + (L Lᵀ)_ii)`.
impl ReversibleSde for Shares {
    fn noise_pull_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        score: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        for ((b, i), out) in out.indexed_iter_mut() {
            let along = |j: usize| Shares::noise(i, j) * (x[[b, j]] * score[[b, j]] + 1.0);
            *out = x[[b, i]] * (along(0) + along(1) + Shares::noise(i, i));
        }
    }
}

#[test]
fn the_flow_keeps_the_quantiles_of_a_log_normal_law() {
    let law = LogNormal::new(array![0.4], array![[0.3]], array![0.5], array![[0.7]]);
    let flow = MarginalFlow::new(DiagonalNoise(geometric(0.5, 0.7)), law.clone()).unwrap();
    let z = array![[-2.0], [-0.3], [0.0], [1.1], [2.5]];
    let solver = AdaptiveRungeKutta::with_tolerance(1e-11);
    for (from, to) in [(1.0, 0.0), (0.0, 1.0)] {
        let found = solver
            .solve(&flow, law.points(&z, from), from, to)
            .unwrap()
            .points;
        let exact = law.points(&z, to);
        // A hundred steps, each with an error of a tolerance, of points whose distances change by less than ten.
        assert!(((found - &exact) / (1.0 + &exact)).iter().all(|e| e.abs() < 1e-8));
    }
}

/// Reversed draws of a law at time 1, as tests of the mean and the covariance of their logarithms at time 0.
fn reversed<E, V>(
    name: &str,
    solver: &V,
    equation: E,
    law: LogNormal,
    stochasticity: f64,
    seed: u64,
) -> Vec<Test>
where
    E: ReversibleSde,
    V: Solver<Reversed<E, LogNormal>>,
{
    let noise = FreshNoise::new(Seed::new(seed));
    let start = law.points(&noise.normal((4000, law.dim())), 1.0);
    let (m, s) = law.at(0.0);
    let reverse = Reversed::new(equation, law)
        .unwrap()
        .with_stochasticity(stochasticity)
        .unwrap();
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 500).unwrap());
    let e = steps
        .solve(solver, &reverse, start, &noise)
        .unwrap()
        .mapv(f64::ln)
        - &m;
    let mut tests = Vec::new();
    for i in 0..m.len() {
        let name = format!("{name}, λ = {stochasticity}, {i}");
        tests.push(mean(&format!("mean of {name}"), &e.column(i).to_vec(), 0.0));
        for j in 0..=i {
            let products = &e.column(i) * &e.column(j);
            tests.push(mean(
                &format!("covariance of {name} and {j}"),
                &products.to_vec(),
                s[[i, j]],
            ));
        }
    }
    tests
}

#[test]
fn reverse_processes_end_at_the_data() {
    // 500 steps have a bias of a fifth of the Monte Carlo error, or less: of order h, against 1/√4000.
    let one = LogNormal::new(array![0.4], array![[0.3]], array![0.5], array![[0.7]]);
    let mut tests = Vec::new();
    for (stochasticity, seed) in [(1.0, 61), (0.5, 62)] {
        let equation = DiagonalNoise(geometric(0.5, 0.7));
        tests.extend(reversed(
            "one",
            &Milstein,
            equation,
            one.clone(),
            stochasticity,
            seed,
        ));
        tests.extend(reversed(
            "two",
            &EulerMaruyama,
            Shares,
            Shares::law(),
            stochasticity,
            seed + 2,
        ));
    }
    let by_matrix = reversed(
        "two by matrices",
        &CommutativeMilstein,
        Shares,
        Shares::law(),
        1.0,
        65,
    );
    tests.extend(by_matrix);
    family(&tests, 1e-6).unwrap();
}

/// A law at rest by its score.
struct AtRest<F> {
    dim: usize,
    score: F,
}

impl<F: Sync> Space for AtRest<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(f64) -> f64 + Sync> TimeScore for AtRest<F> {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(&self.score));
    }
}

/// The drift of the reverse in its own clock is that of the equation, and the flow stands still.
fn runs_back_as_forth(
    equation: impl DiagonalSde + Copy,
    score: impl Fn(f64) -> f64 + Sync + Copy,
    x: &Array2<f64>,
) {
    let rest = || AtRest {
        dim: x.ncols(),
        score,
    };
    let t = Array1::from_elem(x.nrows(), 0.25);
    let (mut forth, mut back, mut still) = (x.clone(), x.clone(), x.clone());
    equation.drift_into(x.view(), t.view(), forth.view_mut());
    let reverse = Reversed::new(DiagonalNoise(equation), rest())
        .unwrap()
        .in_own_clock(1.0)
        .unwrap();
    reverse.drift_into(x.view(), t.view(), back.view_mut());
    MarginalFlow::new(DiagonalNoise(equation), rest())
        .unwrap()
        .velocity_into(x.view(), t.view(), still.view_mut());
    assert!(
        (&back - &forth).iter().all(|e| e.abs() < 1e-13),
        "{back} instead of {forth}"
    );
    assert!(still.iter().all(|e| e.abs() < 1e-13), "{still}");
    // Noise and slope are those of the equation, scaled.
    let half = Reversed::new(DiagonalNoise(equation), rest())
        .unwrap()
        .with_stochasticity(0.5)
        .unwrap();
    let (mut g, mut found) = (x.clone(), x.clone());
    equation.diffusion_into(x.view(), t.view(), g.view_mut());
    half.diffusion_into(x.view(), t.view(), found.view_mut());
    assert_eq!(found, 0.5 * &g);
    equation.diffusion_slope_into(x.view(), t.view(), g.view_mut());
    half.diffusion_slope_into(x.view(), t.view(), found.view_mut());
    assert_eq!(found, 0.5 * &g);
}

#[test]
fn reversible_equations_at_rest_run_back_as_they_run_forth() {
    let (a, b, sigma) = (1.3, 0.4, 0.6_f64);
    let x = array![[0.05, 0.7], [0.3, 0.9], [0.5, 0.011]];
    let squared = sigma * sigma;
    let (alpha, beta) = (2.0 * a * b / squared, 2.0 * a * (1.0 - b) / squared);
    // Cox, Ingersoll and Ross: g² = σ² x, at rest Γ(2ab/σ², 2a/σ²).
    runs_back_as_forth(
        Diagonal {
            dim: 2,
            drift: |i, x: ArrayView1<f64>, _| a * (b - x[i]),
            noise: |_, x: f64, _| sigma * x.sqrt(),
            slope: |_, x: f64, _| 0.5 * sigma / x.sqrt(),
        },
        |x| (alpha - 1.0) / x - 2.0 * a / squared,
        &(&x * 3.0),
    );
    // Jacobi: g² = σ² x (1 − x), at rest Beta(2ab/σ², 2a(1 − b)/σ²).
    runs_back_as_forth(
        Diagonal {
            dim: 2,
            drift: |i, x: ArrayView1<f64>, _| a * (b - x[i]),
            noise: |_, x: f64, _| sigma * (x * (1.0 - x)).sqrt(),
            slope: |_, x: f64, _| 0.5 * sigma * (1.0 - 2.0 * x) / (x * (1.0 - x)).sqrt(),
        },
        |x| (alpha - 1.0) / x - (beta - 1.0) / (1.0 - x),
        &x,
    );
}

#[test]
fn the_reverse_has_the_noise_of_the_equation_scaled() {
    let reverse = Reversed::new(Shares, Shares::law())
        .unwrap()
        .with_stochasticity(0.5)
        .unwrap();
    let (x, v) = (array![[0.5, 1.2], [2.0, 0.8]], array![[0.3, -0.7], [1.0, 0.4]]);
    let (w, t) = (array![[1.0, -0.5, 0.2], [0.1, 0.7, -1.1]], array![0.2, 0.6]);
    check_commutes(&reverse, x.view(), t.view(), 1e-14).unwrap();
    let (mut found, mut expected) = (x.clone(), x.clone());
    reverse.diffuse_into(x.view(), t.view(), w.view(), found.view_mut());
    Shares.diffuse_into(x.view(), t.view(), w.view(), expected.view_mut());
    assert_eq!(found, 0.5 * &expected);
    reverse.diffusion_jvp_into(x.view(), t.view(), w.view(), v.view(), found.view_mut());
    Shares.diffusion_jvp_into(x.view(), t.view(), w.view(), v.view(), expected.view_mut());
    assert_eq!(found, 0.5 * &expected);
}

#[test]
fn a_score_of_another_dimension_is_refused() {
    let error = Reversed::new(
        Shares,
        LogNormal::new(array![0.0], array![[1.0]], array![0.0], array![[1.0]]),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`model.dim` is 1, but must be 2, the dimension of the equation; make both for the same data"
    );
}

//! A pairwise model whose states are listed, and the derivatives of its energy at each of them.

use gibbsian_core::{
    Acceptance, Density, Discrete, Energy, EnergyPullback, Kernel, Objective, Parametric, ParametricMut,
    Result, Score, Space, StreamRng, Streams,
};
use gibbsian_linalg::Cholesky;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::targets::{Gaussian, MixedSpin, Pairwise};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, CowArray, Ix2, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Three spins with fields and couplings of order one.
pub fn model() -> Pairwise {
    Pairwise::new(
        array![0.3, -0.5, 0.2],
        array![[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.6, 0.7, 0.0]],
    )
    .unwrap()
}

/// Sites with two, three, one and four symbols.
pub fn mixed() -> MixedSpin {
    let alphabets = vec![
        vec![0.0, 1.0],
        vec![-1.0, 0.0, 1.0],
        vec![2.0],
        vec![-1.5, -0.5, 0.5, 1.5],
    ];
    let fields = [0.4, -0.3, 0.2, 0.1];
    let crystal_fields = [0.1, -0.5, 0.3, 0.2];
    let couplings = [0.7, -0.2, 0.4, 0.6, -0.5, 0.3];
    let params = fields.into_iter().chain(crystal_fields).chain(couplings);
    MixedSpin::new(alphabets, params.collect()).unwrap()
}

/// A minibatch that the model does not expect.
pub fn data() -> Array2<f64> {
    array![
        [1.0, -1.0, 1.0],
        [1.0, 1.0, 1.0],
        [1.0, -1.0, 1.0],
        [-1.0, -1.0, 1.0]
    ]
}

/// `∂E(x_b)/∂θ_k`, one row a state.
pub fn energy_derivatives(model: &Pairwise, x: ArrayView2<f64>) -> Array2<f64> {
    let mut all = Array2::zeros((x.nrows(), model.n_params()));
    for (row, grad) in x.rows().into_iter().zip(all.rows_mut()) {
        model.energy_pullback_into(row.insert_axis(ndarray::Axis(0)), array![1.0].view(), grad);
    }
    all
}

/// The pullback of an energy, of which `derivative(row, w, grad)` adds `w ∂E/∂θ` of a row.
pub fn pull_rows<M: Energy>(
    model: &M,
    x: ArrayView2<f64>,
    weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
    mut grad: ArrayViewMut1<f64>,
    derivative: impl Fn(ArrayView1<f64>, f64, &mut ArrayViewMut1<f64>),
) {
    let mut w = Array1::zeros(x.nrows());
    weigh(model.energy(x).view(), w.view_mut());
    for (row, w) in x.rows().into_iter().zip(&w) {
        derivative(row, *w, &mut grad);
    }
}

/// Loss and gradient of one call.
pub fn call(
    objective: &mut impl Objective<Pairwise>,
    x: ArrayView2<f64>,
    rng: &mut StreamRng,
) -> Result<(f64, Array1<f64>)> {
    let model = model();
    let mut grad = Array1::zeros(model.n_params());
    let loss = objective.loss_and_grad_into(&model, x, rng, grad.view_mut())?;
    Ok((loss, grad))
}

/// The message with which a minibatch is refused.
pub fn refusal(objective: &mut impl Objective<Pairwise>, x: Array2<f64>) -> String {
    call(objective, x.view(), &mut gibbsian_core::Seed::new(1).rng())
        .unwrap_err()
        .to_string()
}

/// Draws of a listed law.
pub fn draws(audit: &Audit, n: usize, rng: &mut StreamRng) -> Array2<f64> {
    let index: Vec<usize> = (0..n)
        .map(|_| {
            let mut u: f64 = rng.random();
            let inside = |p: &f64| {
                u -= p;
                u < 0.0
            };
            audit.pi.iter().position(inside).unwrap_or(audit.pi.len() - 1)
        })
        .collect();
    audit.states.select(Axis(0), &index)
}

/// The covariance of `∂E/∂θ` under the model: the Fisher information of a law that is linear in its parameters.
pub fn fisher(model: &Pairwise) -> Array2<f64> {
    let audit = Audit::new(model).unwrap();
    let g = energy_derivatives(model, audit.states.view());
    let centred = &g - &audit.pi.dot(&g);
    (&centred * &audit.pi.view().insert_axis(Axis(1)))
        .t()
        .dot(&centred)
}

/// The inverse of a positive definite matrix.
pub fn inverse(a: &Array2<f64>) -> Array2<f64> {
    Cholesky::new("a", a.view()).unwrap().inverse()
}

/// Stochastic approximation with the best gain: `θ ← θ − A g/t` for `t = 1, …, n_steps`. With `A` the inverse of the expected Hessian at the truth, the error at the end is that of the mean of all gradients.
pub fn approximate<M: ParametricMut, O: Objective<M>>(
    objective: &mut O,
    model: &mut M,
    x: ArrayView2<f64>,
    gain: &Array2<f64>,
    n_steps: usize,
    rng: &mut StreamRng,
) {
    let mut grad = Array1::zeros(model.n_params());
    for t in 1..=n_steps {
        objective
            .loss_and_grad_into(model, x, rng, grad.view_mut())
            .unwrap();
        let params = model.params() - gain.dot(&grad) / t as f64;
        model.set_params(params.view()).unwrap();
    }
}

/// A uniform law on the states of a space whose every sample lists them, so that means over it are exact: row `r` of a sample has digit `r mod digits` of the number `r / digits` in base of the number of states.
pub struct Exhaustive {
    pub states: Array2<f64>,
    pub digits: usize,
}

impl Exhaustive {
    pub fn of(model: &impl Discrete, digits: usize) -> Self {
        let states = model.states().unwrap();
        Exhaustive { states, digits }
    }
}

impl Space for Exhaustive {
    fn dim(&self) -> usize {
        self.states.ncols()
    }
}

impl Energy for Exhaustive {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, row) in out.iter_mut().zip(x.rows()) {
            *out = row.sum() * 0.0;
        }
    }
}

impl Density for Exhaustive {
    fn log_z(&self) -> f64 {
        (self.states.nrows() as f64).ln()
    }

    fn sample(&self, n: usize, _: &mut dyn Rng) -> Array2<f64> {
        let base = self.states.nrows();
        let rows: Vec<usize> = (0..n)
            .map(|r| r / self.digits / base.pow((r % self.digits) as u32) % base)
            .collect();
        self.states.select(Axis(0), &rows)
    }
}

/// An autoregression that leaves a normal law invariant: `x' = μ + ρ (x − μ) + √(1 − ρ²) L z`.
#[derive(Clone, Copy, Debug)]
pub struct Autoregression(pub f64);

impl Kernel<Gaussian> for Autoregression {
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, target: &Gaussian, x: Array2<f64>) -> Result<Array2<f64>> {
        gibbsian_core::error::check_batch("x", &x, target.dim())?;
        gibbsian_core::error::check_finite("x", &x)?;
        Ok(x)
    }

    fn refresh(&self, _: &Gaussian, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &Gaussian, state: &mut Array2<f64>, rng: &mut dyn Rng) -> Acceptance {
        let rho = self.0;
        let fresh = target.sample(state.nrows(), &mut Streams::draw(rng).block(0)) - target.mean();
        *state = &target.mean() + &((&*state - &target.mean()) * rho) + fresh * (1.0 - rho * rho).sqrt();
        let n = state.nrows() as u64;
        Acceptance {
            proposed: n,
            accepted: n,
            undefined: 0,
            probability: n as f64,
        }
    }
}

/// Unadjusted Langevin steps `x' = x + ε s(x) + √(2ε) z`.
#[derive(Clone, Copy, Debug)]
pub struct Langevin(pub f64);

impl<T: Score> Kernel<T> for Langevin {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Array2<f64>> {
        gibbsian_core::error::check_batch("x", &x, target.dim())?;
        gibbsian_core::error::check_finite("x", &x)?;
        Ok(x)
    }

    fn refresh(&self, _: &T, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Array2<f64>, rng: &mut dyn Rng) {
        let mut rng = Streams::draw(rng).block(0);
        let score = target.score(state.view());
        let deviation = (2.0 * self.0).sqrt();
        state.zip_mut_with(&score, |x, s| {
            *x += self.0 * s + deviation * rng.sample::<f64, _>(StandardNormal);
        });
    }
}

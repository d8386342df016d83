//! Small models with exact answers, as paths.
//!
//! reason for length: every model is a path of its own with its exact answers.

#![allow(dead_code)] // Each test file uses a part of this module.

use gibbsian_core::{Discrete, Energy, Error, Path, Result, Seed, Space};
use gibbsian_partition::Ladder;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, CowArray, Ix2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// `log(1 + e^x)`.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `1 / (1 + e^−x)`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn bernoulli(p: f64, rng: &mut dyn Rng) -> f64 {
    f64::from(u8::from(rng.random::<f64>() < p))
}

/// A restricted Boltzmann machine with its path from independent units: `f_β(v) = exp((1−β) a'v + β b'v) Π_j (1 + exp(β (c + W'v)_j))`.
pub struct TinyRbm {
    pub weights: Array2<f64>,
    pub visible: Array1<f64>,
    pub hidden: Array1<f64>,
    pub base: Array1<f64>,
}

impl TinyRbm {
    /// Parameters are independent normals: weights of deviation `scale`, biases of 0.5; the base has no bias.
    pub fn random(n_visible: usize, n_hidden: usize, scale: f64, seed: Seed) -> Self {
        let mut rng = seed.rng();
        let mut normals = |n: usize, scale: f64| -> Array1<f64> {
            (0..n)
                .map(|_| scale * rng.sample::<f64, _>(StandardNormal))
                .collect()
        };
        TinyRbm {
            weights: normals(n_visible * n_hidden, scale)
                .into_shape_with_order((n_visible, n_hidden))
                .unwrap(),
            visible: normals(n_visible, 0.5),
            hidden: normals(n_hidden, 0.5),
            base: Array1::zeros(n_visible),
        }
    }

    fn hidden_field(&self, v: ArrayView2<f64>) -> Array2<f64> {
        v.dot(&self.weights) + &self.hidden
    }

    fn visible_field(&self, beta: f64, h: ArrayView2<f64>) -> Array2<f64> {
        (h.dot(&self.weights.t()) + &self.visible) * beta + &self.base * (1.0 - beta)
    }

    /// `log f_β(v)` of each row, written out independently of the path's work.
    pub fn log_tempered(&self, beta: f64, v: ArrayView2<f64>) -> Array1<f64> {
        let biases = &self.base * (1.0 - beta) + &self.visible * beta;
        v.dot(&biases)
            + self
                .hidden_field(v)
                .mapv(|x| softplus(beta * x))
                .sum_axis(Axis(1))
    }

    /// `T_β[i, j] = Σ_h p_β(h | v_i) p_β(v_j | h)` over the rows of `states`.
    pub fn transition_matrix(&self, beta: f64, states: ArrayView2<f64>) -> Array2<f64> {
        let hidden = binary_states(self.hidden.len());
        let conditional = |fields: Array2<f64>, outcomes: ArrayView2<f64>| {
            Array2::from_shape_fn((fields.nrows(), outcomes.nrows()), |(i, j)| {
                let pairs = fields.row(i).into_iter().zip(outcomes.row(j));
                pairs
                    .map(|(f, o)| sigmoid(if *o == 1.0 { *f } else { -f }))
                    .product::<f64>()
            })
        };
        let up = conditional(self.hidden_field(states) * beta, hidden.view());
        let down = conditional(self.visible_field(beta, hidden.view()), states);
        up.dot(&down)
    }
}

/// All 2^n binary vectors, one a row, coordinate 0 changing fastest.
pub fn binary_states(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((1 << n, n), |(i, j)| f64::from((i >> j & 1) as u8))
}

impl Space for TinyRbm {
    fn dim(&self) -> usize {
        self.visible.len()
    }
}

impl Discrete for TinyRbm {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl Energy for TinyRbm {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&-self.log_tempered(1.0, x));
    }
}

impl Path for TinyRbm {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_fn((n, self.dim()), |(_, i)| bernoulli(sigmoid(self.base[i]), rng))
    }

    fn log_z_start(&self) -> f64 {
        self.base.mapv(softplus).sum() + self.hidden.len() as f64 * 2f64.ln()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        place(x, self.dim(), |v| v == 0.0 || v == 1.0)
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        add(out, self.log_tempered(0.0, state.view()).view());
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        let fields = self.hidden_field(state.view());
        let units = fields
            .mapv(|x| softplus(to * x) - softplus(from * x))
            .sum_axis(Axis(1));
        let biases = state.dot(&(&self.visible - &self.base)) * (to - from);
        add(log_weights, (units + biases).view());
    }

    fn slope(&self, state: &Array2<f64>, beta: f64, out: &mut [f64]) {
        let fields = self.hidden_field(state.view());
        let units = fields.mapv(|x| x * sigmoid(beta * x)).sum_axis(Axis(1));
        let biases = state.dot(&(&self.visible - &self.base));
        add(out, (units + biases).view());
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        let h = (self.hidden_field(state.view()) * beta).mapv(|x| bernoulli(sigmoid(x), rng));
        *state = self
            .visible_field(beta, h.view())
            .mapv(|x| bernoulli(sigmoid(x), rng));
    }
}

/// An Ising model on few spins with couplings of any sign and its path of inverse temperatures, `f_β(x) = exp(β (½ x'Jx + h'x))`.
///
/// The sweep goes through the sites up and down again, which makes it reversible.
pub struct TinyIsing {
    pub couplings: Array2<f64>,
    pub field: Array1<f64>,
}

impl TinyIsing {
    /// Couplings `scale / √D` times independent normals, fields of deviation 0.3.
    pub fn random(n: usize, scale: f64, seed: Seed) -> Self {
        let mut rng = seed.rng();
        let mut couplings = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..i {
                let coupling = scale / (n as f64).sqrt() * rng.sample::<f64, _>(StandardNormal);
                couplings[[i, j]] = coupling;
                couplings[[j, i]] = coupling;
            }
        }
        let field = (0..n)
            .map(|_| 0.3 * rng.sample::<f64, _>(StandardNormal))
            .collect();
        TinyIsing { couplings, field }
    }
}

impl Space for TinyIsing {
    fn dim(&self) -> usize {
        self.field.len()
    }
}

impl Discrete for TinyIsing {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[-1.0, 1.0]
    }
}

impl Energy for TinyIsing {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let local = x.dot(&self.couplings) * 0.5 + &self.field;
        out.assign(&-(&local * &x).sum_axis(Axis(1)));
    }
}

impl Path for TinyIsing {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, self.dim()), || 2.0 * bernoulli(0.5, rng) - 1.0)
    }

    fn log_z_start(&self) -> f64 {
        self.dim() as f64 * 2f64.ln()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        place(x, self.dim(), |v| v.abs() == 1.0)
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, _state: &Array2<f64>, _out: &mut [f64]) {
        // f_0 = 1.
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        add(log_weights, (self.energy(state.view()) * (from - to)).view());
    }

    fn slope(&self, state: &Array2<f64>, _beta: f64, out: &mut [f64]) {
        add(out, (-self.energy(state.view())).view());
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        for mut row in state.rows_mut() {
            for site in (0..self.dim()).chain((0..self.dim()).rev()) {
                let local = self.couplings.row(site).dot(&row) + self.field[site];
                row[site] = 2.0 * bernoulli(sigmoid(2.0 * beta * local), rng) - 1.0;
            }
        }
    }
}

/// A normal target of precision `a` and mean `m` from the standard normal: `f_β(x) = exp(−½ [(1−β) x² + β a (x−m)²])`.
///
/// Every `f_β` is normal, and the transition is autoregressive with correlation `rho`, reversible by symmetry.
pub struct NormalPath {
    pub precision: f64,
    pub mean: f64,
    pub rho: f64,
}

impl NormalPath {
    /// `log √(2π/a)`.
    pub fn log_z(&self) -> f64 {
        0.5 * (std::f64::consts::TAU / self.precision).ln()
    }

    /// Independent exact draws from `f_β / Z_β`.
    pub fn draws(&self, beta: f64, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let precision = 1.0 - beta + beta * self.precision;
        let mean = beta * self.precision * self.mean / precision;
        Array2::from_shape_simple_fn((n, 1), || {
            mean + rng.sample::<f64, _>(StandardNormal) / precision.sqrt()
        })
    }

    /// Independent exact draws at every rung.
    pub fn rung_draws(&self, ladder: &Ladder, n: usize, rng: &mut dyn Rng) -> Vec<Array2<f64>> {
        ladder
            .betas()
            .iter()
            .map(|beta| self.draws(*beta, n, rng))
            .collect()
    }

    pub fn log_tempered(&self, beta: f64, x: f64) -> f64 {
        -0.5 * ((1.0 - beta) * x * x + beta * self.precision * (x - self.mean).powi(2))
    }
}

impl Space for NormalPath {
    fn dim(&self) -> usize {
        1
    }
}

impl Path for NormalPath {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        Array2::from_shape_simple_fn((n, 1), || rng.sample(StandardNormal))
    }

    fn log_z_start(&self) -> f64 {
        0.5 * std::f64::consts::TAU.ln()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        place(x, 1, f64::is_finite)
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        add(out, state.column(0).mapv(|x| self.log_tempered(0.0, x)).view());
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        let work = state
            .column(0)
            .mapv(|x| self.log_tempered(to, x) - self.log_tempered(from, x));
        add(log_weights, work.view());
    }

    fn slope(&self, state: &Array2<f64>, _beta: f64, out: &mut [f64]) {
        let slope = state
            .column(0)
            .mapv(|x| self.log_tempered(1.0, x) - self.log_tempered(0.0, x));
        add(out, slope.view());
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        let precision = 1.0 - beta + beta * self.precision;
        let mean = beta * self.precision * self.mean / precision;
        let noise = ((1.0 - self.rho * self.rho) / precision).sqrt();
        state.mapv_inplace(|x| mean + self.rho * (x - mean) + noise * rng.sample::<f64, _>(StandardNormal));
    }
}

/// A path whose weights go wrong at `β > 0.5` in chain 0 of each batch.
pub struct BrokenPath {
    pub path: NormalPath,
    pub value: f64,
}

impl Space for BrokenPath {
    fn dim(&self) -> usize {
        1
    }
}

impl Path for BrokenPath {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.path.start(n, rng)
    }

    fn log_z_start(&self) -> f64 {
        self.path.log_z_start()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        self.path.place(x)
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        self.path.log_start(state, out);
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        self.path.work(state, from, to, log_weights);
        if to > 0.5 {
            log_weights[0] = self.value;
        }
    }

    fn slope(&self, state: &Array2<f64>, beta: f64, out: &mut [f64]) {
        self.path.slope(state, beta, out);
        if beta > 0.5 {
            out[0] = self.value;
        }
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        self.path.transition(state, beta, rng);
    }
}

fn place(x: ArrayView2<f64>, dim: usize, allowed: impl Fn(f64) -> bool) -> Result<Array2<f64>> {
    if x.ncols() != dim {
        return Err(Error::shape("x", x.shape(), format!("(B, {dim})")));
    }
    gibbsian_core::error::check_each("x", x.into_dyn(), "in the space", allowed)?;
    Ok(x.to_owned())
}

fn add(out: &mut [f64], values: ArrayView1<f64>) {
    for (o, v) in out.iter_mut().zip(values) {
        *o += v;
    }
}

/// Refuses a coverage of intervals of 95 % that is more than 2.3 points off, three standard errors of a thousand repetitions and more of others, or that [`ALPHA`] excludes.
pub fn assert_covers(name: &str, covered: usize, n: usize) {
    assert!(n >= 1_000, "too few repetitions to tell");
    let coverage = covered as f64 / n as f64;
    assert!(
        (0.927..=0.973).contains(&coverage),
        "{name} covers {coverage} of {n}"
    );
    gibbsian_testkit::stats::binomial(name, covered as u64, n as u64, 0.95).assert(ALPHA);
}

/// The false-alarm probability of each statistical test here.
pub const ALPHA: f64 = 1e-6;

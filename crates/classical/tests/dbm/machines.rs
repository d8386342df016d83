//! Machines to try things on, and their definition with plain sums.

use gibbsian_classical::units::{Bernoulli, Spin};
use gibbsian_classical::{Binomial, Dbm, FiniteLayer, Rbm, Softmax};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, FiniteUnits, Seed};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The numbers of units of machines of one to four hidden layers that can be enumerated.
pub const SIZES: [&[usize]; 4] = [&[3, 2], &[2, 2, 2], &[2, 2, 1, 2], &[2, 1, 2, 1, 1]];

/// Independent normal numbers.
pub fn normal(n: usize, scale: f64, seed: Seed) -> Array1<f64> {
    let mut rng = seed.rng();
    Array1::from_shape_simple_fn(n, || scale * rng.sample::<f64, _>(StandardNormal))
}

pub fn layer(n: usize, seed: Seed) -> Bernoulli {
    Bernoulli::new(normal(n, 0.7, seed)).unwrap()
}

/// A machine of Bernoulli layers with normal biases and weights of this standard deviation.
pub fn machine(sizes: &[usize], weight: f64, seed: u64) -> Dbm {
    let seed = Seed::new(seed).child("machine");
    let hidden = (1..sizes.len())
        .map(|l| layer(sizes[l], seed.nth(l as u64)))
        .collect();
    Dbm::random(layer(sizes[0], seed), hidden, weight, seed).unwrap()
}

/// The same with spins for visible units.
pub fn spins(sizes: &[usize], weight: f64, seed: u64) -> Dbm<Spin, Bernoulli> {
    let seed = Seed::new(seed).child("spins");
    let hidden = (1..sizes.len())
        .map(|l| layer(sizes[l], seed.nth(l as u64)))
        .collect();
    let visible = Spin::new(normal(sizes[0], 0.7, seed)).unwrap();
    Dbm::random(visible, hidden, weight, seed).unwrap()
}

/// A restricted machine.
pub fn rbm(n_visible: usize, n_hidden: usize, weight: f64, seed: u64) -> Rbm {
    let seed = Seed::new(seed).child("rbm");
    Rbm::random(
        layer(n_visible, seed.nth(0)),
        layer(n_hidden, seed.nth(1)),
        weight,
        seed,
    )
    .unwrap()
}

/// `E = −Σ_l b_l'x_l − Σ_l x_l'W_{l+1}x_{l+1}` of one joint state, with plain sums over the parameters as they lie in the flat vector.
pub fn energy(sizes: &[usize], params: ArrayView1<f64>, x: ArrayView1<f64>) -> f64 {
    let (mut first_unit, mut next, mut energy) = (0, 0, 0.0);
    for pair in sizes.windows(2) {
        for i in 0..pair[0] {
            for j in 0..pair[1] {
                energy -= x[first_unit + i] * params[next] * x[first_unit + pair[0] + j];
                next += 1;
            }
        }
        first_unit += pair[0];
    }
    for x in x {
        energy -= params[next] * x;
        next += 1;
    }
    assert_eq!(next, params.len());
    energy
}

/// Units whose energy is `−b·x` with one bias a column, but for how often a state counts.
pub trait Plain: FiniteUnits {
    /// The logarithm of how often the state `x` counts.
    fn log_multiplicity(&self, _x: ArrayView1<f64>) -> f64 {
        0.0
    }
}

impl Plain for Bernoulli {}
impl Plain for Spin {}
impl Plain for Softmax {}

impl Plain for Binomial {
    /// `log (n choose x)`, by Pascal's triangle.
    fn log_multiplicity(&self, x: ArrayView1<f64>) -> f64 {
        fn choose(n: u32, k: u32) -> f64 {
            match k {
                0 => 1.0,
                k if k == n => 1.0,
                k => choose(n - 1, k - 1) + choose(n - 1, k),
            }
        }
        x.iter().map(|x| choose(self.n_trials(), *x as u32).ln()).sum()
    }
}

impl Plain for FiniteLayer {
    fn log_multiplicity(&self, x: ArrayView1<f64>) -> f64 {
        match self {
            FiniteLayer::Binomial(units) => units.log_multiplicity(x),
            // Of two layers side by side these tests have none with counts.
            _ => 0.0,
        }
    }
}

/// All joint states of a machine and their energies.
pub struct Listed {
    pub states: Array2<f64>,
    pub log_weights: Array1<f64>,
}

impl Listed {
    pub fn of<V: Plain, H: Plain>(dbm: &Dbm<V, H>) -> Self {
        use gibbsian_core::Parametric;
        let states = dbm.joint().states().unwrap();
        let (sizes, params) = (dbm.sizes(), dbm.params());
        let log_multiplicity = |x: ArrayView1<f64>| {
            let mut sum = dbm.visible().log_multiplicity(x.slice(s![..sizes[0]]));
            let mut first = sizes[0];
            for (l, n) in sizes.iter().enumerate().skip(1) {
                sum += dbm.hidden(l).log_multiplicity(x.slice(s![first..first + n]));
                first += n;
            }
            sum
        };
        let log_weights = states
            .rows()
            .into_iter()
            .map(|x| log_multiplicity(x) - energy(&sizes, params.view(), x))
            .collect();
        Listed { states, log_weights }
    }

    pub fn log_z(&self) -> f64 {
        log_sum_exp(&self.log_weights.to_vec())
    }

    /// `log Σ_h exp(−E(v, h))`.
    pub fn log_marginal(&self, v: ArrayView1<f64>) -> f64 {
        let rows = self.states.rows().into_iter().zip(&self.log_weights);
        let terms: Vec<f64> = rows
            .filter(|(x, _)| x.slice(s![..v.len()]) == v)
            .map(|(_, w)| *w)
            .collect();
        log_sum_exp(&terms)
    }
}

/// All states of the visible layer.
pub fn visible_states<V: FiniteUnits, H: FiniteUnits>(dbm: &Dbm<V, H>) -> Array2<f64> {
    states_of(dbm.visible())
}

/// All states of a layer.
pub fn states_of<U: FiniteUnits>(units: &U) -> Array2<f64> {
    let n = units.n_states().unwrap() as usize;
    let mut out = Array2::zeros((n, units.n_units()));
    units.states_into(0, out.view_mut());
    out
}

/// All states of layers side by side, the first one's changing fastest.
pub fn product(layers: &[Array2<f64>]) -> Array2<f64> {
    let mut all = Array2::zeros((1, 0));
    for layer in layers {
        let rows: Vec<Array2<f64>> = layer
            .rows()
            .into_iter()
            .map(|upper| {
                let upper = upper.broadcast((all.nrows(), upper.len())).unwrap();
                ndarray::concatenate![Axis(1), all, upper]
            })
            .collect();
        let views: Vec<_> = rows.iter().map(|r| r.view()).collect();
        all = ndarray::concatenate(Axis(0), &views).unwrap();
    }
    all
}

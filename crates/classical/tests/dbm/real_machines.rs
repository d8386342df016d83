//! Machines of real visible units, and their definition: sums over hidden states of integrals on a line.

use gibbsian_classical::{Bernoulli, Dbm, Gaussian, Rectified};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Seed, Units};
use gibbsian_testkit::quadrature::Support;
use ndarray::{Array1, Array2, ArrayView1, array, s};

use crate::machines::{layer, normal, product, states_of};

/// Real units with the energy `½ γ v² − θ v`.
pub trait Real: Units {
    fn of(linear: Array1<f64>, precision: Array1<f64>) -> Self;
    fn linear_and_precision(&self) -> [Array1<f64>; 2];
}

impl Real for Gaussian {
    fn of(linear: Array1<f64>, precision: Array1<f64>) -> Self {
        Gaussian::new(linear, precision).unwrap()
    }

    fn linear_and_precision(&self) -> [Array1<f64>; 2] {
        [self.linear().to_owned(), self.precision().to_owned()]
    }
}

impl Real for Rectified {
    fn of(linear: Array1<f64>, precision: Array1<f64>) -> Self {
        Rectified::new(linear, precision).unwrap()
    }

    fn linear_and_precision(&self) -> [Array1<f64>; 2] {
        [self.linear().to_owned(), self.precision().to_owned()]
    }
}

pub fn visible<V: Real>(n: usize, seed: Seed) -> V {
    V::of(
        normal(n, 0.8, seed.nth(0)),
        normal(n, 0.3, seed.nth(1)).mapv(f64::exp),
    )
}

pub fn machine<V: Real>(sizes: &[usize], seed: u64) -> Dbm<V, Bernoulli> {
    let seed = Seed::new(seed).child("real");
    let hidden = (1..sizes.len())
        .map(|l| layer(sizes[l], seed.nth(l as u64)))
        .collect();
    Dbm::random(visible(sizes[0], seed.child("visible")), hidden, 0.9, seed).unwrap()
}

/// All hidden states `(h¹, …, hᴸ)`, and what the definition says of each.
pub struct Listed {
    pub hidden: Array2<f64>,
    /// `log ∫ exp(−E(v, h)) dv`.
    pub log_weights: Array1<f64>,
    /// `E[v | h]` and `E[v² | h]`.
    pub moments: [Array2<f64>; 2],
}

impl Listed {
    pub fn of<V: Real>(dbm: &Dbm<V, Bernoulli>) -> Self {
        let layers: Vec<Array2<f64>> = (1..=dbm.depth()).map(|l| states_of(dbm.hidden(l))).collect();
        let hidden = product(&layers);
        let [linear, precision] = dbm.visible().linear_and_precision();
        let n_visible = linear.len();
        let mut log_weights = Array1::zeros(hidden.nrows());
        let mut moments = [(); 2].map(|()| Array2::zeros((hidden.nrows(), n_visible)));
        for (k, h) in hidden.rows().into_iter().enumerate() {
            log_weights[k] = -hidden_energy(dbm, h);
            let first = h.slice(s![..dbm.sizes()[1]]);
            for i in 0..n_visible {
                let field = linear[i] + dbm.weights(1).row(i).dot(&first);
                let (x, w) = Support::of(|v| dbm.visible().admits(i, v)).rule(1.0 / 64.0);
                let density = |x: f64| (field * x - 0.5 * precision[i] * x * x).exp();
                let power = |p: i32| -> f64 {
                    let terms = x.iter().zip(&w).map(|(x, w)| w * x.powi(p) * density(*x));
                    // Far out on the line the power may overflow where the density vanishes.
                    terms.filter(|t| !t.is_nan()).sum()
                };
                let total = power(0);
                log_weights[k] += total.ln();
                moments[0][[k, i]] = power(1) / total;
                moments[1][[k, i]] = power(2) / total;
            }
        }
        Listed {
            hidden,
            log_weights,
            moments,
        }
    }

    pub fn log_z(&self) -> f64 {
        log_sum_exp(&self.log_weights.to_vec())
    }

    /// Of all hidden states.
    pub fn probabilities(&self) -> Array1<f64> {
        let log_z = self.log_z();
        self.log_weights.mapv(|w| (w - log_z).exp())
    }
}

/// The part of the energy that hidden units have by themselves, with plain sums.
pub fn hidden_energy<V: Units>(dbm: &Dbm<V, Bernoulli>, h: ArrayView1<f64>) -> f64 {
    let (sizes, mut first, mut energy) = (dbm.sizes(), 0, 0.0);
    for l in 1..sizes.len() {
        let x = h.slice(s![first..first + sizes[l]]);
        first += sizes[l];
        energy -= dbm.hidden(l).bias().dot(&x);
        if l < dbm.depth() {
            energy -= x.dot(&dbm.weights(l + 1).dot(&h.slice(s![first..first + sizes[l + 1]])));
        }
    }
    energy
}

/// `E(v, h)` with plain sums.
pub fn energy<V: Real>(dbm: &Dbm<V, Bernoulli>, v: ArrayView1<f64>, h: ArrayView1<f64>) -> f64 {
    let [linear, precision] = dbm.visible().linear_and_precision();
    let own = (&v * &v * precision).sum() * 0.5 - v.dot(&linear);
    own - v.dot(&dbm.weights(1).dot(&h.slice(s![..dbm.sizes()[1]]))) + hidden_energy(dbm, h)
}

/// Points where visible units may be.
pub fn probes() -> Array2<f64> {
    array![[0.3, 1.2], [0.0, 0.5], [2.1, 0.1], [0.9, 0.9], [1.4, 2.6]]
}

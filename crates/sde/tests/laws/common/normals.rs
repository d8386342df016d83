//! Mixtures of normal distributions with full covariances under a process: closed under noise, linear observations and products.
//!
//! `Σ_k w_k N(μ_k, S_k)`. With `Λ_k` the inverse of the covariance, responsibilities `r_k` and `s_k = Λ_k (μ_k − x)`: `s = Σ r_k s_k` and
//! `J v = Σ r_k [(s_k − s)(s_k·v) − Λ_k v]`. Everything by explicit inverses: dimensions are small, and the formulas are those of the
//! textbook.

use gibbsian_core::{
    Energy, LinearGaussian, Space, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp, math::log_sum_exp,
};
use gibbsian_linalg::Cholesky;
use gibbsian_sde::LinearObservation;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};

/// A mixture at every time of a process.
#[derive(Clone, Debug)]
pub struct Normals<P> {
    pub weights: Array1<f64>,
    /// `(K, D)`.
    pub means: Array2<f64>,
    pub covariances: Vec<Array2<f64>>,
    pub process: P,
}

/// One component at one time.
struct Component {
    log_weight: f64,
    mean: Array1<f64>,
    precision: Array2<f64>,
    log_det: f64,
}

impl<P: LinearGaussian + Copy> Normals<P> {
    /// The mixture with covariances `ς_k² I`.
    pub fn isotropic(weights: Array1<f64>, means: Array2<f64>, deviations: &[f64], process: P) -> Self {
        let dim = means.ncols();
        Normals {
            weights,
            means,
            covariances: deviations.iter().map(|s| Array2::eye(dim) * (s * s)).collect(),
            process,
        }
    }

    /// The same mixture as one of the test kit's; deviations are those of `isotropic`.
    pub fn component(&self, k: usize) -> Self {
        Normals {
            weights: Array1::ones(1),
            means: self.means.select(ndarray::Axis(0), &[k]),
            covariances: vec![self.covariances[k].clone()],
            process: self.process,
        }
    }

    pub fn mean(&self) -> Array1<f64> {
        self.weights.dot(&self.means)
    }

    pub fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let factors: Vec<Array2<f64>> = self
            .covariances
            .iter()
            .map(|s| Cholesky::new("covariance", s.view()).unwrap().lower().to_owned())
            .collect();
        let mut x = Array2::zeros((n, self.dim()));
        for mut row in x.rows_mut() {
            let mut u: f64 = rng.random();
            let mut k = 0;
            while k + 1 < self.weights.len() && u >= self.weights[k] {
                u -= self.weights[k];
                k += 1;
            }
            // Box and Muller.
            let z = Array1::from_shape_fn(self.dim(), |_| {
                let (u, v): (f64, f64) = (rng.random(), rng.random());
                (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
            });
            row.assign(&(factors[k].dot(&z) + self.means.row(k)));
        }
        x
    }

    /// The posterior after an observation, and the log-evidence `log p(y)`.
    ///
    /// Each component gives `N(y; A μ_k, V_k)`, `V_k = A S_k Aᵀ + s² I`, to its weight, and becomes
    /// `N(μ_k + G (y − A μ_k), S_k − G A S_k)` with the gain `G = S_k Aᵀ V_k⁻¹`.
    pub fn posterior(&self, observation: &LinearObservation) -> (Self, f64) {
        let a = observation.matrix();
        let mut posterior = self.clone();
        let mut log_weights = Vec::new();
        for (k, s) in self.covariances.iter().enumerate() {
            let v = a.dot(s).dot(&a.t())
                + Array2::<f64>::eye(observation.n_values()) * observation.noise_variance();
            let v = Cholesky::new("V", v.view()).unwrap();
            let gain = s.dot(&a.t()).dot(&v.inverse());
            let miss = &observation.values() - &a.dot(&self.means.row(k));
            let mean = &self.means.row(k) + &gain.dot(&miss);
            posterior.means.row_mut(k).assign(&mean);
            posterior.covariances[k] = symmetric(s - &gain.dot(&a).dot(s));
            log_weights.push(
                self.weights[k].ln()
                    - 0.5 * (miss.dot(&v.solve_vector(miss.view())) + v.log_det())
                    - 0.5 * observation.n_values() as f64 * std::f64::consts::TAU.ln(),
            );
        }
        let log_evidence = log_sum_exp(&log_weights);
        posterior.weights = log_weights.iter().map(|l| (l - log_evidence).exp()).collect();
        (posterior, log_evidence)
    }

    /// The normalised product of two mixtures: every pair of components gives `N(μ_i; μ_j, S_i + S_j)` to its weight and adds its
    /// precisions.
    pub fn product(&self, other: &Self) -> Self {
        let (mut log_weights, mut means, mut covariances) = (Vec::new(), Vec::new(), Vec::new());
        for (i, s) in self.covariances.iter().enumerate() {
            for (j, r) in other.covariances.iter().enumerate() {
                let sum = Cholesky::new("the sum", (s + r).view()).unwrap();
                let miss = &other.means.row(j) - &self.means.row(i);
                let pulled = sum.solve_vector(miss.view());
                log_weights.push(
                    (self.weights[i] * other.weights[j]).ln() - 0.5 * (miss.dot(&pulled) + sum.log_det()),
                );
                means.extend(&self.means.row(i) + &s.dot(&pulled));
                covariances.push(symmetric(s - &s.dot(&sum.inverse()).dot(s)));
            }
        }
        let total = log_sum_exp(&log_weights);
        Normals {
            weights: log_weights.iter().map(|l| (l - total).exp()).collect(),
            means: Array2::from_shape_vec((covariances.len(), self.dim()), means).unwrap(),
            covariances,
            process: self.process,
        }
    }

    fn at(&self, t: f64) -> Vec<Component> {
        let (alpha, variance) = (self.process.alpha(t), self.process.variance(t));
        let noise = Array2::<f64>::eye(self.dim()) * variance;
        let component = |(k, s): (usize, &Array2<f64>)| {
            let mean = &self.means.row(k) * alpha;
            // A time that is NaN has no covariance.
            let (precision, log_det) =
                match Cholesky::new("covariance", (s * (alpha * alpha) + &noise).view()) {
                    Ok(factor) => (factor.inverse(), factor.log_det()),
                    Err(_) => (Array2::from_elem(s.raw_dim(), f64::NAN), f64::NAN),
                };
            Component {
                log_weight: self.weights[k].ln(),
                mean,
                precision,
                log_det,
            }
        };
        self.covariances.iter().enumerate().map(component).collect()
    }

    /// The components of every row's time, computed once for a run of equal times.
    fn for_each_row(&self, t: ArrayView1<f64>, mut f: impl FnMut(usize, &[Component])) {
        let mut last: Option<(f64, Vec<Component>)> = None;
        for (b, &t) in t.iter().enumerate() {
            if last.as_ref().is_none_or(|(time, _)| *time != t) {
                last = Some((t, self.at(t)));
            }
            f(b, &last.as_ref().unwrap().1);
        }
    }
}

fn symmetric(a: Array2<f64>) -> Array2<f64> {
    0.5 * &a + 0.5 * &a.t()
}

/// The log-density, the responsibilities and the components' scores.
fn evaluate(components: &[Component], x: ArrayView1<f64>) -> (f64, Vec<f64>, Vec<Array1<f64>>) {
    let scores: Vec<Array1<f64>> = components
        .iter()
        .map(|c| c.precision.dot(&(&c.mean - &x)))
        .collect();
    let log_terms: Vec<f64> = components
        .iter()
        .zip(&scores)
        .map(|(c, s)| {
            c.log_weight
                - 0.5 * ((&c.mean - &x).dot(s) + c.log_det + x.len() as f64 * std::f64::consts::TAU.ln())
        })
        .collect();
    let total = log_sum_exp(&log_terms);
    let r = log_terms.iter().map(|l| (l - total).exp()).collect();
    (total, r, scores)
}

impl<P: LinearGaussian> Space for Normals<P> {
    fn dim(&self) -> usize {
        self.means.ncols()
    }
}

impl<P: LinearGaussian + Copy> TimeEnergy for Normals<P> {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        self.for_each_row(t, |b, components| out[b] = -evaluate(components, x.row(b)).0);
    }
}

impl<P: LinearGaussian + Copy> TimeScore for Normals<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.for_each_row(t, |b, components| {
            let (_, r, scores) = evaluate(components, x.row(b));
            out.row_mut(b).fill(0.0);
            for (r, s) in r.iter().zip(&scores) {
                out.row_mut(b).scaled_add(*r, s);
            }
        });
    }
}

impl<P: LinearGaussian + Copy> TimePotential for Normals<P> {}

impl<P: LinearGaussian + Copy> TimeScoreJvp for Normals<P> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score.view_mut());
        self.for_each_row(t, |b, components| {
            let (_, r, scores) = evaluate(components, x.row(b));
            let mut jvp = jvp.row_mut(b);
            jvp.fill(0.0);
            for ((r, s), c) in r.iter().zip(&scores).zip(components) {
                jvp.scaled_add(r * s.dot(&v.row(b)), &(s - &score.row(b)));
                jvp.scaled_add(-r, &c.precision.dot(&v.row(b)));
            }
        });
    }
}

/// The energy at time zero, as a prior without a process.
pub struct Clean<'a, P>(pub &'a Normals<P>);

impl<P: LinearGaussian> Space for Clean<'_, P> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<P: LinearGaussian + Copy> Energy for Clean<'_, P> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_at_into(x, Array1::zeros(x.nrows()).view(), out);
    }
}

//! Mixtures of isotropic normal distributions.
//!
//! `p(x) = Σ_k w_k N(x; μ_k, σ_k² I)`. With responsibilities `r_k ∝ w_k N(x; μ_k, σ_k² I)` and component scores
//! `s_k = (μ_k − x)/σ_k²`,
//!
//! `s = Σ_k r_k s_k`,  `J v = Σ_k r_k [(s_k − s)(s_k·v) − v/σ_k²]`,
//!
//! `tr J = Σ_k r_k [(s_k − s)·s_k − D/σ_k²]`,
//!
//! since `∂r_k/∂x = r_k (s_k − s)`. The energy is `−log p`, so `log Z = 0`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Density, Energy, Error, Potential, Result, Score, ScoreJvp, Space, error};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// A mixture of `K` isotropic normal distributions on `D` dimensions.
#[derive(Clone, Debug)]
pub struct Mixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    deviations: Array1<f64>,
}

impl Mixture {
    /// The mixture with weights `(K)`, which are normalised, means `(K, D)` and standard deviations `(K)`.
    ///
    /// # Errors
    /// Shapes that do not fit, means that are not finite, or weights or deviations that are not positive.
    pub fn new(weights: Array1<f64>, means: Array2<f64>, deviations: Array1<f64>) -> Result<Self> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        error::check_each(
            "weights",
            weights.view(),
            "finite and greater than zero",
            positive,
        )?;
        error::check_each(
            "deviations",
            deviations.view(),
            "finite and greater than zero",
            positive,
        )?;
        error::check_finite("means", &means)?;
        error::check_shape("deviations", &deviations, &[weights.len()])?;
        if means.nrows() != weights.len() || means.is_empty() {
            return Err(Error::shape(
                "means",
                means.shape(),
                format!("({}, at least 1)", weights.len()),
            ));
        }
        Ok(Mixture {
            weights: &weights / weights.sum(),
            means,
            deviations,
        })
    }

    /// The mixture of `α x + σ z`, for `x` of this one and standard normal `z`.
    pub fn noised(&self, alpha: f64, variance: f64) -> Self {
        Mixture {
            weights: self.weights.clone(),
            means: alpha * &self.means,
            deviations: self
                .deviations
                .mapv(|s| (alpha * alpha * s * s + variance).sqrt()),
        }
    }

    /// The log-density and the responsibilities of the components.
    fn responsibilities(&self, x: ArrayView1<f64>) -> (f64, Array1<f64>) {
        let d = self.dim() as f64;
        let log_terms = Array1::from_shape_fn(self.weights.len(), |k| {
            let sigma = self.deviations[k];
            let squared: f64 = x
                .iter()
                .zip(self.means.row(k))
                .map(|(x, m)| (x - m).powi(2))
                .sum();
            self.weights[k].ln()
                - 0.5 * squared / (sigma * sigma)
                - d * (sigma * (2.0 * std::f64::consts::PI).sqrt()).ln()
        });
        let largest = log_terms
            .iter()
            .fold(f64::NEG_INFINITY, |m, &l| if l > m || l.is_nan() { l } else { m });
        let terms = log_terms.mapv(|l| (l - largest).exp());
        let total = terms.sum();
        (largest + total.ln(), terms / total)
    }

    /// The score and its divergence.
    pub(super) fn score_and_divergence_into(
        &self,
        x: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut divergence: ArrayViewMut1<f64>,
    ) {
        self.score_into(x, score.view_mut());
        for (b, divergence) in divergence.iter_mut().enumerate() {
            let (_, r) = self.responsibilities(x.row(b));
            *divergence = 0.0;
            for (k, &r) in r.iter().enumerate() {
                let s_k = self.component_score(k, x.row(b));
                let spread = self.dim() as f64 / self.deviations[k].powi(2);
                *divergence += r * ((&s_k - &score.row(b)).dot(&s_k) - spread);
            }
        }
    }

    /// The score of one component.
    fn component_score(&self, k: usize, x: ArrayView1<f64>) -> Array1<f64> {
        (&self.means.row(k) - &x) / self.deviations[k].powi(2)
    }
}

impl Space for Mixture {
    fn dim(&self) -> usize {
        self.means.ncols()
    }
}

impl Energy for Mixture {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            *e = -self.responsibilities(row).0;
        }
    }
}

impl Density for Mixture {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let mut x = Array2::zeros((n, self.dim()));
        for mut row in x.rows_mut() {
            let mut u: f64 = rng.random();
            let mut k = 0;
            while k + 1 < self.weights.len() && u >= self.weights[k] {
                u -= self.weights[k];
                k += 1;
            }
            for (x, m) in row.iter_mut().zip(self.means.row(k)) {
                let z: f64 = rng.sample(StandardNormal);
                *x = m + self.deviations[k] * z;
            }
        }
        x
    }
}

impl Score for Mixture {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (row, mut score) in x.rows().into_iter().zip(out.rows_mut()) {
            let (_, r) = self.responsibilities(row);
            score.fill(0.0);
            for (k, &r) in r.iter().enumerate() {
                score.scaled_add(r, &self.component_score(k, row));
            }
        }
    }
}

impl Potential for Mixture {}

impl ScoreJvp for Mixture {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score.view_mut());
        for (b, mut jvp) in jvp.rows_mut().into_iter().enumerate() {
            let (_, r) = self.responsibilities(x.row(b));
            jvp.fill(0.0);
            for (k, &r) in r.iter().enumerate() {
                let s_k = self.component_score(k, x.row(b));
                jvp.scaled_add(r * s_k.dot(&v.row(b)), &(&s_k - &score.row(b)));
                jvp.scaled_add(-r / self.deviations[k].powi(2), &v.row(b));
            }
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.score_and_divergence_into(x, Array2::zeros(x.raw_dim()).view_mut(), out);
    }
}

//! Normalising an energy of the plane by quadrature.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Density, Energy};
use ndarray::{Array1, Array2, ArrayView2};

use crate::Result;

/// Half of the side of the square, and of the inner square outside of which there should be no mass.
const HALF_SIDE: f64 = 10.0;
const INNER: f64 = 8.0;

/// The trapezoidal rule on a square around the origin.
pub(super) struct Grid {
    x: Array2<f64>,
    /// The logarithms of the weights.
    log_weights: Array1<f64>,
}

/// How a learned density compares with the truth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) log_z: f64,
    /// `∫ p log (p/q)`.
    pub(super) divergence: f64,
    /// `½ ∫ |p − q|`.
    pub(super) variation: f64,
    /// The share of `q` outside the inner square.
    pub(super) outside: f64,
}

impl Grid {
    /// Points at this distance from each other.
    pub(super) fn new(step: f64) -> Self {
        let n = (2.0 * HALF_SIDE / step).round() as usize;
        let at = |k: usize| HALF_SIDE * (2.0 * k as f64 / n as f64 - 1.0);
        let edge = |k: usize| if k == 0 || k == n { 0.5_f64 } else { 1.0 };
        let place = |b: usize| (b / (n + 1), b % (n + 1));
        let n_points = (n + 1) * (n + 1);
        Grid {
            x: Array2::from_shape_fn((n_points, 2), |(b, i)| {
                at(if i == 0 { place(b).1 } else { place(b).0 })
            }),
            log_weights: Array1::from_shape_fn(n_points, |b| {
                (edge(place(b).0) * edge(place(b).1)).ln() + 2.0 * step.ln()
            }),
        }
    }

    /// The points, `(n, 2)`.
    pub(super) fn points(&self) -> ArrayView2<'_, f64> {
        self.x.view()
    }

    /// Their weights, `(n)`.
    pub(super) fn weights(&self) -> Array1<f64> {
        self.log_weights.mapv(f64::exp)
    }

    /// `log ∫ exp(−E)`.
    pub(super) fn log_z<M: Energy + ?Sized>(&self, model: &M) -> f64 {
        let terms = &self.log_weights - &model.energy(self.x.view());
        log_sum_exp(&terms.to_vec())
    }

    /// The model against the density.
    pub(super) fn judge<M: Energy + ?Sized, D: Density + ?Sized>(
        &self,
        model: &M,
        truth: &D,
    ) -> Result<Judged> {
        let energy = model.energy(self.x.view());
        let terms = &self.log_weights - &energy;
        let log_z = log_sum_exp(&terms.to_vec());
        let log_p = truth.log_density(self.x.view());
        let (mut divergence, mut variation, mut outside) = (0.0, 0.0, 0.0);
        for (b, x) in self.x.rows().into_iter().enumerate() {
            let (weight, log_q) = (self.log_weights[b].exp(), -energy[b] - log_z);
            let (p, q) = (log_p[b].exp(), log_q.exp());
            if p > 0.0 {
                divergence += weight * p * (log_p[b] - log_q);
            }
            variation += 0.5 * weight * (p - q).abs();
            if x[0].abs().max(x[1].abs()) > INNER {
                outside += weight * q;
            }
        }
        Ok(Judged {
            log_z,
            divergence,
            variation,
            outside,
        })
    }

    /// `∫ p log (p/q)` of two densities.
    pub(super) fn divergence_of<P: Density + ?Sized, Q: Density + ?Sized>(&self, p: &P, q: &Q) -> f64 {
        let (log_p, log_q) = (p.log_density(self.x.view()), q.log_density(self.x.view()));
        let terms = (0..self.x.nrows()).map(|b| {
            let p = log_p[b].exp();
            if p > 0.0 {
                self.log_weights[b].exp() * p * (log_p[b] - log_q[b])
            } else {
                0.0
            }
        });
        terms.sum()
    }
}

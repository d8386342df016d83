//! Second derivatives: Hessian-vector products, the divergence of the score, whole Hessians.
//!
//! All of them are moments of the components' scores under the responsibilities. With `e_k = s_k − s`,
//! `J = Σ_k r_k [e_k e_kᵀ − W_kᵀ W_k]`, so `J v = Σ_k r_k [(e_k·v) e_k − W_kᵀ (W_k v)]` and `tr J = Σ_k r_k [‖e_k‖² − ‖W_k‖²]`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{ScoreJvp, Space};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, s};
use rayon::prelude::*;

use super::GaussianMixture;
use super::evaluation::{CHUNK_ROWS, assert_columns, assert_rows};
use super::panel::{Panel, lanes, store, take};
use super::triangular::{LANES, Lane};

impl GaussianMixture {
    /// Writes the Hessian `∂² log p / ∂x ∂xᵀ` at each row of `x` `(B, D)` into `out` `(B, D, D)`; each is symmetric to the last bit.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn hessian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        let dim = self.dim();
        assert_columns(x, dim);
        assert!(
            out.dim() == (x.nrows(), dim, dim),
            "the output has shape {:?}, but x of shape {:?} needs ({}, {dim}, {dim})",
            out.shape(),
            x.shape(),
            x.nrows(),
        );
        let precisions = self.precisions();
        x.axis_chunks_iter(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .for_each(|(x, out)| {
                vectorized(Hessians {
                    mixture: self,
                    precisions: &precisions,
                    x,
                    out,
                });
            });
    }

    /// The Hessians of `log p` at all rows, in a new array `(B, D, D)`.
    pub fn hessian(&self, x: ArrayView2<f64>) -> Array3<f64> {
        let mut out = Array3::zeros((x.nrows(), x.ncols(), x.ncols()));
        self.hessian_into(x, out.view_mut());
        out
    }

    /// The Hessian of `log p` at one point `(D)`, `(D, D)`.
    ///
    /// # Panics
    /// When the dimension does not fit.
    pub fn hessian_at(&self, x: ArrayView1<f64>) -> Array2<f64> {
        self.hessian(x.insert_axis(Axis(0))).remove_axis(Axis(0))
    }

    /// `W_kᵀ W_k` of all components.
    fn precisions(&self) -> Vec<Array2<f64>> {
        let precision = |k| {
            let inverse = self.factors.matrix(k, self.dim());
            inverse.t().dot(&inverse)
        };
        (0..self.n_components()).map(precision).collect()
    }
}

impl ScoreJvp for GaussianMixture {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        assert_columns(x, self.dim());
        assert!(
            v.dim() == x.dim(),
            "v has shape {:?}, but x {:?}",
            v.shape(),
            x.shape()
        );
        assert_rows(x, &score, self.dim());
        assert_rows(x, &jvp, self.dim());
        x.axis_chunks_iter(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(v.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(score.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .zip(jvp.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .for_each(|(((x, v), score), jvp)| {
                vectorized(Products {
                    mixture: self,
                    x,
                    v,
                    score,
                    jvp,
                });
            });
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let traces: Vec<f64> = (0..self.n_components())
            .map(|k| self.factors.matrix(k, self.dim()).mapv(|w| w * w).sum())
            .collect();
        x.axis_chunks_iter(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .for_each(|(x, out)| {
                vectorized(Divergences {
                    mixture: self,
                    traces: &traces,
                    x,
                    out,
                });
            });
    }
}

/// The panel of `rows`, with the score, and in `deviations` `(K, D)` the `e_k = s_k − s` of all components.
#[inline(always)]
fn component_scores(
    mixture: &GaussianMixture,
    rows: ArrayView2<f64>,
    panel: &mut Panel,
    deviations: &mut [Lane],
) {
    let dim = mixture.means.ncols();
    panel.load(rows);
    panel.whiten(mixture);
    panel.normalise();
    deviations.as_flattened_mut().fill(0.0);
    for (k, scores) in deviations.chunks_exact_mut(dim).enumerate() {
        mixture.factors.add_unwhitened(k, panel.whitened(k), scores);
    }
    panel.score(mixture);
    for scores in deviations.chunks_exact_mut(dim) {
        for (component, score) in scores.iter_mut().zip(&panel.score) {
            for l in 0..LANES {
                component[l] = -component[l] - score[l];
            }
        }
    }
}

/// Hessian-vector products of some rows.
struct Products<'a, 'out> {
    mixture: &'a GaussianMixture,
    x: ArrayView2<'a, f64>,
    v: ArrayView2<'a, f64>,
    score: ArrayViewMut2<'out, f64>,
    jvp: ArrayViewMut2<'out, f64>,
}

impl Vectorized for Products<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (n_components, dim) = self.mixture.means.dim();
        let mut panel = Panel::new(self.mixture);
        let (mut deviations, mut v) = (lanes(n_components * dim), lanes(dim));
        let (mut whitened, mut jvp) = (lanes(dim), lanes(dim));
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            take(self.v.slice(s![rows.clone(), ..]), &mut v);
            jvp.fill([0.0; LANES]);
            for (k, deviation) in deviations.chunks_exact(dim).enumerate() {
                let weight = panel.responsibilities[k];
                let along = inner(deviation, &v);
                self.mixture.factors.whiten(k, &v, &mut whitened);
                for whitened in &mut whitened {
                    for l in 0..LANES {
                        whitened[l] *= -weight[l];
                    }
                }
                self.mixture.factors.add_unwhitened(k, &whitened, &mut jvp);
                for (jvp, deviation) in jvp.iter_mut().zip(deviation) {
                    for l in 0..LANES {
                        jvp[l] += weight[l] * along[l] * deviation[l];
                    }
                }
            }
            store(&panel.score, self.score.slice_mut(s![rows.clone(), ..]));
            store(&jvp, self.jvp.slice_mut(s![rows, ..]));
        }
    }
}

/// Divergences of some rows.
struct Divergences<'a, 'out> {
    mixture: &'a GaussianMixture,
    /// `‖W_k‖²`.
    traces: &'a [f64],
    x: ArrayView2<'a, f64>,
    out: ArrayViewMut1<'out, f64>,
}

impl Vectorized for Divergences<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (n_components, dim) = self.mixture.means.dim();
        let mut panel = Panel::new(self.mixture);
        let mut deviations = lanes(n_components * dim);
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            let mut divergence = [0.0; LANES];
            for (k, deviation) in deviations.chunks_exact(dim).enumerate() {
                let weight = panel.responsibilities[k];
                let square = inner(deviation, deviation);
                for l in 0..LANES {
                    divergence[l] += weight[l] * (square[l] - self.traces[k]);
                }
            }
            for (out, value) in self.out.slice_mut(s![rows]).iter_mut().zip(divergence) {
                *out = value;
            }
        }
    }
}

/// Hessians of some rows.
struct Hessians<'a, 'out> {
    mixture: &'a GaussianMixture,
    /// `W_kᵀ W_k`.
    precisions: &'a [Array2<f64>],
    x: ArrayView2<'a, f64>,
    out: ArrayViewMut3<'out, f64>,
}

impl Vectorized for Hessians<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (n_components, dim) = self.mixture.means.dim();
        let mut panel = Panel::new(self.mixture);
        let mut deviations = lanes(n_components * dim);
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            for i in 0..dim {
                for j in 0..=i {
                    let mut entry = [0.0; LANES];
                    for (k, deviation) in deviations.chunks_exact(dim).enumerate() {
                        let weight = panel.responsibilities[k];
                        let precision = self.precisions[k][(i, j)];
                        for l in 0..LANES {
                            entry[l] += weight[l] * (deviation[i][l] * deviation[j][l] - precision);
                        }
                    }
                    for (b, value) in rows.clone().zip(entry) {
                        self.out[(b, i, j)] = value;
                        self.out[(b, j, i)] = value;
                    }
                }
            }
        }
    }
}

/// `a·b` of the points of a panel.
#[inline(always)]
fn inner(a: &[Lane], b: &[Lane]) -> Lane {
    let mut sum = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sum[l] += a[l] * b[l];
        }
    }
    sum
}

//! Second derivatives: Hessian-vector products, the divergence of the score, whole Hessians.
//!
//! All of them are moments of the components' scores under the responsibilities. With `e_k = s_k − s`,
//! `J = Σ_k r_k [e_k e_kᵀ − W_kᵀ W_k]`, so `J v = Σ_k r_k [(e_k·v) e_k − W_kᵀ (W_k v)]` and `tr J = Σ_k r_k [‖e_k‖² − ‖W_k‖²]`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::parallel::map_each;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{ScoreJvp, Space};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, s};

use super::GaussianMixture;
use super::evaluation::{CHUNK_ROWS, assert_columns, assert_rows};
use super::panel::{Panel, store, take};

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
        let chunks = (x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .collect();
        map_each(chunks, |_, (x, out)| {
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
        let chunks = (x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(v.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(score.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .zip(jvp.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .collect();
        map_each(chunks, |_, (((x, v), score), jvp)| {
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
        let chunks = (x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS))
            .collect();
        map_each(chunks, |_, (x, out)| {
            vectorized(Divergences {
                mixture: self,
                traces: &traces,
                x,
                out,
            });
        });
    }
}

/// Evaluates the panel with its score, and in `deviations` `(K, D, width)` the `e_k = s_k − s` of all components.
#[inline(always)]
fn component_scores(
    mixture: &GaussianMixture,
    rows: ArrayView2<f64>,
    panel: &mut Panel,
    deviations: &mut [f64],
) {
    let (width, size) = (panel.width, panel.score.len());
    panel.evaluate(mixture, rows);
    for (k, scores) in deviations.chunks_exact_mut(size).enumerate() {
        scores.fill(0.0);
        mixture
            .factors
            .add_unwhitened(k, panel.whitened(k), scores, width);
    }
    panel.score(mixture);
    for scores in deviations.chunks_exact_mut(size) {
        for (component, score) in scores.iter_mut().zip(&panel.score) {
            *component = -*component - score;
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
        let mut panel = Panel::new(self.mixture, self.x.nrows());
        let width = panel.width;
        let size = dim * width;
        let mut deviations = vec![0.0; n_components * size];
        let (mut v, mut whitened, mut jvp) = (vec![0.0; size], vec![0.0; size], vec![0.0; size]);
        let mut along = vec![0.0; width];
        for start in (0..self.x.nrows()).step_by(width) {
            let rows = start..self.x.nrows().min(start + width);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            take(self.v.slice(s![rows.clone(), ..]), &mut v, width);
            jvp.fill(0.0);
            for (k, deviation) in deviations.chunks_exact(size).enumerate() {
                let weights = panel.responsibility(k);
                self.mixture.factors.whiten(k, &v, &mut whitened, &mut along);
                for whitened in whitened.chunks_exact_mut(width) {
                    for (whitened, weight) in whitened.iter_mut().zip(weights) {
                        *whitened *= -weight;
                    }
                }
                self.mixture.factors.add_unwhitened(k, &whitened, &mut jvp, width);
                inner(deviation, &v, &mut along);
                for (along, weight) in along.iter_mut().zip(weights) {
                    *along *= weight;
                }
                let rows = jvp.chunks_exact_mut(width).zip(deviation.chunks_exact(width));
                for (jvp, deviation) in rows {
                    for ((jvp, deviation), along) in jvp.iter_mut().zip(deviation).zip(&along) {
                        *jvp += along * deviation;
                    }
                }
            }
            store(&panel.score, width, self.score.slice_mut(s![rows.clone(), ..]));
            store(&jvp, width, self.jvp.slice_mut(s![rows, ..]));
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
        let mut panel = Panel::new(self.mixture, self.x.nrows());
        let width = panel.width;
        let mut deviations = vec![0.0; n_components * dim * width];
        let (mut squares, mut divergence) = (vec![0.0; width], vec![0.0; width]);
        for start in (0..self.x.nrows()).step_by(width) {
            let rows = start..self.x.nrows().min(start + width);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            divergence.fill(0.0);
            for (k, deviation) in deviations.chunks_exact(dim * width).enumerate() {
                inner(deviation, deviation, &mut squares);
                let values = divergence.iter_mut().zip(&squares).zip(panel.responsibility(k));
                for ((divergence, square), weight) in values {
                    *divergence += weight * (square - self.traces[k]);
                }
            }
            for (out, value) in self.out.slice_mut(s![rows]).iter_mut().zip(&divergence) {
                *out = *value;
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
        let mut panel = Panel::new(self.mixture, self.x.nrows());
        let width = panel.width;
        let mut deviations = vec![0.0; n_components * dim * width];
        let mut entry = vec![0.0; width];
        for start in (0..self.x.nrows()).step_by(width) {
            let rows = start..self.x.nrows().min(start + width);
            component_scores(
                self.mixture,
                self.x.slice(s![rows.clone(), ..]),
                &mut panel,
                &mut deviations,
            );
            for i in 0..dim {
                for j in 0..=i {
                    entry.fill(0.0);
                    for (k, deviation) in deviations.chunks_exact(dim * width).enumerate() {
                        let (a, b) = (&deviation[i * width..][..width], &deviation[j * width..][..width]);
                        let precision = self.precisions[k][(i, j)];
                        let values = entry.iter_mut().zip(a).zip(b).zip(panel.responsibility(k));
                        for (((entry, a), b), weight) in values {
                            *entry += weight * (a * b - precision);
                        }
                    }
                    for (b, &value) in rows.clone().zip(&entry) {
                        self.out[(b, i, j)] = value;
                        self.out[(b, j, i)] = value;
                    }
                }
            }
        }
    }
}

/// `a·b` of each point of a panel, into `out`.
#[inline(always)]
pub(super) fn inner(a: &[f64], b: &[f64], out: &mut [f64]) {
    let width = out.len();
    out.fill(0.0);
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out += a * b;
        }
    }
}

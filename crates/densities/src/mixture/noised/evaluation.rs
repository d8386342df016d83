//! The density of the noised points: log-density, score, Jacobian, divergence, Hessian.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{LinearGaussian, Space, TimeScore, TimeScoreJvp};
use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut, ArrayViewMut1, ArrayViewMut2,
    ArrayViewMut3, Axis, Dimension, s,
};
use rayon::prelude::*;

use super::panel::{Levels, NoisedPanel};
use super::{NoisedMixture, Spectral};
use crate::mixture::derivatives::inner;
use crate::mixture::evaluation::{CHUNK_ROWS, assert_columns, assert_rows};
use crate::mixture::panel::{store, take};

impl<P: LinearGaussian> NoisedMixture<P> {
    /// Writes `log p_t(x)` of every row into `out` `(B)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_density_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.evaluate(
            x,
            t,
            Outputs {
                log_density: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// `log p_t(x)` of every row, in a new array `(B)`.
    pub fn log_density_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.log_density_at_into(x, t, out.view_mut());
        out
    }

    /// The scores `∇ log p_t(x)` of all rows, in a new array `(B, D)`.
    pub fn score_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.score_at_into(x, t, out.view_mut());
        out
    }

    /// The divergences `Δ log p_t(x)` of the score at all rows, in a new array `(B)`.
    pub fn divergence_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.divergence_at_into(x, t, out.view_mut());
        out
    }

    /// Writes the Hessian of `log p_t` at every row into `out` `(B, D, D)`; each is symmetric to the last bit.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn hessian_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut3<f64>) {
        assert_matrices(x, &out, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                hessian: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// The Hessians of `log p_t` at all rows, in a new array `(B, D, D)`.
    pub fn hessian_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array3<f64> {
        let mut out = Array3::zeros((x.nrows(), self.dim(), self.dim()));
        self.hessian_at_into(x, t, out.view_mut());
        out
    }

    /// The noise that a noise-predicting network learns, `E[z | x_t] = −σ s`, `(B, D)`, where `x_t = α x_0 + σ z`.
    pub fn noise_hat(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = self.score_at(x, t);
        for (mut row, &t) in out.rows_mut().into_iter().zip(t) {
            row *= -self.process.sigma(t);
        }
        out
    }

    /// The probabilities `p(k | x_t)` of the components, `(B, K)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn component_posterior(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.mixture().n_components()));
        self.evaluate(
            x,
            t,
            Outputs {
                responsibilities: Some(out.view_mut()),
                ..Outputs::default()
            },
        );
        out
    }

    /// Fills the outputs chunk by chunk, several chunks in parallel.
    #[track_caller]
    pub(super) fn evaluate(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, outputs: Outputs) {
        assert_columns(x, self.dim());
        assert!(
            t.len() == x.nrows(),
            "t has shape {:?}, but x {:?}: a time for each row",
            t.shape(),
            x.shape()
        );
        let chunks: Vec<_> = (x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(t.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .zip(outputs.chunks())
            .collect();
        chunks.into_par_iter().for_each(|((x, t), outputs)| {
            let (alpha, variance) = self.levels(t);
            let levels = Levels {
                alpha: &alpha,
                variance: &variance,
            };
            vectorized(Chunk {
                model: &self.spectral,
                x,
                levels,
                outputs,
            });
        });
    }
}

impl<P: LinearGaussian> TimeScore for NoisedMixture<P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        assert_rows(x, &out, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                score: Some(out),
                ..Outputs::default()
            },
        );
    }
}

impl<P: LinearGaussian> TimeScoreJvp for NoisedMixture<P> {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        assert!(
            v.dim() == x.dim(),
            "v has shape {:?}, but x {:?}",
            v.shape(),
            x.shape()
        );
        assert_rows(x, &score, self.dim());
        assert_rows(x, &jvp, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                score: Some(score),
                v: Some(v),
                jvp: Some(jvp),
                ..Outputs::default()
            },
        );
    }

    fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.evaluate(
            x,
            t,
            Outputs {
                divergence: Some(out),
                ..Outputs::default()
            },
        );
    }
}

/// What is to be written of each row.
#[derive(Default)]
pub(super) struct Outputs<'a> {
    pub(super) log_density: Option<ArrayViewMut1<'a, f64>>,
    pub(super) responsibilities: Option<ArrayViewMut2<'a, f64>>,
    pub(super) score: Option<ArrayViewMut2<'a, f64>>,
    /// The directions of the products, and the products.
    pub(super) v: Option<ArrayView2<'a, f64>>,
    pub(super) jvp: Option<ArrayViewMut2<'a, f64>>,
    pub(super) divergence: Option<ArrayViewMut1<'a, f64>>,
    pub(super) hessian: Option<ArrayViewMut3<'a, f64>>,
    pub(super) posterior_mean: Option<ArrayViewMut2<'a, f64>>,
    pub(super) posterior_covariance: Option<ArrayViewMut3<'a, f64>>,
}

impl<'a> Outputs<'a> {
    /// The outputs of each chunk of rows, without end.
    fn chunks(self) -> impl Iterator<Item = Outputs<'a>> {
        let mut rest = self;
        std::iter::from_fn(move || {
            Some(Outputs {
                log_density: split_rows(&mut rest.log_density),
                responsibilities: split_rows(&mut rest.responsibilities),
                score: split_rows(&mut rest.score),
                v: rest.v.take().map(|all| {
                    let (chunk, others) = all.split_at(Axis(0), all.nrows().min(CHUNK_ROWS));
                    rest.v = Some(others);
                    chunk
                }),
                jvp: split_rows(&mut rest.jvp),
                divergence: split_rows(&mut rest.divergence),
                hessian: split_rows(&mut rest.hessian),
                posterior_mean: split_rows(&mut rest.posterior_mean),
                posterior_covariance: split_rows(&mut rest.posterior_covariance),
            })
        })
    }
}

/// Takes the rows of the next chunk off an output, if it is wanted.
fn split_rows<'a, D: Dimension>(
    rest: &mut Option<ArrayViewMut<'a, f64, D>>,
) -> Option<ArrayViewMut<'a, f64, D>> {
    let all = rest.take()?;
    let n = all.len_of(Axis(0)).min(CHUNK_ROWS);
    let (chunk, others) = all.split_at(Axis(0), n);
    *rest = Some(others);
    Some(chunk)
}

/// One task: some rows and what is wanted of them.
struct Chunk<'a, 'out> {
    model: &'a Spectral,
    x: ArrayView2<'a, f64>,
    levels: Levels<'a>,
    outputs: Outputs<'out>,
}

impl Vectorized for Chunk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let model = self.model;
        let (n_components, dim) = model.mixture.means.dim();
        let mut panel = NoisedPanel::new(model, self.x.nrows());
        let width = panel.base.width;
        let size = dim * width;
        let mut scratch = Scratch {
            one: vec![0.0; size],
            other: vec![0.0; size],
            row: vec![0.0; width],
            trace: vec![0.0; width],
            sum: vec![0.0; width],
            deviations: vec![
                0.0;
                if self.outputs.need_deviations() {
                    n_components * size
                } else {
                    0
                }
            ],
        };
        for start in (0..self.x.nrows()).step_by(width) {
            let rows = start..self.x.nrows().min(start + width);
            panel.evaluate(
                model,
                self.x.slice(s![rows.clone(), ..]),
                self.levels.rows(rows.clone()),
            );
            self.outputs.write(model, &mut panel, &mut scratch, rows);
        }
    }
}

/// Buffers of a chunk.
struct Scratch {
    one: Vec<f64>,
    other: Vec<f64>,
    row: Vec<f64>,
    trace: Vec<f64>,
    sum: Vec<f64>,
    /// `(K, D, width)`.
    deviations: Vec<f64>,
}

impl Outputs<'_> {
    fn need_deviations(&self) -> bool {
        self.jvp.is_some()
            || self.divergence.is_some()
            || self.hessian.is_some()
            || self.posterior_covariance.is_some()
    }

    /// Writes the rows of one panel, which has been evaluated.
    #[inline(always)]
    fn write(
        &mut self,
        model: &Spectral,
        panel: &mut NoisedPanel,
        scratch: &mut Scratch,
        rows: std::ops::Range<usize>,
    ) {
        let width = panel.base.width;
        let n = rows.len();
        let all = s![rows.clone(), ..];
        if let Some(out) = &mut self.log_density {
            assign(out.slice_mut(s![rows.clone()]), &panel.base.log_density[..n]);
        }
        if let Some(out) = &mut self.responsibilities {
            store(&panel.base.responsibilities, width, out.slice_mut(all));
        }
        if self.jvp.is_some() || self.divergence.is_some() || self.hessian.is_some() {
            panel.scores(model, &mut scratch.deviations);
        } else if self.score.is_some() {
            panel.score(model, &mut scratch.one);
        }
        if let Some(out) = &mut self.score {
            store(&panel.base.score, width, out.slice_mut(all));
        }
        if let (Some(v), Some(out)) = (&self.v, &mut self.jvp) {
            products(model, panel, v.slice(all), scratch);
            store(&scratch.other, width, out.slice_mut(all));
        }
        if let Some(out) = &mut self.divergence {
            divergences(panel, scratch);
            assign(out.slice_mut(s![rows.clone()]), &scratch.sum[..n]);
        }
        if let Some(out) = &mut self.hessian {
            let out = out.slice_mut(s![rows.clone(), .., ..]);
            // C_k⁻¹ = V diag(1/c) Vᵀ is subtracted.
            second_moments(model, panel, scratch, out, |precision, _, _| -precision);
        }
        if self.posterior_covariance.is_some() {
            panel.posterior_means(model, &mut scratch.deviations);
        } else if self.posterior_mean.is_some() {
            panel.posterior_mean(model, &mut scratch.one);
        }
        if let Some(out) = &mut self.posterior_mean {
            store(&panel.base.score, width, out.slice_mut(all));
        }
        if let Some(out) = &mut self.posterior_covariance {
            let out = out.slice_mut(s![rows, .., ..]);
            // S_k = V diag(λ σ²/c) Vᵀ is added.
            second_moments(model, panel, scratch, out, |precision, value, variance| {
                value * (variance * precision)
            });
        }
    }
}

fn assign(out: ArrayViewMut1<f64>, values: &[f64]) {
    for (out, value) in out.into_iter().zip(values) {
        *out = *value;
    }
}

/// `J v = Σ_k r_k [(e_k·v) e_k − C_k⁻¹ v]` into `other`, from the deviations `e_k` of the components' scores.
#[inline(always)]
fn products(model: &Spectral, panel: &mut NoisedPanel, v: ArrayView2<f64>, scratch: &mut Scratch) {
    let width = panel.base.width;
    let size = panel.base.x.len();
    let Scratch {
        one: v_panel,
        other: jvp,
        row: along,
        deviations,
        ..
    } = scratch;
    take(v, v_panel, width);
    jvp.fill(0.0);
    // The whitened deviations have been used.
    let mut rotated = std::mem::take(&mut panel.base.deviation);
    for (k, deviation) in deviations.chunks_exact(size).enumerate() {
        let weights = panel.base.responsibility(k);
        model.spectra.rotate(k, v_panel, &mut rotated, width);
        let rows = rotated
            .chunks_exact_mut(width)
            .zip(panel.precision(k).chunks_exact(width));
        for (rotated, precisions) in rows {
            for ((rotated, precision), weight) in rotated.iter_mut().zip(precisions).zip(weights) {
                *rotated *= -weight * precision;
            }
        }
        model.spectra.add_rotated_back(k, &rotated, jvp, width);
        inner(deviation, v_panel, along);
        for (along, weight) in along.iter_mut().zip(weights) {
            *along *= weight;
        }
        for (jvp, deviation) in jvp.chunks_exact_mut(width).zip(deviation.chunks_exact(width)) {
            for ((jvp, deviation), along) in jvp.iter_mut().zip(deviation).zip(along.iter()) {
                *jvp += along * deviation;
            }
        }
    }
    panel.base.deviation = rotated;
}

/// `tr J = Σ_k r_k [‖e_k‖² − tr C_k⁻¹]` into `sum`.
#[inline(always)]
fn divergences(panel: &NoisedPanel, scratch: &mut Scratch) {
    let width = panel.base.width;
    let size = panel.base.x.len();
    let Scratch {
        row: square,
        trace,
        sum: divergence,
        deviations,
        ..
    } = scratch;
    divergence.fill(0.0);
    for (k, deviation) in deviations.chunks_exact(size).enumerate() {
        inner(deviation, deviation, square);
        trace.fill(0.0);
        for precisions in panel.precision(k).chunks_exact(width) {
            for (trace, precision) in trace.iter_mut().zip(precisions) {
                *trace += precision;
            }
        }
        let values = divergence
            .iter_mut()
            .zip(square.iter())
            .zip(trace.iter())
            .zip(panel.base.responsibility(k));
        for (((divergence, square), trace), weight) in values {
            *divergence += weight * (square - trace);
        }
    }
}

/// `Σ_k r_k [d_k d_kᵀ + V_k diag(f) V_kᵀ]` of every row, from deviations `d_k`; `f` sees the precision, `λ` and `σ²`.
#[inline(always)]
fn second_moments(
    model: &Spectral,
    panel: &NoisedPanel,
    scratch: &mut Scratch,
    mut out: ArrayViewMut3<f64>,
    f: impl Fn(f64, f64, f64) -> f64,
) {
    let width = panel.base.width;
    let size = panel.base.x.len();
    let Scratch {
        one: spread,
        row: entry,
        deviations,
        ..
    } = scratch;
    out.fill(0.0);
    for (k, deviation) in deviations.chunks_exact(size).enumerate() {
        let rows = spread
            .chunks_exact_mut(width)
            .zip(panel.precision(k).chunks_exact(width));
        for (i, (spread, precisions)) in rows.enumerate() {
            let value = model.spectra.value(k, i);
            for ((spread, precision), variance) in spread.iter_mut().zip(precisions).zip(&panel.variance) {
                *spread = f(*precision, value, *variance);
            }
        }
        let weights = panel.base.responsibility(k);
        for i in 0..size / width {
            for j in 0..=i {
                let (a, b) = (&deviation[i * width..][..width], &deviation[j * width..][..width]);
                for ((entry, a), b) in entry.iter_mut().zip(a).zip(b) {
                    *entry = a * b;
                }
                match model.spectra.rotation(k) {
                    Some(rotation) => {
                        let columns = rotation.transposed.rows();
                        for (column, spread) in columns.into_iter().zip(spread.chunks_exact(width)) {
                            let factor = column[i] * column[j];
                            for (entry, spread) in entry.iter_mut().zip(spread) {
                                *entry += factor * spread;
                            }
                        }
                    }
                    None if i == j => {
                        for (entry, spread) in entry.iter_mut().zip(&spread[i * width..]) {
                            *entry += spread;
                        }
                    }
                    None => (),
                }
                for ((mut out, entry), weight) in out.outer_iter_mut().zip(entry.iter()).zip(weights) {
                    out[(i, j)] += weight * entry;
                }
            }
        }
    }
    for mut out in out.outer_iter_mut() {
        for i in 0..out.nrows() {
            for j in 0..i {
                out[(j, i)] = out[(i, j)];
            }
        }
    }
}

/// Panics unless `out` has a square matrix for each row of `x`.
#[track_caller]
pub(super) fn assert_matrices(x: ArrayView2<f64>, out: &ArrayViewMut3<f64>, dim: usize) {
    assert!(
        out.dim() == (x.nrows(), dim, dim),
        "the output has shape {:?}, but x of shape {:?} needs ({}, {dim}, {dim})",
        out.shape(),
        x.shape(),
        x.nrows(),
    );
}

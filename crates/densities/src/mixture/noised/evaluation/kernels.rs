//! One task of an evaluation: panel after panel of some rows.

use gibbsian_core::simd::Vectorized;
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut3, s};

use super::Outputs;
use crate::mixture::derivatives::inner;
use crate::mixture::noised::Spectral;
use crate::mixture::noised::panel::{Levels, NoisedPanel};
use crate::mixture::panel::{store, take};

/// One task: some rows and what is wanted of them.
pub(super) struct Chunk<'a, 'out> {
    pub(super) model: &'a Spectral,
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) levels: Levels<'a>,
    pub(super) outputs: Outputs<'out>,
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

//! Components without any variance: the points of a data set in noise.
//!
//! With `λ_k = 0` a component's posterior mean is the point itself, `m_k = μ_k`, and all have the one precision `p = 1/σ²`. With `m = Σ_k r_k μ_k` and `e_k = α p (μ_k − m)`,
//! which is what the score of a component differs by from that of all,
//!
//! `E[x_0 | x] = m`,  `Cov[x_0 | x] = Σ_k r_k (μ_k − m)(μ_k − m)ᵀ`,  `J v = Σ_k r_k (e_k·v) e_k − p v`.
//!
//! Sums run over the points that have a share in one of the panel's, which late in a process are all and early a few.

use gibbsian_core::simd::Vectorized;
use ndarray::{ArrayView2, ArrayViewMut2, ArrayViewMut3, s};

use super::Isotropic;
use super::panel::Panel;
use super::tiles::Lanes;
use crate::mixture::noised::evaluation::Outputs;
use crate::mixture::noised::panel::Levels;
use crate::mixture::triangular::LANES;

/// One task: some rows, their levels of noise, and what is wanted of them beyond what all isotropic components have in common.
pub(in crate::mixture::noised) struct PointsChunk<'a, 'out> {
    /// `log w_k − ½ D log 2π`.
    pub(in crate::mixture::noised) log_scales: &'a [f64],
    /// Of variance zero.
    pub(in crate::mixture::noised) isotropic: &'a Isotropic,
    pub(in crate::mixture::noised) x: ArrayView2<'a, f64>,
    pub(in crate::mixture::noised) levels: Levels<'a>,
    pub(in crate::mixture::noised) outputs: Outputs<'out>,
}

impl Vectorized for PointsChunk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut memory = Panel::memory(self.isotropic);
        let mut panel = Panel::new(self.isotropic, &mut memory);
        let mut columns = vec![[0.0; LANES]; 2 * self.isotropic.dim];
        let mut outputs = self.outputs;
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            let all = s![rows.clone(), ..];
            panel.take(self.x.slice(all));
            panel.set_levels(self.levels.rows(rows.clone()), self.log_scales, false);
            panel.join();
            panel.normalise(false);
            if let Some(out) = &mut outputs.responsibilities {
                panel.store_weights(out.slice_mut(all));
            }
            if let Some(out) = &mut outputs.score {
                panel.add_up();
                panel.store(out.slice_mut(all));
            }
            panel.average_means();
            if let (Some(v), Some(out)) = (&outputs.v, &mut outputs.jvp) {
                panel.products(v.slice(all), out.slice_mut(all), &mut columns);
            }
            if let Some(out) = &mut outputs.posterior_mean {
                panel.store(out.slice_mut(all));
            }
            if let Some(out) = &mut outputs.posterior_covariance {
                panel.covariances(out.slice_mut(s![rows, .., ..]));
            }
        }
    }
}

impl Panel<'_> {
    /// `r_k` of all components.
    fn store_weights(&self, mut out: ArrayViewMut2<f64>) {
        for (l, mut row) in out.rows_mut().into_iter().enumerate() {
            for (out, lanes) in row.iter_mut().zip(self.weights.iter()) {
                *out = lanes[l];
            }
        }
    }

    /// `J v`, after the average of the means; `columns` is room for `v` and `J v`.
    #[inline(always)]
    fn products(&self, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>, columns: &mut [Lanes]) {
        let (v_columns, jvp) = columns.split_at_mut(self.isotropic.dim);
        for (l, row) in v.rows().into_iter().enumerate() {
            for (lanes, v) in v_columns.iter_mut().zip(row) {
                lanes[l] = *v;
            }
        }
        let precision = self.precision(0);
        let mut pull = [0.0; LANES];
        for l in 0..LANES {
            pull[l] = self.alpha[l] * precision[l];
        }
        for (jvp, v) in jvp.iter_mut().zip(v_columns.iter()) {
            for l in 0..LANES {
                jvp[l] = -precision[l] * v[l];
            }
        }
        for &k in &self.active {
            let weight = &self.weights[k];
            let mut along = [0.0; LANES];
            for ((point, mean), v) in self
                .isotropic
                .mean(k)
                .zip(self.score.iter())
                .zip(v_columns.iter())
            {
                for l in 0..LANES {
                    along[l] = (point - mean[l]).mul_add(v[l], along[l]);
                }
            }
            // Not `(α p)²` at once, which may be infinite where a deviation is zero.
            for l in 0..LANES {
                along[l] *= weight[l] * pull[l];
            }
            for ((point, mean), jvp) in self.isotropic.mean(k).zip(self.score.iter()).zip(jvp.iter_mut()) {
                for l in 0..LANES {
                    jvp[l] = along[l].mul_add(pull[l] * (point - mean[l]), jvp[l]);
                }
            }
        }
        for (l, mut row) in out.rows_mut().into_iter().enumerate() {
            for (out, lanes) in row.iter_mut().zip(jvp.iter()) {
                *out = lanes[l];
            }
        }
    }

    /// `Σ_k r_k (μ_k − m)(μ_k − m)ᵀ`, after the average of the means.
    fn covariances(&self, mut out: ArrayViewMut3<f64>) {
        let mut deviation = vec![0.0; self.isotropic.dim];
        out.fill(0.0);
        for (l, mut out) in out.outer_iter_mut().enumerate() {
            for &k in &self.active {
                let weight = self.weights[k][l];
                // A weight that is no number has to be seen.
                if weight == 0.0 {
                    continue;
                }
                for ((deviation, point), mean) in
                    (deviation.iter_mut().zip(self.isotropic.mean(k))).zip(self.score.iter())
                {
                    *deviation = point - mean[l];
                }
                for i in 0..deviation.len() {
                    for j in 0..=i {
                        out[(i, j)] += weight * deviation[i] * deviation[j];
                    }
                }
            }
            for i in 0..deviation.len() {
                for j in 0..i {
                    out[(j, i)] = out[(i, j)];
                }
            }
        }
    }
}

//! The density of the noised points: log-density, score, Jacobian, divergence, Hessian.

mod kernels;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::simd::vectorized;
use gibbsian_core::{LinearGaussian, Space, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp};
use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut, ArrayViewMut1, ArrayViewMut2,
    ArrayViewMut3, Axis, Dimension,
};
use rayon::prelude::*;

use super::isotropic::{IsotropicChunk, Wanted};
use super::panel::Levels;
use super::{NoisedMixture, Spectral};
use crate::mixture::evaluation::{CHUNK_ROWS, assert_columns, assert_rows};
use kernels::Chunk;

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
        let chunk = |((x, t), outputs): ((ArrayView2<f64>, ArrayView1<f64>), Outputs)| {
            let (alpha, variance) = self.levels(t);
            let levels = Levels {
                alpha: &alpha,
                variance: &variance,
            };
            self.spectral.evaluate(x, levels, outputs);
        };
        // A solver's blocks are small and many: they are parallel already.
        if chunks.len() == 1 {
            chunks.into_iter().for_each(chunk);
        } else {
            chunks.into_par_iter().for_each(chunk);
        }
    }
}

impl Spectral {
    fn evaluate(&self, x: ArrayView2<f64>, levels: Levels, outputs: Outputs) {
        match &self.isotropic {
            Some(isotropic) if outputs.are_simple() => vectorized(IsotropicChunk {
                log_scales: self.log_scales.as_slice().expect("one contiguous dimension"),
                isotropic,
                x,
                levels,
                wanted: Wanted {
                    log_density: outputs.log_density,
                    score: outputs.score,
                    divergence: outputs.divergence,
                },
            }),
            _ => vectorized(Chunk {
                model: self,
                x,
                levels,
                outputs,
            }),
        }
    }
}

/// `E(x, t) = −log p_t(x)`, so that the normaliser is one at every time.
impl<P: LinearGaussian> TimeEnergy for NoisedMixture<P> {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        self.log_density_at_into(x, t, out.view_mut());
        out.mapv_inplace(|log_density| -log_density);
    }
}

impl<P: LinearGaussian> TimePotential for NoisedMixture<P> {
    fn energy_and_score_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim(), x, &energy);
        assert_rows(x, &score, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                log_density: Some(energy.view_mut()),
                score: Some(score),
                ..Outputs::default()
            },
        );
        energy.mapv_inplace(|log_density| -log_density);
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

    fn score_and_divergence_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        score: ArrayViewMut2<f64>,
        divergence: ArrayViewMut1<f64>,
    ) {
        assert_rows(x, &score, self.dim());
        assert_energy_shapes(self.dim(), x, &divergence);
        self.evaluate(
            x,
            t,
            Outputs {
                score: Some(score),
                divergence: Some(divergence),
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
    /// Whether nothing is wanted but log-densities, scores and divergences.
    fn are_simple(&self) -> bool {
        self.responsibilities.is_none()
            && self.v.is_none()
            && self.jvp.is_none()
            && self.hessian.is_none()
            && self.posterior_mean.is_none()
            && self.posterior_covariance.is_none()
    }

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

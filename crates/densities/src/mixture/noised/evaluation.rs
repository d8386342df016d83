//! The density of the noised points: log-density, score, Jacobian, divergence, Hessian.

mod kernels;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::parallel::map_each;
use gibbsian_core::simd::vectorized;
use gibbsian_core::{LinearGaussian, Space, TimeEnergy, TimePotential, TimeScore, TimeScoreJvp};
use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis,
};

use super::density::noised_density;
use super::isotropic::{IsotropicChunk, Wanted};
use super::panel::Levels;
use super::{NoisedMixture, Spectral, levels};
use crate::mixture::evaluation::{CHUNK_ROWS, assert_columns, assert_rows, split_rows};
use kernels::Chunk;

impl<P: LinearGaussian> NoisedMixture<P> {
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

    /// Fills the outputs.
    #[track_caller]
    pub(super) fn evaluate(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, outputs: Outputs) {
        for_each_chunk(self.dim(), x, t, outputs, |x, t, outputs| {
            let (alpha, variance) = levels(&self.process, t);
            let levels = Levels {
                alpha: &alpha,
                variance: &variance,
            };
            self.spectral.evaluate(x, levels, outputs);
        });
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

noised_density!(NoisedMixture);

/// Gives `f` the rows of a chunk, their times and what is to be filled for them, chunk after chunk, several in parallel.
#[track_caller]
pub(super) fn for_each_chunk(
    dim: usize,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    outputs: Outputs,
    f: impl Fn(ArrayView2<f64>, ArrayView1<f64>, Outputs) + Sync,
) {
    assert_columns(x, dim);
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
    map_each(chunks, |_, ((x, t), outputs)| f(x, t, outputs));
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
    pub(super) fn are_simple(&self) -> bool {
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

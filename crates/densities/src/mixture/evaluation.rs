//! Log-density, score and responsibilities at the rows of a batch.
//!
//! One pass gives all three: the rows are cut into fixed chunks, chunks into panels, and each panel writes whatever was asked for.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::parallel::map_each;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Density, Energy, Potential, Score, Space};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::Rng;

use super::GaussianMixture;
use super::panel::{Panel, store};
use super::triangular::LANES;

/// The rows of a chunk, which one task evaluates.
pub(super) const CHUNK_ROWS: usize = 32 * LANES;

impl GaussianMixture {
    /// Writes `log p(x_b)` into `log_density` `(B)` and `∇ log p(x_b)` into `score` `(B, D)`, in one pass over the rows of `x` `(B, D)`.
    ///
    /// It costs hardly more than the score alone.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_density_and_score_into(
        &self,
        x: ArrayView2<f64>,
        log_density: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim(), x, &log_density);
        assert_rows(x, &score, self.dim());
        self.evaluate(
            x,
            Outputs {
                log_density: Some(log_density),
                score: Some(score),
                ..Outputs::default()
            },
        );
    }

    /// [`log_density_and_score_into`](Self::log_density_and_score_into) new arrays `(B)` and `(B, D)`.
    pub fn log_density_and_score(&self, x: ArrayView2<f64>) -> (Array1<f64>, Array2<f64>) {
        let (mut log_density, mut score) = (Array1::zeros(x.nrows()), Array2::zeros(x.raw_dim()));
        self.log_density_and_score_into(x, log_density.view_mut(), score.view_mut());
        (log_density, score)
    }

    /// Writes the responsibilities `r_k(x_b) = p(k | x_b)` into `out` `(B, K)`.
    ///
    /// One below 10⁻²⁸⁹ is zero. They are NaN for a row that is not finite, and for one so far away that every component's density is zero in double
    /// precision on the logarithmic scale too, at some 10¹⁵⁴ standard deviations.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn posterior_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_columns(x, self.dim());
        assert_rows(x, &out, self.n_components());
        self.evaluate(
            x,
            Outputs {
                responsibilities: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// The responsibilities of all rows, in a new array `(B, K)`; see [`posterior_into`](Self::posterior_into).
    pub fn posterior(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.n_components()));
        self.posterior_into(x, out.view_mut());
        out
    }

    /// Writes `log p(k | x_b) = log w_k N_k(x_b) − log p(x_b)` into `out` `(B, K)`: finite where the probability itself has underflowed to zero.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn log_posterior_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_columns(x, self.dim());
        assert_rows(x, &out, self.n_components());
        self.evaluate(
            x,
            Outputs {
                log_responsibilities: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// The logarithms of the responsibilities, in a new array `(B, K)`; see [`log_posterior_into`](Self::log_posterior_into).
    pub fn log_posterior(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.n_components()));
        self.log_posterior_into(x, out.view_mut());
        out
    }

    /// The component with the largest responsibility for each row, the first of equal ones; `None` where responsibilities are NaN.
    pub fn most_likely_component(&self, x: ArrayView2<f64>) -> Vec<Option<usize>> {
        // Logarithms, because far from all components two of them may both round to one or to zero.
        let log_posterior = self.log_posterior(x);
        let first_largest = |row: ndarray::ArrayView1<f64>| {
            let mut best: Option<usize> = None;
            for (k, &value) in row.indexed_iter() {
                if value.is_nan() {
                    return None;
                }
                if best.is_none_or(|best| value > row[best]) {
                    best = Some(k);
                }
            }
            best
        };
        log_posterior.rows().into_iter().map(first_largest).collect()
    }

    /// Fills the panel with the responsibilities of at most its width of rows and returns `Σ_b log p(x_b)`, on the calling thread: the E-step of
    /// one task.
    pub(super) fn expect(&self, rows: ArrayView2<f64>, panel: &mut Panel) -> f64 {
        vectorized(Expectation {
            mixture: self,
            rows,
            panel,
        })
    }

    /// Fills the outputs chunk by chunk, several chunks in parallel.
    fn evaluate(&self, x: ArrayView2<f64>, outputs: Outputs) {
        let chunks = x.axis_chunks_iter(Axis(0), CHUNK_ROWS).zip(outputs.chunks());
        let chunks: Vec<_> = chunks
            .map(|(x, outputs)| Chunk {
                mixture: self,
                x,
                outputs,
            })
            .collect();
        map_each(chunks, |_, chunk| vectorized(chunk));
    }
}

impl Space for GaussianMixture {
    fn dim(&self) -> usize {
        self.means.ncols()
    }
}

impl Energy for GaussianMixture {
    /// `E(x) = −log p(x)`: a sum of several exponentials has no kernel that were more natural without its normaliser.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.log_density_into(x, out.view_mut());
        out.mapv_inplace(|log_density| -log_density);
    }
}

impl Density for GaussianMixture {
    /// Zero, exactly: the energy is that of the normalised density.
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.sample_with_labels(n, rng).0
    }

    fn log_density_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.evaluate(
            x,
            Outputs {
                log_density: Some(out),
                ..Outputs::default()
            },
        );
    }
}

impl Score for GaussianMixture {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_columns(x, self.dim());
        assert_rows(x, &out, self.dim());
        self.evaluate(
            x,
            Outputs {
                score: Some(out),
                ..Outputs::default()
            },
        );
    }
}

impl Potential for GaussianMixture {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.log_density_and_score_into(x, energy.view_mut(), score);
        energy.mapv_inplace(|log_density| -log_density);
    }
}

/// What is to be written of each row.
#[derive(Default)]
struct Outputs<'a> {
    log_density: Option<ArrayViewMut1<'a, f64>>,
    score: Option<ArrayViewMut2<'a, f64>>,
    responsibilities: Option<ArrayViewMut2<'a, f64>>,
    log_responsibilities: Option<ArrayViewMut2<'a, f64>>,
}

impl<'a> Outputs<'a> {
    /// The outputs of each chunk of rows, without end.
    fn chunks(self) -> impl Iterator<Item = Outputs<'a>> {
        let mut rest = self;
        std::iter::from_fn(move || {
            Some(Outputs {
                log_density: split_rows(&mut rest.log_density),
                score: split_rows(&mut rest.score),
                responsibilities: split_rows(&mut rest.responsibilities),
                log_responsibilities: split_rows(&mut rest.log_responsibilities),
            })
        })
    }
}

/// Takes the rows of the next chunk off an output, if it is wanted.
pub(super) fn split_rows<'a, D: ndarray::Dimension>(
    rest: &mut Option<ndarray::ArrayViewMut<'a, f64, D>>,
) -> Option<ndarray::ArrayViewMut<'a, f64, D>> {
    let all = rest.take()?;
    let n = all.len_of(Axis(0)).min(CHUNK_ROWS);
    let (chunk, others) = all.split_at(Axis(0), n);
    *rest = Some(others);
    Some(chunk)
}

/// One task: some rows and what is wanted of them. Returns `Σ_b log p(x_b)`.
struct Chunk<'a, 'out> {
    mixture: &'a GaussianMixture,
    x: ArrayView2<'a, f64>,
    outputs: Outputs<'out>,
}

impl Vectorized for Chunk<'_, '_> {
    type Output = f64;

    #[inline(always)]
    fn run(mut self) -> f64 {
        let n_rows = self.x.nrows();
        let mut panel = Panel::new(self.mixture, n_rows);
        let width = panel.width;
        let mut sum = 0.0;
        for start in (0..n_rows).step_by(width) {
            let rows = start..n_rows.min(start + width);
            panel.evaluate(self.mixture, self.x.slice(s![rows.clone(), ..]));
            let log_density = &panel.log_density[..rows.len()];
            sum += log_density.iter().sum::<f64>();
            if let Some(out) = &mut self.outputs.log_density {
                for (out, value) in out.slice_mut(s![rows.clone()]).iter_mut().zip(log_density) {
                    *out = *value;
                }
            }
            if let Some(out) = &mut self.outputs.responsibilities {
                store(
                    &panel.responsibilities,
                    width,
                    out.slice_mut(s![rows.clone(), ..]),
                );
            }
            if let Some(out) = &mut self.outputs.log_responsibilities {
                panel.subtract_log_density();
                store(&panel.log_joint, width, out.slice_mut(s![rows.clone(), ..]));
            }
            if let Some(out) = &mut self.outputs.score {
                panel.score(self.mixture);
                store(&panel.score, width, out.slice_mut(s![rows, ..]));
            }
        }
        sum
    }
}

/// The responsibilities of some rows.
struct Expectation<'a, 'out> {
    mixture: &'a GaussianMixture,
    rows: ArrayView2<'a, f64>,
    panel: &'out mut Panel,
}

impl Vectorized for Expectation<'_, '_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        self.panel.evaluate(self.mixture, self.rows);
        self.panel.log_density[..self.rows.nrows()].iter().sum()
    }
}

/// Panics unless `x` has `dim` columns.
#[track_caller]
pub(super) fn assert_columns(x: ArrayView2<f64>, dim: usize) {
    assert!(
        x.ncols() == dim,
        "x has shape {:?}, but a space of dimension {dim} needs (B, {dim})",
        x.shape(),
    );
}

/// Panics unless `out` has a row of `width` for each row of `x`.
#[track_caller]
pub(super) fn assert_rows(x: ArrayView2<f64>, out: &ArrayViewMut2<f64>, width: usize) {
    assert!(
        out.dim() == (x.nrows(), width),
        "the output has shape {:?}, but x of shape {:?} needs ({}, {width})",
        out.shape(),
        x.shape(),
        x.nrows(),
    );
}

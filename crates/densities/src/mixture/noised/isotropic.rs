//! Components whose covariances are multiples of the identity: the mixtures that samplers are tried on.
//!
//! With `Σ_k = λ_k I` nothing is rotated, and each point has one precision a component, `1/(α² λ_k + σ²)`, instead of `D`. What is left is
//! `x − α μ_k`, its square, and a weighted sum of it: two fused operations a number each. Thirty-two points are evaluated at once, each at its own level of noise, in
//! loops of fixed length, so that sums stay in registers.
//!
//! Where all `λ_k` are equal, determinants drop out of the responsibilities.

use gibbsian_core::simd::{Vectorized, exp_lanes};
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use super::panel::Levels;
use crate::mixture::GaussianMixture;
use crate::mixture::panel::NEGLIGIBLE;
use crate::mixture::triangular::LANES;

/// A number for each point of a panel.
type Lanes = [f64; LANES];

/// What can be asked of isotropic components.
pub(super) struct Wanted<'a> {
    pub(super) log_density: Option<ArrayViewMut1<'a, f64>>,
    pub(super) score: Option<ArrayViewMut2<'a, f64>>,
    pub(super) divergence: Option<ArrayViewMut1<'a, f64>>,
}

/// The variances `λ_k`, and whether they are the same.
#[derive(Clone, Debug)]
pub(super) struct Isotropic {
    variances: Vec<f64>,
    equal: bool,
}

impl Isotropic {
    /// Of components with these variances.
    pub(super) fn new(variances: Vec<f64>) -> Self {
        Isotropic {
            equal: variances.iter().all(|v| *v == variances[0]),
            variances,
        }
    }
}

/// One task: some rows, their levels of noise, and what is wanted of them.
pub(super) struct IsotropicChunk<'a, 'out> {
    pub(super) mixture: &'a GaussianMixture,
    /// `log w_k − ½ D log 2π`.
    pub(super) log_scales: &'a [f64],
    pub(super) isotropic: &'a Isotropic,
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) levels: Levels<'a>,
    pub(super) wanted: Wanted<'out>,
}

/// Thirty-two points and what is known of them, in memory that is allocated in one piece.
struct Panel<'m> {
    alpha: Lanes,
    variance: Lanes,
    /// `(D)` coordinates.
    x: &'m mut [Lanes],
    score: &'m mut [Lanes],
    /// `(K)`: `1/(α² λ_k + σ²)`, one for all where the variances are equal.
    precisions: &'m mut [Lanes],
    /// `(K)`: `ℓ_k`, then `r_k`.
    weights: &'m mut [Lanes],
    /// `(K)`: `r_k p_k`.
    pulls: &'m mut [Lanes],
    log_density: Lanes,
}

impl Vectorized for IsotropicChunk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (n_components, dim) = self.mixture.means.dim();
        let n_precisions = if self.isotropic.equal { 1 } else { n_components };
        let mut memory = vec![[0.0; LANES]; 2 * dim + n_precisions + 2 * n_components];
        let (x, rest) = memory.split_at_mut(dim);
        let (score, rest) = rest.split_at_mut(dim);
        let (precisions, rest) = rest.split_at_mut(n_precisions);
        let (weights, pulls) = rest.split_at_mut(n_components);
        let mut panel = Panel {
            alpha: [1.0; LANES],
            variance: [0.0; LANES],
            x,
            score,
            precisions,
            weights,
            pulls,
            log_density: [0.0; LANES],
        };
        let means = self.mixture.means.as_standard_layout();
        let means = means.as_slice().expect("standard layout");
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            panel.take(self.x.slice(s![rows.clone(), ..]), self.levels.rows(rows.clone()));
            let whole = self.wanted.log_density.is_some();
            panel.join(means, self.log_scales, self.isotropic, whole);
            panel.normalise(whole);
            if let Some(out) = &mut self.wanted.log_density {
                for (out, value) in out.slice_mut(s![rows.clone()]).iter_mut().zip(panel.log_density) {
                    *out = value;
                }
            }
            if self.wanted.score.is_some() || self.wanted.divergence.is_some() {
                panel.add_up(means);
            }
            if let Some(out) = &mut self.wanted.score {
                panel.store(out.slice_mut(s![rows.clone(), ..]));
            }
            if let Some(out) = &mut self.wanted.divergence {
                let divergence = panel.divergence(means);
                for (out, value) in out.slice_mut(s![rows]).iter_mut().zip(divergence) {
                    *out = value;
                }
            }
        }
    }
}

impl Panel<'_> {
    /// Reads rows as columns; the columns that are left over repeat the first row.
    #[inline(always)]
    fn take(&mut self, rows: ArrayView2<f64>, levels: Levels) {
        let (n, dim) = rows.dim();
        self.alpha[..n].copy_from_slice(levels.alpha);
        self.alpha[n..].fill(levels.alpha[0]);
        self.variance[..n].copy_from_slice(levels.variance);
        self.variance[n..].fill(levels.variance[0]);
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("standard layout");
        for (l, row) in rows.chunks_exact(dim).enumerate() {
            for (lanes, x) in self.x.iter_mut().zip(row) {
                lanes[l] = *x;
            }
        }
        for (lanes, x) in self.x.iter_mut().zip(rows) {
            lanes[n..].fill(*x);
        }
    }

    /// Writes the scores into rows.
    #[inline(always)]
    fn store(&self, mut rows: ArrayViewMut2<f64>) {
        let dim = self.score.len();
        match rows.as_slice_mut() {
            Some(rows) => {
                for (l, row) in rows.chunks_exact_mut(dim).enumerate() {
                    for (out, lanes) in row.iter_mut().zip(self.score.iter()) {
                        *out = lanes[l];
                    }
                }
            }
            None => {
                for (l, row) in rows.rows_mut().into_iter().enumerate() {
                    for (out, lanes) in row.into_iter().zip(self.score.iter()) {
                        *out = lanes[l];
                    }
                }
            }
        }
    }

    /// `ℓ_k` of all components, without what they have in common unless the log-density is wanted.
    #[inline(always)]
    fn join(&mut self, means: &[f64], log_scales: &[f64], isotropic: &Isotropic, whole: bool) {
        let dim = self.x.len();
        let mut log_determinant = [0.0; LANES];
        for (k, (mean, lanes)) in means.chunks_exact(dim).zip(self.weights.iter_mut()).enumerate() {
            if k == 0 || !isotropic.equal {
                let variance = isotropic.variances[k];
                let mut spread = [0.0; LANES];
                for l in 0..LANES {
                    spread[l] = self.alpha[l] * self.alpha[l] * variance + self.variance[l];
                }
                self.precisions[k] = spread.map(|spread| 1.0 / spread);
                if whole || !isotropic.equal {
                    log_determinants(dim, &spread, &mut log_determinant);
                }
            }
            let precision = &self.precisions[if isotropic.equal { 0 } else { k }];
            let mut square = [0.0; LANES];
            for (x, &mean) in self.x.iter().zip(mean) {
                for l in 0..LANES {
                    let deviation = (-mean).mul_add(self.alpha[l], x[l]);
                    square[l] = deviation.mul_add(deviation, square[l]);
                }
            }
            for l in 0..LANES {
                lanes[l] = log_scales[k] - 0.5 * log_determinant[l] - 0.5 * (square[l] * precision[l]);
            }
        }
    }

    /// Turns `ℓ_k` into `r_k`, and into `log p` if that is wanted. The largest contributes exactly one to the sum, so that nothing overflows or underflows.
    #[inline(always)]
    fn normalise(&mut self, whole: bool) {
        let mut largest = [f64::NEG_INFINITY; LANES];
        for lanes in self.weights.iter() {
            for l in 0..LANES {
                largest[l] = if lanes[l] > largest[l] {
                    lanes[l]
                } else {
                    largest[l]
                };
            }
        }
        let mut total = [0.0; LANES];
        for lanes in self.weights.iter_mut() {
            for l in 0..LANES {
                let difference = lanes[l] - largest[l];
                lanes[l] = if difference < NEGLIGIBLE.0 {
                    NEGLIGIBLE.0
                } else {
                    difference
                };
            }
            exp_lanes(lanes);
            for l in 0..LANES {
                lanes[l] = if lanes[l] < NEGLIGIBLE.1 { 0.0 } else { lanes[l] };
                total[l] += lanes[l];
            }
        }
        let inverse = total.map(|total| 1.0 / total);
        for lanes in self.weights.iter_mut() {
            for l in 0..LANES {
                lanes[l] *= inverse[l];
            }
        }
        if whole {
            for l in 0..LANES {
                self.log_density[l] = if largest[l] > f64::NEG_INFINITY {
                    largest[l] + total[l].ln()
                } else if self.is_no_point(l) {
                    f64::NAN
                } else {
                    f64::NEG_INFINITY
                };
            }
        }
    }

    /// Whether a coordinate or the level of a column is NaN.
    fn is_no_point(&self, l: usize) -> bool {
        self.alpha[l].is_nan() || self.variance[l].is_nan() || self.x.iter().any(|lanes| lanes[l].is_nan())
    }

    /// The score `s = Σ_k r_k p_k (α μ_k − x) = α Σ_k r_k p_k μ_k − x Σ_k r_k p_k`: one fused operation a number. The difference has no terms but those that each deviation has.
    #[inline(always)]
    fn add_up(&mut self, means: &[f64]) {
        let dim = self.x.len();
        let mut total = [0.0; LANES];
        for (k, (pull, weight)) in self.pulls.iter_mut().zip(self.weights.iter()).enumerate() {
            let precision = &self.precisions[k.min(self.precisions.len() - 1)];
            for l in 0..LANES {
                pull[l] = weight[l] * precision[l];
                total[l] += pull[l];
            }
        }
        for (i, (score, x)) in self.score.iter_mut().zip(self.x.iter()).enumerate() {
            let mut sum = [0.0; LANES];
            for (pull, &mean) in self.pulls.iter().zip(means[i..].iter().step_by(dim)) {
                for l in 0..LANES {
                    sum[l] = pull[l].mul_add(mean, sum[l]);
                }
            }
            for l in 0..LANES {
                score[l] = self.alpha[l].mul_add(sum[l], -(x[l] * total[l]));
            }
        }
    }

    /// `tr J = Σ_k r_k (‖s_k − s‖² − D p_k)`, after the score.
    #[inline(always)]
    fn divergence(&self, means: &[f64]) -> Lanes {
        let dim = self.x.len();
        let mut divergence = [0.0; LANES];
        for (k, (mean, weight)) in means.chunks_exact(dim).zip(self.weights.iter()).enumerate() {
            let precision = self.precision(k);
            let mut square = [0.0; LANES];
            for ((x, score), &mean) in self.x.iter().zip(self.score.iter()).zip(mean) {
                for l in 0..LANES {
                    let towards = mean.mul_add(self.alpha[l], -x[l]);
                    let differs = towards.mul_add(precision[l], -score[l]);
                    square[l] = differs.mul_add(differs, square[l]);
                }
            }
            for l in 0..LANES {
                divergence[l] += weight[l] * (square[l] - dim as f64 * precision[l]);
            }
        }
        divergence
    }

    #[inline(always)]
    fn precision(&self, component: usize) -> &Lanes {
        &self.precisions[component.min(self.precisions.len() - 1)]
    }
}

/// `D log (α² λ + σ²)`, with one logarithm for neighbours of one level.
fn log_determinants(dim: usize, spread: &Lanes, out: &mut Lanes) {
    let mut last = (f64::NAN, f64::NAN);
    for (out, &spread) in out.iter_mut().zip(spread) {
        if spread != last.0 {
            last = (spread, spread.ln());
        }
        *out = dim as f64 * last.1;
    }
}

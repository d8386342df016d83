//! Thirty-two points under isotropic components.

use gibbsian_core::simd::exp_lanes;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Isotropic;
use super::tiles::{Lanes, TILE, columns, squares, store_rows, weighted_sums};
use crate::mixture::noised::panel::Levels;
use crate::mixture::panel::NEGLIGIBLE;
use crate::mixture::triangular::{LANES, split_off};

/// Thirty-two points and what is known of them, in memory that is allocated in one piece.
pub(super) struct Panel<'m> {
    pub(super) isotropic: &'m Isotropic,
    pub(super) alpha: Lanes,
    variance: Lanes,
    /// `(D)` coordinates.
    x: &'m mut [Lanes],
    pub(super) score: &'m mut [Lanes],
    /// `(K)`: `1/(α² λ_k + σ²)`, one for all where the variances are equal.
    precisions: &'m mut [Lanes],
    /// `(K)`: `log w_k − ½ log |2π C_k|`, without what the components have in common unless the log-density is wanted.
    scales: &'m mut [Lanes],
    /// `(K)`: `ℓ_k`, then `r_k`.
    pub(super) weights: &'m mut [Lanes],
    /// The components that have a share in one of the points.
    pub(super) active: Vec<usize>,
    /// `r_k p_k` of these.
    pulls: &'m mut [Lanes],
    log_density: Lanes,
}

impl<'m> Panel<'m> {
    /// What a panel of these components needs.
    pub(super) fn memory(isotropic: &Isotropic) -> Vec<Lanes> {
        let n_components = isotropic.variances.len();
        vec![[0.0; LANES]; 2 * isotropic.dim + isotropic.n_precisions() + 3 * n_components]
    }

    /// A panel in this memory, with no points yet.
    pub(super) fn new(isotropic: &'m Isotropic, memory: &'m mut [Lanes]) -> Self {
        let n_components = isotropic.variances.len();
        let (x, rest) = memory.split_at_mut(isotropic.dim);
        let (score, rest) = rest.split_at_mut(isotropic.dim);
        let (precisions, rest) = rest.split_at_mut(isotropic.n_precisions());
        let (scales, rest) = rest.split_at_mut(n_components);
        let (weights, pulls) = rest.split_at_mut(n_components);
        Panel {
            isotropic,
            // No level yet.
            alpha: [f64::NAN; LANES],
            variance: [f64::NAN; LANES],
            x,
            score,
            precisions,
            scales,
            weights,
            active: Vec::with_capacity(n_components),
            pulls,
            log_density: [0.0; LANES],
        }
    }

    /// `log p` of the points, if [`Panel::normalise`] was asked for it.
    pub(super) fn log_density(&self) -> &Lanes {
        &self.log_density
    }

    /// Reads rows as columns; the columns that are left over repeat the first row.
    #[inline(always)]
    pub(super) fn take(&mut self, rows: ArrayView2<f64>) {
        let (n, dim) = rows.dim();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("standard layout");
        match (n, dim) {
            (LANES, 2) => columns::<2>(rows, self.x),
            (LANES, 3) => columns::<3>(rows, self.x),
            _ => {
                for (l, row) in rows.chunks_exact(dim).enumerate() {
                    for (lanes, x) in self.x.iter_mut().zip(row) {
                        lanes[l] = *x;
                    }
                }
                for (lanes, x) in self.x.iter_mut().zip(rows) {
                    lanes[n..].fill(*x);
                }
            }
        }
    }

    /// What depends on the noise alone, unless the last panel had the same.
    #[inline(always)]
    pub(super) fn set_levels(&mut self, levels: Levels, log_scales: &[f64], whole: bool) {
        let n = levels.alpha.len();
        let (mut alpha, mut variance) = ([levels.alpha[0]; LANES], [levels.variance[0]; LANES]);
        alpha[..n].copy_from_slice(levels.alpha);
        variance[..n].copy_from_slice(levels.variance);
        if alpha == self.alpha && variance == self.variance {
            return;
        }
        let is_first = self.alpha[0].is_nan();
        (self.alpha, self.variance) = (alpha, variance);
        let (dim, equal) = (self.isotropic.dim, self.isotropic.equal);
        let mut spread = [0.0; LANES];
        for (precision, lambda) in self.precisions.iter_mut().zip(&self.isotropic.variances) {
            for l in 0..LANES {
                spread[l] = alpha[l] * alpha[l] * lambda + variance[l];
                precision[l] = 1.0 / spread[l];
            }
        }
        if equal && !whole && !is_first {
            return;
        }
        let mut log_determinant = [0.0; LANES];
        for (k, (scales, &log_scale)) in self.scales.iter_mut().zip(log_scales).enumerate() {
            if !equal || (whole && k == 0) {
                let lambda = self.isotropic.variances[k];
                for l in 0..LANES {
                    spread[l] = alpha[l] * alpha[l] * lambda + variance[l];
                }
                log_determinants(dim, &spread, &mut log_determinant);
            }
            for l in 0..LANES {
                scales[l] = log_scale - 0.5 * log_determinant[l];
            }
        }
    }

    /// Writes the scores into rows.
    #[inline(always)]
    pub(super) fn store(&self, mut rows: ArrayViewMut2<f64>) {
        let dim = self.score.len();
        let is_full = rows.nrows() == LANES;
        match rows.as_slice_mut() {
            Some(rows) if is_full && dim == 2 => store_rows::<2>(self.score, rows),
            Some(rows) if is_full && dim == 3 => store_rows::<3>(self.score, rows),
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

    /// `ℓ_k` of all components.
    #[inline(always)]
    pub(super) fn join(&mut self) {
        let (n_components, dim) = (self.weights.len(), self.isotropic.dim);
        let isotropic = self.isotropic;
        let mut tiles = isotropic.of_components.as_slice();
        for first in (0..n_components).step_by(TILE) {
            let rows = TILE.min(n_components - first);
            let tile = split_off(&mut tiles, rows * dim);
            match rows {
                4 => self.join_tile::<4>(first, tile),
                3 => self.join_tile::<3>(first, tile),
                2 => self.join_tile::<2>(first, tile),
                _ => self.join_tile::<1>(first, tile),
            }
        }
    }

    /// `ℓ_k` of `R` components from the first on, `−½ p_k ‖x − α μ_k‖²` and what does not depend on the point.
    #[inline(always)]
    fn join_tile<const R: usize>(&mut self, first: usize, tile: &[f64]) {
        let squares = squares::<R>(tile, &self.alpha, self.x);
        for (r, square) in squares.iter().enumerate() {
            let k = first + r;
            let precision = &self.precisions[k.min(self.precisions.len() - 1)];
            let (scale, weight) = (&self.scales[k], &mut self.weights[k]);
            for l in 0..LANES {
                weight[l] = scale[l] - 0.5 * (square[l] * precision[l]);
            }
        }
    }

    /// Turns `ℓ_k` into `r_k`, and into `log p` if that is wanted. The largest contributes exactly one to the sum, so that nothing overflows or underflows.
    #[inline(always)]
    pub(super) fn normalise(&mut self, whole: bool) {
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
        self.active.clear();
        for (k, lanes) in self.weights.iter_mut().enumerate() {
            for l in 0..LANES {
                let difference = lanes[l] - largest[l];
                lanes[l] = if difference < NEGLIGIBLE.0 {
                    NEGLIGIBLE.0
                } else {
                    difference
                };
            }
            // Written so that a NaN has a share.
            if lanes.iter().all(|l| *l <= NEGLIGIBLE.0) {
                *lanes = [0.0; LANES];
                continue;
            }
            self.active.push(k);
            exp_lanes(lanes);
            for l in 0..LANES {
                lanes[l] = if lanes[l] < NEGLIGIBLE.1 { 0.0 } else { lanes[l] };
                total[l] += lanes[l];
            }
        }
        let inverse = total.map(|total| 1.0 / total);
        for &k in &self.active {
            let weight = &mut self.weights[k];
            for l in 0..LANES {
                weight[l] *= inverse[l];
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
    pub(super) fn add_up(&mut self) {
        let mut total = [0.0; LANES];
        for (&k, pull) in self.active.iter().zip(self.pulls.iter_mut()) {
            let precision = &self.precisions[k.min(self.precisions.len() - 1)];
            let weight = &self.weights[k];
            for l in 0..LANES {
                pull[l] = weight[l] * precision[l];
                total[l] += pull[l];
            }
        }
        let alpha = self.alpha;
        self.sum_means(&alpha, &total);
    }

    /// The mean `Σ_k r_k μ_k` of the means of the components, in the place of the score.
    #[inline(always)]
    pub(super) fn average_means(&mut self) {
        for (&k, pull) in self.active.iter().zip(self.pulls.iter_mut()) {
            *pull = self.weights[k];
        }
        self.sum_means(&[1.0; LANES], &[0.0; LANES]);
    }

    /// `scale Σ_k pull_k μ_k − total x`, in the place of the score.
    #[inline(always)]
    fn sum_means(&mut self, scale: &Lanes, total: &Lanes) {
        let (n_components, dim) = (self.weights.len(), self.isotropic.dim);
        let isotropic = self.isotropic;
        let mut tiles = isotropic.of_coordinates.as_slice();
        for first in (0..dim).step_by(TILE) {
            let rows = TILE.min(dim - first);
            let tile = split_off(&mut tiles, rows * n_components);
            match rows {
                4 => self.sum_tile::<4>(first, tile, scale, total),
                3 => self.sum_tile::<3>(first, tile, scale, total),
                2 => self.sum_tile::<2>(first, tile, scale, total),
                _ => self.sum_tile::<1>(first, tile, scale, total),
            }
        }
    }

    /// `R` coordinates of it from the first on.
    #[inline(always)]
    fn sum_tile<const R: usize>(&mut self, first: usize, tile: &[f64], scale: &Lanes, total: &Lanes) {
        let sums = weighted_sums::<R>(&self.active, tile, self.pulls);
        for (r, sum) in sums.iter().enumerate() {
            let (score, x) = (&mut self.score[first + r], &self.x[first + r]);
            for l in 0..LANES {
                score[l] = scale[l].mul_add(sum[l], -(x[l] * total[l]));
            }
        }
    }

    /// `tr J = Σ_k r_k (‖s_k − s‖² − D p_k)`, after the score.
    #[inline(always)]
    pub(super) fn divergence(&self) -> Lanes {
        let dim = self.isotropic.dim;
        let mut divergence = [0.0; LANES];
        for &k in &self.active {
            let (precision, weight) = (self.precision(k), &self.weights[k]);
            let mut square = [0.0; LANES];
            for ((x, score), mean) in self.x.iter().zip(self.score.iter()).zip(self.isotropic.mean(k)) {
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
    pub(super) fn precision(&self, component: usize) -> &Lanes {
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

//! The mixture at a panel of points: everything that is evaluated comes from here.
//!
//! For each component the panel holds the whitened deviation `y_k = W_k (x − μ_k)` and the joint log-density `ℓ_k = log w_k N_k(x)`, and from
//! these the responsibilities `r_k = exp(ℓ_k − max ℓ) / Σ_j exp(ℓ_j − max ℓ)`. The component with the largest `ℓ` contributes exactly 1 to
//! the sum, so that neither overflow nor underflow reaches the result, however far out the point lies.
//!
//! All arrays have a row for each coordinate or component and a column for each point. That the width of a panel is known at run time only is on
//! purpose: the compiler then vectorises the loops along the points, not across the rows by gathering.

use gibbsian_core::simd::exp_lanes;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::GaussianMixture;
use super::triangular::LANES;

/// Buffers for one panel of one mixture.
pub(super) struct Panel {
    /// The number of points.
    pub(super) width: usize,
    /// The coordinates `(D, width)`.
    pub(super) x: Vec<f64>,
    /// `x − μ_k` of one component `(D, width)`.
    pub(super) deviation: Vec<f64>,
    /// Zero for finite points, NaN for the others `(width)`.
    blot: Vec<f64>,
    /// `y_k`, `(K, D, width)`.
    pub(super) whitened: Vec<f64>,
    /// `ℓ_k`, `(K, width)`.
    pub(super) log_joint: Vec<f64>,
    largest: Vec<f64>,
    total: Vec<f64>,
    /// `r_k`, `(K, width)`.
    pub(super) responsibilities: Vec<f64>,
    /// `log p(x)`, `(width)`.
    pub(super) log_density: Vec<f64>,
    /// `∇ log p(x)`, `(D, width)`.
    pub(super) score: Vec<f64>,
}

/// The numbers `y_k` of a panel that stay in a core's second-level cache.
const WHITENED: usize = 1 << 14;

/// The logarithm below which a responsibility counts as zero, and a number between its exponential and the least that counts.
///
/// The least is 10⁻²⁸⁹. Smaller ones would be subnormal, or their products with whitened deviations would be, and processors take a hundred times
/// longer for those.
pub(super) const NEGLIGIBLE: (f64, f64) = (-666.0, 1e-289);

/// The widest panel; more points share the cost of a call no further.
const WIDEST: usize = 8 * LANES;

impl Panel {
    /// Buffers for as many of `n_rows` points as should be evaluated together.
    pub(super) fn new(mixture: &GaussianMixture, n_rows: usize) -> Self {
        Panel::of_shape(mixture.means.dim(), n_rows)
    }

    /// [`new`](Self::new) for mixtures of `n_components` in `dim` dimensions.
    pub(super) fn of_shape((n_components, dim): (usize, usize), n_rows: usize) -> Self {
        let width = (WHITENED / (n_components * dim))
            .clamp(LANES, WIDEST)
            .min(n_rows.max(1).next_multiple_of(LANES));
        let width = width - width % LANES;
        let rows = |n: usize| vec![0.0; n * width];
        Panel {
            width,
            x: rows(dim),
            deviation: rows(dim),
            blot: rows(1),
            whitened: rows(n_components * dim),
            log_joint: rows(n_components),
            largest: rows(1),
            total: rows(1),
            responsibilities: rows(n_components),
            log_density: rows(1),
            score: rows(dim),
        }
    }

    /// Gives each point wholly to one component.
    pub(super) fn assign(&mut self, groups: &[usize]) {
        self.responsibilities.fill(0.0);
        for (point, &component) in groups.iter().enumerate() {
            self.responsibilities[component * self.width + point] = 1.0;
        }
    }

    /// `r_k` of the panel `(width)`.
    #[inline(always)]
    pub(super) fn responsibility(&self, component: usize) -> &[f64] {
        &self.responsibilities[component * self.width..][..self.width]
    }

    /// `y_k` of the panel `(D, width)`.
    #[inline(always)]
    pub(super) fn whitened(&self, component: usize) -> &[f64] {
        let size = self.x.len();
        &self.whitened[component * size..][..size]
    }

    /// Evaluates `y_k`, `ℓ_k`, `r_k` and `log p` at up to `width` rows.
    #[inline(always)]
    pub(super) fn evaluate(&mut self, mixture: &GaussianMixture, rows: ArrayView2<f64>) {
        take(rows, &mut self.x, self.width);
        for k in 0..mixture.n_components() {
            self.whiten(mixture, k);
        }
        self.normalise();
    }

    /// The whitened deviation `y_k` and the joint log-density `ℓ_k` of one component.
    #[inline(always)]
    fn whiten(&mut self, mixture: &GaussianMixture, component: usize) {
        let (width, size) = (self.width, self.x.len());
        let deviations = self.deviation.chunks_exact_mut(width);
        for ((deviation, x), &mean) in deviations
            .zip(self.x.chunks_exact(width))
            .zip(mixture.means.row(component))
        {
            for (deviation, x) in deviation.iter_mut().zip(x) {
                *deviation = x - mean;
            }
        }
        let y = &mut self.whitened[component * size..][..size];
        let squares = &mut self.total;
        mixture.factors.whiten(component, &self.deviation, y, squares);
        let log_scale = mixture.log_scales[component];
        let log_joint = &mut self.log_joint[component * width..][..width];
        for (log_joint, &square) in log_joint.iter_mut().zip(squares.iter()) {
            // Not a number where finite products overflowed: that far away the density is zero.
            let square = if square.is_nan() { f64::INFINITY } else { square };
            *log_joint = log_scale - 0.5 * square;
        }
    }

    /// Turns `ℓ_k` into `log p(x)` and `r_k`.
    #[inline(always)]
    pub(super) fn normalise(&mut self) {
        let width = self.width;
        self.blot.fill(0.0);
        for x in self.x.chunks_exact(width) {
            for (blot, x) in self.blot.iter_mut().zip(x) {
                // Zero for a finite number, NaN for any other.
                *blot += 0.0 * x;
            }
        }
        self.largest.fill(f64::NEG_INFINITY);
        for log_joint in self.log_joint.chunks_exact(width) {
            for (largest, &log_joint) in self.largest.iter_mut().zip(log_joint) {
                *largest = if log_joint > *largest { log_joint } else { *largest };
            }
        }
        let rows = self.responsibilities.chunks_exact_mut(width);
        for (exponents, log_joint) in rows.zip(self.log_joint.chunks_exact(width)) {
            for ((exponent, log_joint), largest) in exponents.iter_mut().zip(log_joint).zip(&self.largest) {
                let difference = log_joint - largest;
                *exponent = if difference < NEGLIGIBLE.0 {
                    NEGLIGIBLE.0
                } else {
                    difference
                };
            }
        }
        for exponents in self.responsibilities.as_chunks_mut::<LANES>().0 {
            exp_lanes(exponents);
            for weight in exponents {
                *weight = if *weight < NEGLIGIBLE.1 { 0.0 } else { *weight };
            }
        }
        self.total.fill(0.0);
        for weights in self.responsibilities.chunks_exact(width) {
            for (total, weight) in self.total.iter_mut().zip(weights) {
                *total += weight;
            }
        }
        for l in 0..width {
            let impossible = self.blot[l].is_nan() || self.largest[l] == f64::NEG_INFINITY;
            self.log_density[l] = if !impossible {
                self.largest[l] + self.total[l].ln()
            } else if self.x.iter().skip(l).step_by(width).any(|x| x.is_nan()) {
                f64::NAN
            } else {
                f64::NEG_INFINITY
            };
        }
        for total in &mut self.total {
            *total = 1.0 / *total;
        }
        for weights in self.responsibilities.chunks_exact_mut(width) {
            for ((weight, inverse), blot) in weights.iter_mut().zip(&self.total).zip(&self.blot) {
                *weight = *weight * inverse + blot;
            }
        }
    }

    /// Turns `ℓ_k` into `log r_k`.
    pub(super) fn subtract_log_density(&mut self) {
        for log_joint in self.log_joint.chunks_exact_mut(self.width) {
            for (log_joint, log_density) in log_joint.iter_mut().zip(&self.log_density) {
                *log_joint -= log_density;
            }
        }
    }

    /// The score `s = −Σ_k W_kᵀ (r_k y_k)`.
    #[inline(always)]
    pub(super) fn score(&mut self, mixture: &GaussianMixture) {
        let (width, size) = (self.width, self.x.len());
        let shared = mixture.factors.is_shared();
        let weighted = &mut self.deviation;
        self.score.fill(0.0);
        weighted.fill(0.0);
        let components = self
            .whitened
            .chunks_exact(size)
            .zip(self.responsibilities.chunks_exact(width));
        for (k, (y, weights)) in components.enumerate() {
            if !shared && weights.iter().all(|&weight| weight == 0.0) {
                continue;
            }
            for (weighted, y) in weighted.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
                for ((weighted, y), weight) in weighted.iter_mut().zip(y).zip(weights) {
                    // One map for all components is applied once, to the sum.
                    let others = if shared { *weighted } else { 0.0 };
                    *weighted = others - weight * y;
                }
            }
            if !shared || k + 1 == mixture.n_components() {
                mixture
                    .factors
                    .add_unwhitened(k, weighted, &mut self.score, width);
            }
        }
    }
}

/// Reads up to `width` rows as columns; the columns that are left over repeat the first row.
#[inline(always)]
pub(super) fn take(rows: ArrayView2<f64>, panel: &mut [f64], width: usize) {
    let (n, dim) = rows.dim();
    let rows = rows.as_standard_layout();
    let rows = rows.as_slice().expect("standard layout");
    // Row by row, because rows come from memory and columns stay in the first-level cache.
    for (point, row) in rows.chunks_exact(dim).enumerate() {
        for (values, x) in panel.chunks_exact_mut(width).zip(row) {
            values[point] = *x;
        }
    }
    for (values, x) in panel.chunks_exact_mut(width).zip(rows) {
        values[n..].fill(*x);
    }
}

/// Writes the coordinates `(D, width)` of a panel into its rows `(at most width, D)`.
#[inline(always)]
pub(super) fn store(panel: &[f64], width: usize, mut rows: ArrayViewMut2<f64>) {
    let dim = rows.ncols();
    if let Some(rows) = rows.as_slice_mut() {
        for (point, row) in rows.chunks_exact_mut(dim).enumerate() {
            for (out, values) in row.iter_mut().zip(panel.chunks_exact(width)) {
                *out = values[point];
            }
        }
        return;
    }
    for (values, column) in panel.chunks_exact(width).zip(rows.columns_mut()) {
        for (out, value) in column.into_iter().zip(values) {
            *out = *value;
        }
    }
}

//! The mixture at a panel of points: everything that is evaluated comes from here.
//!
//! For each component the panel holds the whitened deviation `y_k = W_k (x − μ_k)` and the joint log-density `ℓ_k = log w_k N_k(x)`, and from
//! these the responsibilities `r_k = exp(ℓ_k − max ℓ) / Σ_j exp(ℓ_j − max ℓ)`. The component with the largest `ℓ` contributes exactly 1 to
//! the sum, so that neither overflow nor underflow reaches the result, however far out the point lies.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::GaussianMixture;
use super::triangular::{LANES, Lane};

/// Buffers for one panel of one mixture.
pub(super) struct Panel {
    /// The coordinates `(D)`.
    x: Vec<Lane>,
    delta: Vec<Lane>,
    /// Zero in the lanes of finite points, NaN in the others.
    blot: Lane,
    /// `y_k`, `(K, D)`.
    whitened: Vec<Lane>,
    /// `ℓ_k`, `(K)`.
    pub(super) log_joint: Vec<Lane>,
    /// `r_k`, `(K)`.
    pub(super) responsibilities: Vec<Lane>,
    /// `log p(x)`.
    pub(super) log_density: Lane,
    /// `∇ log p(x)`, `(D)`.
    pub(super) score: Vec<Lane>,
}

impl Panel {
    pub(super) fn new(mixture: &GaussianMixture) -> Self {
        let (n_components, dim) = mixture.means.dim();
        Panel {
            x: lanes(dim),
            delta: lanes(dim),
            blot: [0.0; LANES],
            whitened: lanes(n_components * dim),
            log_joint: lanes(n_components),
            responsibilities: lanes(n_components),
            log_density: [0.0; LANES],
            score: lanes(dim),
        }
    }

    /// `y_k` of the panel `(D)`.
    pub(super) fn whitened(&self, component: usize) -> &[Lane] {
        let dim = self.x.len();
        &self.whitened[component * dim..][..dim]
    }

    /// Takes up to [`LANES`] rows; the lanes that are left over repeat the first.
    #[inline(always)]
    pub(super) fn load(&mut self, rows: ArrayView2<f64>) {
        take(rows, &mut self.x);
        self.blot = [0.0; LANES];
        for x in &self.x {
            for l in 0..LANES {
                // Zero for a finite number, NaN for any other.
                self.blot[l] += 0.0 * x[l];
            }
        }
    }

    /// The whitened deviations `y_k` and the joint log-densities `ℓ_k` of all components.
    #[inline(always)]
    pub(super) fn whiten(&mut self, mixture: &GaussianMixture) {
        let dim = self.x.len();
        for (k, out) in self.log_joint.iter_mut().enumerate() {
            let mean = mixture.means.row(k);
            for ((delta, x), &mean) in self.delta.iter_mut().zip(&self.x).zip(mean) {
                for l in 0..LANES {
                    delta[l] = x[l] - mean;
                }
            }
            let y = &mut self.whitened[k * dim..][..dim];
            mixture.factors.whiten(k, &self.delta, y);
            let mut squares = [0.0; LANES];
            for y in y {
                for l in 0..LANES {
                    squares[l] += y[l] * y[l];
                }
            }
            let log_scale = mixture.log_scales[k];
            for l in 0..LANES {
                // Not a number where finite products overflowed: that far away the density is zero.
                let squares = if squares[l].is_nan() {
                    f64::INFINITY
                } else {
                    squares[l]
                };
                out[l] = log_scale - 0.5 * squares;
            }
        }
    }

    /// Turns `ℓ_k` into `log p(x)` and `r_k`.
    #[inline(always)]
    pub(super) fn normalise(&mut self) {
        let mut largest = [f64::NEG_INFINITY; LANES];
        for log_joint in &self.log_joint {
            for l in 0..LANES {
                largest[l] = if log_joint[l] > largest[l] {
                    log_joint[l]
                } else {
                    largest[l]
                };
            }
        }
        for (exponent, log_joint) in self.responsibilities.iter_mut().zip(&self.log_joint) {
            for l in 0..LANES {
                exponent[l] = log_joint[l] - largest[l];
            }
        }
        for exponent in self.responsibilities.as_flattened_mut() {
            *exponent = exponent.exp();
        }
        let mut total = [0.0; LANES];
        for weight in &self.responsibilities {
            for l in 0..LANES {
                total[l] += weight[l];
            }
        }
        for l in 0..LANES {
            let impossible = self.blot[l].is_nan() || largest[l] == f64::NEG_INFINITY;
            self.log_density[l] = if !impossible {
                largest[l] + total[l].ln()
            } else if self.x.iter().any(|x| x[l].is_nan()) {
                f64::NAN
            } else {
                f64::NEG_INFINITY
            };
        }
        for weight in &mut self.responsibilities {
            for l in 0..LANES {
                weight[l] = weight[l] / total[l] + self.blot[l];
            }
        }
    }

    /// Turns `ℓ_k` into `log r_k`.
    pub(super) fn subtract_log_density(&mut self) {
        for log_joint in &mut self.log_joint {
            for l in 0..LANES {
                log_joint[l] -= self.log_density[l];
            }
        }
    }

    /// The score `s = −Σ_k W_kᵀ (r_k y_k)`. Afterwards the panel holds `r_k y_k` instead of `y_k`.
    #[inline(always)]
    pub(super) fn score(&mut self, mixture: &GaussianMixture) {
        let dim = self.x.len();
        self.score.fill([0.0; LANES]);
        self.delta.fill([0.0; LANES]);
        for (k, weight) in self.responsibilities.iter().enumerate() {
            let y = &mut self.whitened[k * dim..][..dim];
            for y in y.iter_mut() {
                for l in 0..LANES {
                    y[l] *= -weight[l];
                }
            }
            if mixture.factors.is_shared() {
                // One map for all: it is applied once, to the sum.
                for (sum, y) in self.delta.iter_mut().zip(y) {
                    for l in 0..LANES {
                        sum[l] += y[l];
                    }
                }
            } else {
                mixture.factors.add_unwhitened(k, y, &mut self.score);
            }
        }
        if mixture.factors.is_shared() {
            mixture.factors.add_unwhitened(0, &self.delta, &mut self.score);
        }
    }
}

/// Buffers of `n` zeros a lane.
pub(super) fn lanes(n: usize) -> Vec<Lane> {
    vec![[0.0; LANES]; n]
}

/// Reads up to [`LANES`] rows; the lanes that are left over repeat the first row.
#[inline(always)]
pub(super) fn take(rows: ArrayView2<f64>, panel: &mut [Lane]) {
    for (values, column) in panel.iter_mut().zip(rows.columns()) {
        *values = [column[0]; LANES];
        for (value, x) in values.iter_mut().zip(column) {
            *value = *x;
        }
    }
}

/// Writes the coordinates `(D)` of a panel into its rows `(at most LANES, D)`.
#[inline(always)]
pub(super) fn store(panel: &[Lane], mut rows: ArrayViewMut2<f64>) {
    for (values, column) in panel.iter().zip(rows.columns_mut()) {
        for (out, value) in column.into_iter().zip(values) {
            *out = *value;
        }
    }
}

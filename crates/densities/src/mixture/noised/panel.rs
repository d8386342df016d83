//! The noised mixture at a panel of points, each at its own level of noise.
//!
//! The panel of [`crate::mixture::panel`] holds the points, the joint log-densities and responsibilities; here it is filled in rotated coordinates,
//! `z_k = V_kᵀ (x − α μ_k)`, in which the covariance of component `k` is `diag(α² λ_k + σ²)`. One level is a pair `(α, σ²)`; a new one costs `K D` divisions
//! and no factorisation.

use ndarray::ArrayView2;

use super::Spectral;
use crate::mixture::panel::{Panel, take};

/// The noise of each row: `α` and `σ²`.
#[derive(Clone, Copy)]
pub(super) struct Levels<'a> {
    pub(super) alpha: &'a [f64],
    pub(super) variance: &'a [f64],
}

impl<'a> Levels<'a> {
    pub(super) fn rows(self, rows: std::ops::Range<usize>) -> Self {
        Levels {
            alpha: &self.alpha[rows.clone()],
            variance: &self.variance[rows],
        }
    }
}

/// Buffers for one panel.
pub(super) struct NoisedPanel {
    /// Points, `z_k` in the place of whitened deviations, `ℓ_k`, `r_k`, `log p`.
    pub(super) base: Panel,
    /// `α` and `σ²` `(width)`.
    pub(super) alpha: Vec<f64>,
    pub(super) variance: Vec<f64>,
    /// Whether all columns have the same level.
    uniform: bool,
    /// `1 / (α² λ_k + σ²)`, `(K, D, width)`.
    precisions: Vec<f64>,
    /// Of one component, `log |C_k|` in two parts: the product of the mantissas of its eigenvalues, and the sum of their exponents `(width)`.
    mantissa: Vec<f64>,
    exponent: Vec<f64>,
}

impl NoisedPanel {
    pub(super) fn new(model: &Spectral, n_rows: usize) -> Self {
        let base = Panel::new(&model.mixture, n_rows);
        let (width, size) = (base.width, base.whitened.len());
        NoisedPanel {
            base,
            alpha: vec![1.0; width],
            variance: vec![0.0; width],
            uniform: true,
            precisions: vec![0.0; size],
            mantissa: vec![0.0; width],
            exponent: vec![0.0; width],
        }
    }

    /// `1 / (α² λ_k + σ²)` of the panel `(D, width)`.
    #[inline(always)]
    pub(super) fn precision(&self, component: usize) -> &[f64] {
        let size = self.base.x.len();
        &self.precisions[component * size..][..size]
    }

    /// Evaluates `z_k`, `ℓ_k`, `r_k` and `log p` at up to `width` rows.
    #[inline(always)]
    pub(super) fn evaluate(&mut self, model: &Spectral, rows: ArrayView2<f64>, levels: Levels) {
        let (width, n) = (self.base.width, rows.nrows());
        take(rows, &mut self.base.x, width);
        self.alpha[..n].copy_from_slice(levels.alpha);
        self.variance[..n].copy_from_slice(levels.variance);
        // Columns that are left over repeat the first row.
        self.alpha[n..].fill(levels.alpha[0]);
        self.variance[n..].fill(levels.variance[0]);
        let same = |values: &[f64]| values.iter().all(|value| *value == values[0]);
        self.uniform = same(&self.alpha) && same(&self.variance);
        for l in 0..width {
            if !(self.alpha[l].is_finite() && self.variance[l].is_finite()) {
                // A point at no time is nowhere.
                self.base
                    .x
                    .iter_mut()
                    .skip(l)
                    .step_by(width)
                    .for_each(|x| *x = f64::NAN);
            }
        }
        for k in 0..model.mixture.n_components() {
            self.spread(model, k);
            self.whiten(model, k);
        }
        self.base.normalise();
    }

    /// The precisions of one component and the determinant of its covariance.
    #[inline(always)]
    fn spread(&mut self, model: &Spectral, component: usize) {
        let (width, size) = (self.base.width, self.base.x.len());
        let distinct = if self.uniform { 1 } else { width };
        self.mantissa.fill(1.0);
        self.exponent.fill(0.0);
        let precisions = &mut self.precisions[component * size..][..size];
        for (i, precisions) in precisions.chunks_exact_mut(width).enumerate() {
            let value = model.spectra.value(component, i);
            let columns = precisions[..distinct]
                .iter_mut()
                .zip(&self.alpha)
                .zip(&self.variance)
                .zip(&mut self.mantissa)
                .zip(&mut self.exponent);
            for ((((precision, alpha), variance), mantissa), exponent) in columns {
                let spread = alpha * alpha * value + variance;
                *precision = 1.0 / spread;
                // One logarithm of a product is taken instead of a sum of logarithms; the product is brought back to [1, 2) each time.
                let (m, e) = split(*mantissa * split(spread).0);
                *mantissa = m;
                *exponent += e + split(spread).1;
            }
            if self.uniform {
                precisions.fill(precisions[0]);
            }
        }
        if self.uniform {
            let (mantissa, exponent) = (self.mantissa[0], self.exponent[0]);
            self.mantissa.fill(mantissa);
            self.exponent.fill(exponent);
        }
    }

    /// `z_k` and `ℓ_k` of one component.
    #[inline(always)]
    fn whiten(&mut self, model: &Spectral, component: usize) {
        let (width, size) = (self.base.width, self.base.x.len());
        let base = &mut self.base;
        for ((deviation, x), &mean) in base
            .deviation
            .chunks_exact_mut(width)
            .zip(base.x.chunks_exact(width))
            .zip(model.mixture.means.row(component))
        {
            for ((deviation, x), alpha) in deviation.iter_mut().zip(x).zip(&self.alpha) {
                *deviation = x - alpha * mean;
            }
        }
        let z = &mut base.whitened[component * size..][..size];
        model.spectra.rotate(component, &base.deviation, z, width);
        let precisions = &self.precisions[component * size..][..size];
        let log_joint = &mut base.log_joint[component * width..][..width];
        log_joint.fill(0.0);
        for (z, precisions) in z.chunks_exact(width).zip(precisions.chunks_exact(width)) {
            for ((square, z), precision) in log_joint.iter_mut().zip(z).zip(precisions) {
                *square += z * (z * precision);
            }
        }
        let log_scale = model.log_scales[component];
        let determinants = self.mantissa.iter().zip(&self.exponent);
        for (log_joint, (mantissa, exponent)) in log_joint.iter_mut().zip(determinants) {
            let square = *log_joint;
            // Not a number where finite products overflowed: that far away the density is zero.
            let square = if square.is_nan() { f64::INFINITY } else { square };
            let log_determinant = exponent * std::f64::consts::LN_2 + mantissa.ln();
            *log_joint = log_scale - 0.5 * log_determinant - 0.5 * square;
        }
    }

    /// The deviations `e_k = s_k − s` of the components' scores from the mixture's, `(K, D, width)`, and the score `s` itself.
    #[inline(always)]
    pub(super) fn scores(&mut self, model: &Spectral, deviations: &mut [f64]) {
        self.component_means(model, deviations, |z, precision, _, _| -precision * z, |_, _| 0.0);
    }

    /// The deviations `m_k − m` of the components' posterior means from the mixture's, `(K, D, width)`, and in the place of the score `m` itself.
    #[inline(always)]
    pub(super) fn posterior_means(&mut self, model: &Spectral, deviations: &mut [f64]) {
        // m_k = μ_k + V diag(α λ / (α² λ + σ²)) z: nothing is divided by α or σ, and nothing cancels.
        self.component_means(
            model,
            deviations,
            |z, precision, value, alpha| alpha * value * precision * z,
            |k, i| model.mixture.means[(k, i)],
        );
    }

    /// For vectors `u_k = c_k + V_k f(z_k)`: their mean under the responsibilities, and what each differs from it.
    #[inline(always)]
    fn component_means(
        &mut self,
        model: &Spectral,
        deviations: &mut [f64],
        f: impl Fn(f64, f64, f64, f64) -> f64,
        centre: impl Fn(usize, usize) -> f64,
    ) {
        let (width, size) = (self.base.width, self.base.x.len());
        self.base.score.fill(0.0);
        for (k, vectors) in deviations.chunks_exact_mut(size).enumerate() {
            self.gather(model, k, &f);
            for (i, vector) in vectors.chunks_exact_mut(width).enumerate() {
                vector.fill(centre(k, i));
            }
            model
                .spectra
                .add_rotated_back(k, &self.base.deviation, vectors, width);
            let weights = &self.base.responsibilities[k * width..][..width];
            let rows = self
                .base
                .score
                .chunks_exact_mut(width)
                .zip(vectors.chunks_exact(width));
            for (mean, vector) in rows {
                for ((mean, vector), weight) in mean.iter_mut().zip(vector).zip(weights) {
                    *mean += weight * vector;
                }
            }
        }
        for vectors in deviations.chunks_exact_mut(size) {
            for (vector, mean) in vectors.iter_mut().zip(&self.base.score) {
                *vector -= mean;
            }
        }
    }

    /// The mean alone, with one rotation for all components where one serves.
    #[inline(always)]
    fn mean_alone(
        &mut self,
        model: &Spectral,
        f: impl Fn(f64, f64, f64, f64) -> f64,
        centre: impl Fn(usize, usize) -> f64,
        sum: &mut [f64],
    ) {
        let (width, shared) = (self.base.width, model.spectra.is_shared());
        let n_components = model.mixture.n_components();
        self.base.score.fill(0.0);
        sum.fill(0.0);
        for k in 0..n_components {
            self.gather(model, k, &f);
            let base = &mut self.base;
            let weights = &base.responsibilities[k * width..][..width];
            let rows = base
                .score
                .chunks_exact_mut(width)
                .zip(sum.chunks_exact_mut(width))
                .zip(base.deviation.chunks_exact(width));
            for (i, ((mean, sum), vector)) in rows.enumerate() {
                let centre = centre(k, i);
                let columns = mean.iter_mut().zip(sum.iter_mut()).zip(vector).zip(weights);
                for (((mean, sum), vector), weight) in columns {
                    let others = if shared { *sum } else { 0.0 };
                    *sum = others + weight * vector;
                    *mean += weight * centre;
                }
            }
            if !shared || k + 1 == n_components {
                model.spectra.add_rotated_back(k, sum, &mut base.score, width);
            }
        }
    }

    /// `f(z_k)` in the rotated coordinates, into the buffer of deviations: `f` sees `z`, the precision, `λ` and `α`.
    #[inline(always)]
    fn gather(&mut self, model: &Spectral, component: usize, f: &impl Fn(f64, f64, f64, f64) -> f64) {
        let (width, size) = (self.base.width, self.base.x.len());
        let rows = self
            .base
            .deviation
            .chunks_exact_mut(width)
            .zip(self.base.whitened[component * size..][..size].chunks_exact(width))
            .zip(self.precisions[component * size..][..size].chunks_exact(width));
        for (i, ((out, z), precisions)) in rows.enumerate() {
            let value = model.spectra.value(component, i);
            let columns = out.iter_mut().zip(z).zip(precisions).zip(&self.alpha);
            for (((out, z), precision), alpha) in columns {
                *out = f(*z, *precision, value, *alpha);
            }
        }
    }

    /// The score alone; `scratch` is `(D, width)`.
    #[inline(always)]
    pub(super) fn score(&mut self, model: &Spectral, scratch: &mut [f64]) {
        self.mean_alone(model, |z, precision, _, _| -precision * z, |_, _| 0.0, scratch);
    }

    /// The posterior mean alone, in the place of the score.
    #[inline(always)]
    pub(super) fn posterior_mean(&mut self, model: &Spectral, scratch: &mut [f64]) {
        self.mean_alone(
            model,
            |z, precision, value, alpha| alpha * value * precision * z,
            |k, i| model.mixture.means[(k, i)],
            scratch,
        );
    }
}

/// The mantissa in [1, 2) and the exponent of a positive normal number.
#[inline(always)]
fn split(value: f64) -> (f64, f64) {
    let bits = value.to_bits();
    let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    // The exponent as a number, by way of one that has it as its last bits.
    let exponent = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - 4_503_599_627_370_496.0 - 1023.0;
    (mantissa, exponent)
}

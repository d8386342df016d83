//! Cholesky factors of points, in twice the precision.

use ndarray::{Array2, ArrayView1};

use super::place;
use crate::gaussian::double_double::{Double, Triangular, power_of_two};

/// `X = (scale L) (scale L)ᵀ`.
pub(super) struct Factor {
    lower: Triangular,
    scale: f64,
}

impl Factor {
    /// The Cholesky factor of the matrix with the lower triangle `x`; nothing where that is not positive definite.
    ///
    /// Factored in twice the precision: draws with few degrees of freedom are nearly singular, and one rounding of each entry would already
    /// move their determinants.
    pub(super) fn new(p: usize, x: ArrayView1<f64>) -> Option<Self> {
        if x.iter().any(|x| x.is_nan()) {
            return Some(Factor {
                lower: Triangular::from_fn(p, |_, _| Double::new(f64::NAN)),
                scale: 1.0,
            });
        }
        let largest = (0..p).map(|i| x[place(i, i)]).fold(0.0, f64::max);
        if !(largest.is_normal() && x.iter().all(|x| x.is_finite())) {
            return None;
        }
        // Numbers near one neither over- nor underflow when they are squared.
        let half_exponent = (((largest.to_bits() >> 52) as i32) - 1023) / 2;
        let down = power_of_two(-half_exponent);
        let mut lower = Triangular::from_fn(p, |i, j| Double::new(x[place(i, j)] * down * down));
        lower.cholesky().ok()?;
        Some(Factor {
            lower,
            scale: power_of_two(half_exponent),
        })
    }

    /// `scale L`, rounded.
    pub(super) fn matrix(&self) -> Array2<f64> {
        let p = self.lower.dim();
        Array2::from_shape_fn((p, p), |(i, j)| self.lower.entry(i, j).rounded() * self.scale)
    }

    /// `log |X|`.
    pub(super) fn log_det(&self) -> f64 {
        let p = self.lower.dim();
        let pivots: f64 = (0..p).map(|i| self.lower.entry(i, i).rounded().ln()).sum();
        2.0 * (pivots + p as f64 * self.scale.ln())
    }

    /// `X⁻¹`, rounded.
    pub(super) fn inverse(&self) -> Array2<f64> {
        let p = self.lower.dim();
        let inverse = self.lower.inverse().transposed_times_self();
        Array2::from_shape_fn((p, p), |(i, j)| {
            inverse.entry(i.max(j), i.min(j)).rounded() / self.scale / self.scale
        })
    }
}

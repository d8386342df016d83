//! The law of a linear equation some time later.

use gibbsian_core::Streams;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_linalg::{matmul, matmul_here_into};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rand::Rng;

/// The law of `X_t` given `X_s`: `N(Φ X_s, Σ)`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinearTransition {
    /// `Φ` `(D, D)`.
    pub gain: Array2<f64>,
    /// `Σ` `(D, D)`, symmetric and positive semi-definite.
    pub covariance: Array2<f64>,
}

impl LinearTransition {
    /// Mean and covariance of `X_t` where `X_s` has `mean` `(D)` and `covariance` `(D, D)`: `Φ m` and `Φ C Φᵀ + Σ`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn moments(&self, mean: ArrayView1<f64>, covariance: ArrayView2<f64>) -> (Array1<f64>, Array2<f64>) {
        let carried = matmul(matmul(self.gain.view(), covariance).view(), self.gain.t());
        (
            self.gain.dot(&mean),
            0.5 * (&carried + &carried.t()) + &self.covariance,
        )
    }

    /// One draw of `X_t` for each row `X_s` of `x` `(B, D)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn sample(&self, x: ArrayView2<f64>, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let root = root(self.covariance.view());
        let mut out = matmul(x, self.gain.t());
        for_each_block(out.view_mut(), |block, rows| {
            let mut z = Array2::zeros(rows.raw_dim());
            let numbers = z.as_slice_mut().expect("standard layout");
            fill_standard_normal(&mut LaneRng::new(streams, block), numbers);
            matmul_here_into(1.0, z.view(), root.t(), 1.0, rows);
        });
        out
    }
}

/// The lower triangular `L` with `L Lᵀ` a positive semi-definite matrix: Cholesky's, with a column of zeros where rounding is all that is left of a pivot.
///
/// It does not change when coordinates are scaled, so small variances beside large ones keep their accuracy, which a root by eigenvalues does not give.
fn root(covariance: ArrayView2<f64>) -> Array2<f64> {
    let n = covariance.nrows();
    let mut lower = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        let known = lower.slice(s![j, ..j]).to_owned();
        let pivot = covariance[[j, j]] - known.dot(&known);
        if pivot <= 4.0 * n as f64 * f64::EPSILON * covariance[[j, j]] {
            continue;
        }
        lower[[j, j]] = pivot.sqrt();
        for i in j + 1..n {
            lower[[i, j]] = (covariance[[i, j]] - lower.slice(s![i, ..j]).dot(&known)) / lower[[j, j]];
        }
    }
    lower
}

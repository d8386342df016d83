//! Scores of Wishart distributions, in the coordinates of the lower triangle.
//!
//! With `G = X⁻¹` and the multiplicity `m` of an entry, 1 on the diagonal and 2 off it, `∂ log |X| / ∂x_ij = m_ij G_ij`; its derivative along
//! the symmetric matrix `V` is `−m_ij (G V G)_ij`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{ExponentialFamily, Potential, Score, ScoreJvp, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use super::factor::Factor;
use super::{Wishart, triangle};

/// `m_ij A_ij` of the lower triangle.
fn counted(a: &Array2<f64>) -> Array1<f64> {
    triangle(a.nrows(), |i, j| if i == j { a[[i, i]] } else { 2.0 * a[[i, j]] })
}

impl Wishart {
    /// `X⁻¹` `(p, p)`; NaN where `X` is not positive definite.
    pub(super) fn inverse(&self, x: ArrayView1<f64>) -> Array2<f64> {
        let p = self.order();
        Factor::new(p, x).map_or_else(|| Array2::from_elem((p, p), f64::NAN), |factor| factor.inverse())
    }

    /// `∂ log |X| / ∂x` `(p(p+1)/2)`; NaN where `X` is not positive definite.
    pub(super) fn log_det_gradient(&self, x: ArrayView1<f64>) -> Array1<f64> {
        counted(&self.inverse(x))
    }

    /// `∂² log |X| / ∂x_ij²`: `−G_ii²` on the diagonal and `−2 (G_ii G_jj + G_ij²)` off it.
    pub(super) fn log_det_second(&self, x: ArrayView1<f64>) -> Array1<f64> {
        let g = self.inverse(x);
        triangle(self.order(), |i, j| {
            if i == j {
                -g[[i, i]] * g[[i, i]]
            } else {
                -2.0 * (g[[i, i]] * g[[j, j]] + g[[i, j]] * g[[i, j]])
            }
        })
    }

    /// `½(ν − p − 1)`, the power of `|X|` in the density.
    fn power(&self) -> f64 {
        0.5 * self.degrees_of_freedom - self.base_power()
    }

    /// Panics with both shapes unless they are equal and have a column for each coordinate.
    #[track_caller]
    fn assert_rows(&self, x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == self.dim() && out.dim() == x.dim(),
            "x has shape {:?} and out has shape {:?}, but both must have {} columns and as many rows",
            x.shape(),
            out.shape(),
            self.dim(),
        );
    }
}

impl Score for Wishart {
    /// `½(ν−p−1) ∂ log |X| − ∂ ½ tr Σ⁻¹X`; NaN outside.
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.assert_rows(x, &out);
        let natural = self.natural_parameters();
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            out.assign(&(self.log_det_gradient(x) * self.power() + natural.slice(s![..-1])));
        }
    }
}

impl Potential for Wishart {}

impl ScoreJvp for Wishart {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        self.assert_rows(v, &jvp);
        for ((mut out, x), v) in jvp.rows_mut().into_iter().zip(x.rows()).zip(v.rows()) {
            let g = self.inverse(x);
            out.assign(&(counted(&g.dot(&self.matrix(v)).dot(&g)) * -self.power()));
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = self.power() * self.log_det_second(x).sum();
        }
    }
}

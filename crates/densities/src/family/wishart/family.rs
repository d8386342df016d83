//! Wishart distributions as an exponential family.

use std::f64::consts::{LN_2, PI};

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_finite, check_shape};
use gibbsian_core::special::{digamma, ln_multivariate_gamma, trigamma};
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Space};
use gibbsian_linalg::{Cholesky, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, s};

use super::factor::Factor;
use super::{Wishart, check_degrees, place, triangle};
use crate::family::check_member;
use crate::family::numeric::{deviance_between, excess};
use crate::family::shape::{residual, residual_curvature, residual_divergence, residual_slope};

impl ExponentialFamily for Wishart {
    fn n_statistics(&self) -> usize {
        self.dim() + 1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.slice_mut(s![.., ..-1]).assign(&x);
        for (out, x) in out.column_mut(self.dim()).iter_mut().zip(x.rows()) {
            *out = Factor::new(self.order(), x).map_or(f64::NEG_INFINITY, |lower| lower.log_det());
        }
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = Factor::new(self.order(), x)
                .map_or(f64::NEG_INFINITY, |lower| -self.base_power() * lower.log_det());
        }
    }

    fn natural_parameters(&self) -> Array1<f64> {
        let multiplicity = |i, j| if i == j { 0.5 } else { 1.0 };
        let matrix = triangle(self.order(), |i, j| -multiplicity(i, j) * self.precision[[i, j]]);
        matrix
            .into_iter()
            .chain([0.5 * self.degrees_of_freedom])
            .collect()
    }

    fn mean_parameters(&self) -> Array1<f64> {
        let mean = triangle(self.order(), |i, j| self.degrees_of_freedom * self.scale[[i, j]]);
        mean.into_iter().chain([self.mean_log_det()]).collect()
    }

    /// `½νp log 2 + ½ν log |Σ| + log Γ_p(ν/2)`.
    fn log_partition(&self) -> f64 {
        let half = 0.5 * self.degrees_of_freedom;
        half * (self.order() as f64 * LN_2 + self.log_det) + ln_multivariate_gamma(self.order(), half)
    }

    /// `Cov(X_ij, X_kl) = ν (Σ_ik Σ_jl + Σ_il Σ_jk)`, `Cov(X_ij, log |X|) = 2 Σ_ij`, `Var log |X| = Σ ψ'((ν−j)/2)`.
    fn fisher_information(&self) -> Array2<f64> {
        let (p, d, scale) = (self.order(), self.dim(), &self.scale);
        let mut information = Array2::zeros((d + 1, d + 1));
        for i in 0..p {
            for j in 0..=i {
                let covariances = triangle(p, |k, l| {
                    scale[[i, k]] * scale[[j, l]] + scale[[i, l]] * scale[[j, k]]
                });
                let row = place(i, j);
                information
                    .slice_mut(s![row, ..d])
                    .assign(&(covariances * self.degrees_of_freedom));
                information[[row, d]] = 2.0 * scale[[i, j]];
                information[[d, row]] = 2.0 * scale[[i, j]];
            }
        }
        information[[d, d]] = self.shapes().map(trigamma).sum();
        information
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.n_statistics()])?;
        check_finite("natural", &natural)?;
        let matrix = self.matrix(natural.slice(s![..-1]));
        let multiplicity = |i, j| if i == j { 2.0 } else { 1.0 };
        let precision = Array2::from_shape_fn(matrix.dim(), |(i, j)| -multiplicity(i, j) * matrix[[i, j]]);
        let degrees = 2.0 * natural[self.dim()];
        check_degrees("twice the last of natural", degrees, self.order())?;
        let scale = Cholesky::new("the precision in natural", precision.view())?.inverse();
        check_member("natural", natural, Wishart::new(degrees, scale)?)
    }

    /// The scale is the mean over `ν`; the mean of `log |X|` leaves one equation for `ν`,
    /// `f(ν) = Σ_j [ψ((ν−j)/2) − log(ν/2)] = E log |X| − log |E X|`, whose right-hand side is negative by Jensen's inequality.
    ///
    /// Newton's method solves `1/f(ν) = 1/c` instead, because `1/f` is near to linear: `−2ν/(p(p+1))` for large `ν` and `−½(ν−p+1)` for the least.
    ///
    /// # Errors
    /// A mean of `X` that is not positive definite, or a mean of `log |X|` that is not less than the `log |X|` of that mean.
    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &mean, &[self.n_statistics()])?;
        check_finite("mean", &mean)?;
        let matrix = self.matrix(mean.slice(s![..-1]));
        let of_mean = Cholesky::new("the mean of X", matrix.view())?.log_det();
        let jensen = mean[self.dim()] - of_mean;
        if jensen.is_nan() || jensen >= 0.0 {
            let requirement = format!("less than {of_mean}, the log-determinant of the mean of X");
            return Err(Error::parameter(
                "the mean of log |X|",
                mean[self.dim()],
                requirement,
            ));
        }
        let degrees = degrees_of_freedom(self.order(), jensen);
        check_degrees("the degrees of freedom of the mean", degrees, self.order())?;
        check_member("mean", mean, Wishart::new(degrees, matrix / degrees)?)
    }

    fn entropy(&self) -> f64 {
        // Each squared diagonal entry of Bartlett's factor has the entropy of a gamma without what grows like a log a.
        let (p, mut sum) = (self.order() as f64, 0.0);
        for (j, a) in self.shapes().enumerate() {
            sum += residual(a) - a * residual_slope(a) - 0.5 * j as f64 * digamma(a);
        }
        sum + self.base_power() * self.mean_log_det() + 0.25 * p * (p - 1.0) * (1.0 + PI.ln())
    }

    /// With the eigenvalues `1 + e` of `Σ'⁻¹Σ`: `½ν Σ [e − log(1+e)] + ½(ν−ν') Σ log(1+e)` and the divergence of the multivariate gamma function.
    ///
    /// # Panics
    /// When the other is of matrices of another order.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(
            self.order(),
            other.order(),
            "divergence of two orders of matrices"
        );
        let difference = &self.scale - &other.scale;
        let relative = other.whitening.dot(&difference).dot(&other.whitening.t());
        let symmetric = (&relative + &relative.t()) * 0.5;
        // It is finite and symmetric, so that its eigenvalues exist.
        let Ok(eigen) = SymmetricEigen::new("the relative scale", symmetric.view()) else {
            return f64::NAN;
        };
        let d = 0.5 * (other.degrees_of_freedom - self.degrees_of_freedom);
        let scales: f64 = eigen
            .values()
            .iter()
            .map(|&e| 0.5 * self.degrees_of_freedom * excess(e) - d * e.ln_1p())
            .sum();
        let degrees = |(a, b): (f64, f64)| deviance_between(b, a, -d) + residual_divergence(a, b, d);
        scales + self.shapes().zip(other.shapes()).map(degrees).sum::<f64>()
    }
}

/// The root of `f(ν) = c < 0`.
fn degrees_of_freedom(p: usize, c: f64) -> f64 {
    let least = p as f64 - 1.0;
    let mut degrees = least - (p * (p + 1)) as f64 / (2.0 * c);
    let mut previous = f64::INFINITY;
    for _ in 0..100 {
        // All terms have one sign.
        let (mut value, mut slope) = (0.0, 0.0);
        for j in 0..p {
            let j = j as f64;
            let a = 0.5 * (degrees - j);
            value += residual_slope(a) + (-j / degrees).ln_1p();
            slope += 0.5 * residual_curvature(a) + j / degrees / (degrees - j);
        }
        let step = value * (1.0 - value / c) / slope;
        let next = (degrees + step).max(least + 0.25 * (degrees - least));
        let length = ((next - degrees) / (degrees - least)).abs();
        degrees = next;
        // The next length would be the square of this one; where rounding comes first, lengths stop shrinking.
        if length < 1e-9 || (length < 1e-3 && length > 0.5 * previous) {
            break;
        }
        previous = length;
    }
    degrees
}

impl ContinuousFamily for Wishart {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        out.fill(0.0);
        for (mut out, x) in out.outer_iter_mut().zip(x.rows()) {
            let d = self.dim();
            out.slice_mut(s![..d, ..]).diag_mut().fill(1.0);
            out.row_mut(d).assign(&self.log_det_gradient(x));
        }
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        out.fill(0.0);
        for (mut out, x) in out.outer_iter_mut().zip(x.rows()) {
            out.row_mut(self.dim()).assign(&self.log_det_second(x));
        }
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            out.assign(&(self.log_det_gradient(x) * -self.base_power()));
        }
    }
}

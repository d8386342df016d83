//! Normal densities as an exponential family.
//!
//! The statistics are `x` and the lower triangle of `x xᵀ`, row by row. The natural parameters are `P μ`, then `−½ P_ii` on the diagonal and
//! `−P_ij` beside it, which stands for both halves; the mean parameters are `μ` and the lower triangle of `Σ + μ μᵀ`; and
//! `A = ½ μᵀ P μ + ½ log |2πΣ|` (Wainwright and Jordan 2008, example 3.3). The energy of the density is measured from its mean, so
//! `A = log Z + E(0)`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_each, check_finite, check_points, check_shape};
use gibbsian_core::special::deviance;
use gibbsian_core::{ContinuousFamily, Density, Energy, ExponentialFamily, Space};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, s};

use super::normal::MultivariateNormal;
use super::parameters::{from_lower_entries, lower_entries};
use super::whitening::Whitening;
use crate::family::{check_member, numeric::excess};

impl ExponentialFamily for MultivariateNormal {
    fn n_statistics(&self) -> usize {
        self.dim() * (self.dim() + 3) / 2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.assert_statistics(x, out.shape(), &[x.nrows(), self.n_statistics()]);
        let d = self.dim();
        out.slice_mut(s![.., ..d]).assign(&x);
        for ((i, j), mut column) in lower_entries(d).zip(out.columns_mut().into_iter().skip(d)) {
            column.assign(&(&x.column(i) * &x.column(j)));
        }
    }

    /// Zero; NaN at points with NaN.
    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, row) in out.iter_mut().zip(x.rows()) {
            *out = if row.iter().any(|v| v.is_nan()) {
                f64::NAN
            } else {
                0.0
            };
        }
    }

    fn natural_parameters(&self) -> Array1<f64> {
        let precision = self.precision();
        let linear = precision.dot(&self.mean());
        let quadratic = lower_entries(self.dim()).map(|(i, j)| {
            let entry = -precision[(i, j)];
            if i == j { 0.5 * entry } else { entry }
        });
        linear.into_iter().chain(quadratic).collect()
    }

    fn mean_parameters(&self) -> Array1<f64> {
        let (mean, covariance) = (self.mean(), self.covariance());
        let products = lower_entries(self.dim()).map(|(i, j)| covariance[(i, j)] + mean[i] * mean[j]);
        mean.iter().copied().chain(products).collect()
    }

    fn log_partition(&self) -> f64 {
        self.energy(Array2::zeros((1, self.dim())).view())[0] + self.log_z()
    }

    /// Second, third and fourth moments by Isserlis' theorem (1918):
    /// `Cov(x_i, x_k x_l) = Σ_ik μ_l + Σ_il μ_k` and
    /// `Cov(x_i x_j, x_k x_l) = Σ_ik Σ_jl + Σ_il Σ_jk + μ_i μ_k Σ_jl + μ_i μ_l Σ_jk + μ_j μ_k Σ_il + μ_j μ_l Σ_ik`.
    fn fisher_information(&self) -> Array2<f64> {
        let (d, m, c) = (self.dim(), self.mean(), self.covariance());
        let mut fisher = Array2::zeros((self.n_statistics(), self.n_statistics()));
        fisher.slice_mut(s![..d, ..d]).assign(&c);
        for (s, (i, j)) in lower_entries(d).enumerate() {
            for k in 0..d {
                let third = c[(k, i)] * m[j] + c[(k, j)] * m[i];
                fisher[(k, d + s)] = third;
                fisher[(d + s, k)] = third;
            }
            for (t, (k, l)) in lower_entries(d).enumerate() {
                fisher[(d + s, d + t)] = c[(i, k)] * c[(j, l)]
                    + c[(i, l)] * c[(j, k)]
                    + m[i] * m[k] * c[(j, l)]
                    + m[i] * m[l] * c[(j, k)]
                    + m[j] * m[k] * c[(i, l)]
                    + m[j] * m[l] * c[(i, k)];
            }
        }
        fisher
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.n_statistics()])?;
        check_finite("natural", &natural)?;
        let (linear, quadratic) = natural.split_at(Axis(0), self.dim());
        let mut precision = -&from_lower_entries(self.dim(), quadratic);
        precision.diag_mut().mapv_inplace(|entry| 2.0 * entry);
        let whitening = Whitening::from_precision("the precision", precision.view())?;
        let mean = whitening.covariance().dot(&linear);
        check_finite("mean", &mean)?;
        check_member(
            "natural",
            natural,
            MultivariateNormal::from_parts(mean, whitening),
        )
    }

    fn with_mean(&self, parameters: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &parameters, &[self.n_statistics()])?;
        check_finite("mean", &parameters)?;
        let (mean, products) = parameters.split_at(Axis(0), self.dim());
        let mut covariance = from_lower_entries(self.dim(), products);
        for ((i, j), entry) in covariance.indexed_iter_mut() {
            *entry -= mean[i] * mean[j];
        }
        let whitening = Whitening::from_covariance("the covariance", covariance.view())?;
        let member = MultivariateNormal::from_parts(mean.to_owned(), whitening);
        check_member("mean", parameters, member)
    }

    /// `½ log |2πe Σ|`.
    fn entropy(&self) -> f64 {
        self.log_z() + 0.5 * self.dim() as f64
    }

    /// `½ (tr P'Σ − D − log |P'Σ| + (μ − μ')ᵀ P' (μ − μ'))`.
    ///
    /// With the lower triangular `M = W' L`, `P'Σ` has the trace `Σ_ij M_ij²` and the determinant `Π_i M_ii²`, and the first three terms are
    /// `Σ_i (M_ii² − 1 − log M_ii²) + Σ_{i>j} M_ij²`: each is at least zero, so nothing cancels.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(self.dim(), other.dim(), "the dimensions of both densities");
        let means = other.energy(self.mean().insert_axis(Axis(0)))[0];
        let (whitening, covariance) = (other.whitening(), self.covariance());
        // M Mᵀ = I + R; where covariances are close, R has the digits that M, which is close to the identity, has lost.
        let excess = matmul(
            matmul(whitening.view(), (&covariance - &other.covariance()).view()).view(),
            whitening.t(),
        );
        if self.dim() as f64 * excess.fold(0.0, |most: f64, r| most.max(r.abs())) < 0.25 {
            return near_divergence(excess) + means;
        }
        let ratio = matmul(whitening.view(), self.cholesky().view());
        let mut sum = 0.0;
        for (i, j) in lower_entries(self.dim()) {
            let square = ratio[(i, j)] * ratio[(i, j)];
            sum += if i == j { deviance(1.0, square) } else { square };
        }
        0.5 * sum + means
    }

    /// The weighted mean and the weighted covariance about it, divided by the sum of the weights: the estimate of greatest likelihood.
    ///
    /// # Errors
    /// As said by the trait. The estimate does not exist where the rows lie in a hyperplane; the error names the coordinate that is a
    /// combination of those before it up to rounding, or says that there are too few rows.
    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        let (mean, covariance) = self.weighted_moments(x, weights)?;
        let whitening = Whitening::from_covariance("the sample covariance", covariance.view())?;
        // What remains of a variance after those before it are accounted for is rounding where it is this small.
        let lower = whitening.lower();
        for i in 0..self.dim() {
            let (rest, variance) = (lower[(i, i)] * lower[(i, i)], covariance[(i, i)]);
            if rest <= 8.0 * self.dim() as f64 * f64::EPSILON * variance {
                return Err(Error::parameter(
                    format!("the variance of coordinate {i} given those before it"),
                    rest,
                    format!("greater than zero by more than the rounding of its variance, {variance}"),
                ));
            }
        }
        Ok(MultivariateNormal::from_parts(mean, whitening))
    }
}

/// `½ (tr R − log |I + R|)` for a small `R`, by the Cholesky factor `M` of `I + R`: `½ Σ_i [e_i − log(1 + e_i)] + ½ Σ_{i>j} M_ij²`, where
/// `e_i = M_ii² − 1 = R_ii − Σ_{j<i} M_ij²`.
fn near_divergence(mut r: Array2<f64>) -> f64 {
    let mut sum = 0.0;
    for i in 0..r.nrows() {
        // Row i of R becomes row i of M, and its last entry e_i.
        for j in 0..=i {
            let products: f64 = (0..j).map(|k| r[(i, k)] * r[(j, k)]).sum();
            let rest = r[(i, j)] - products;
            r[(i, j)] = if i == j {
                rest
            } else {
                rest / (1.0 + r[(j, j)]).sqrt()
            };
            sum += if i == j {
                excess(rest)
            } else {
                r[(i, j)] * r[(i, j)]
            };
        }
    }
    0.5 * sum
}

impl MultivariateNormal {
    /// The weighted mean and covariance, in two passes: the second sums deviations, which do not cancel.
    fn weighted_moments(
        &self,
        x: ArrayView2<f64>,
        weights: ArrayView1<f64>,
    ) -> Result<(Array1<f64>, Array2<f64>)> {
        check_points("x", &x, self.dim())?;
        check_shape("weights", &weights, &[x.nrows()])?;
        check_each("weights", weights, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        let total = weights.sum();
        if !(total.is_finite() && total > 0.0) {
            let requirement = "finite and greater than zero";
            return Err(Error::parameter("the sum of weights", total, requirement));
        }
        let n_rows = weights.iter().filter(|w| **w > 0.0).count();
        if n_rows <= self.dim() {
            return Err(Error::parameter(
                "the number of rows of x with weight",
                n_rows,
                format!(
                    "at least {}, for a covariance that is not singular",
                    self.dim() + 1
                ),
            ));
        }
        let weights = weights.mapv(|w| w / total);
        let mut mean = x.t().dot(&weights);
        mean = &mean + &(&x - &mean).t().dot(&weights);
        let deviations = (&x - &mean) * &weights.mapv(f64::sqrt).insert_axis(Axis(1));
        let covariance = matmul(deviations.t(), deviations.view());
        check_finite("the sample covariance", &covariance)?;
        Ok((mean, covariance))
    }

    /// Panics with the shapes unless statistics of the batch fit.
    #[track_caller]
    fn assert_statistics(&self, x: ArrayView2<f64>, found: &[usize], required: &[usize]) {
        assert!(
            x.ncols() == self.dim() && found == required,
            "x has shape {:?} and out has shape {found:?}, but {} dimensions need {required:?}",
            x.shape(),
            self.dim(),
        );
    }
}

impl ContinuousFamily for MultivariateNormal {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        let d = self.dim();
        self.assert_statistics(x, out.shape(), &[x.nrows(), self.n_statistics(), d]);
        out.fill(0.0);
        for (x, mut out) in x.rows().into_iter().zip(out.outer_iter_mut()) {
            for i in 0..d {
                out[(i, i)] = 1.0;
            }
            // ∂(x_i x_j)/∂x_i = x_j, and both halves of x_i².
            for (s, (i, j)) in lower_entries(d).enumerate() {
                out[(d + s, i)] += x[j];
                out[(d + s, j)] += x[i];
            }
        }
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        let d = self.dim();
        self.assert_statistics(x, out.shape(), &[x.nrows(), self.n_statistics(), d]);
        out.fill(0.0);
        for (s, (i, _)) in lower_entries(d).enumerate().filter(|(_, (i, j))| i == j) {
            out.slice_mut(s![.., d + s, i]).fill(2.0);
        }
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.assert_statistics(x, out.shape(), x.shape());
        out.fill(0.0);
    }
}

//! The autoregressive linear Gaussian: the chain rule with linear regressions.
//!
//! `x_i | x_<i ~ N(a_i·x_<i + b_i, σ_i²)`. With the strictly lower triangular matrix `A` of the `a_i`, `B = I − A` and
//! `D = diag(σ²)`, the residuals `r = B x − b` are independent normals, so that
//!
//! - `log p(x) = −½ rᵀ D⁻¹ r − Σ_i log σ_i − ½ D log 2π`, as `det B = 1`;
//! - `s(x) = −Bᵀ D⁻¹ r` and `J = −Bᵀ D⁻¹ B`, the same everywhere;
//! - `x ~ N(B⁻¹ b, B⁻¹ D B⁻ᵀ)`: every multivariate normal is such a chain, in every order of its coordinates, with `B⁻¹ D^½` the Cholesky
//!   factor of its covariance.
//!
//! This is the Gaussian belief network of Shachter and Kenley (1989). Parameters are the regressions and `log σ`, which
//! any real vector is; a covariance has a cone for its domain.

use std::f64::consts::PI;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_each, check_finite, check_points, check_shape};
use gibbsian_core::{
    Density, Energy, Layout, Parametric, ParametricMut, Potential, Score, ScoreJvp, Space, Streams, parallel,
};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::rows::{add_scaled, dot, map_rows, without_density};
use crate::family::{SIZE, is_size};
use crate::gaussian::MultivariateNormal;

mod pullback;

/// The autoregressive linear Gaussian `x_i | x_<i ~ N(a_i·x_<i + b_i, σ_i²)`; the energy is `−log p`.
///
/// ```
/// use gibbsian_densities::LinearGaussianChain;
/// use ndarray::array;
///
/// // A standard normal, then its value plus one, with half the deviation.
/// let chain = LinearGaussianChain::new(array![[0.0, 0.0], [1.0, 0.0]], array![0.0, 1.0], array![1.0, 0.5])?;
/// assert_eq!(chain.mean(), array![0.0, 1.0]);
/// assert_eq!(chain.covariance(), array![[1.0, 1.0], [1.0, 1.25]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearGaussianChain {
    /// `A`, strictly lower triangular.
    coefficients: Array2<f64>,
    offsets: Array1<f64>,
    deviations: Array1<f64>,
    /// The parameters; `deviations` are their exponentials, up to rounding.
    log_deviations: Array1<f64>,
}

impl LinearGaussianChain {
    /// The chain with `coefficients` `A` `(D, D)`, of which row `i` holds `a_i` before the diagonal and zeros from there on, `offsets`
    /// `b` `(D)` and `deviations` `σ` `(D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, a coefficient on or above the diagonal, a deviation that is not between 10⁻³⁰⁰ and
    /// 10³⁰⁰.
    pub fn new(coefficients: Array2<f64>, offsets: Array1<f64>, deviations: Array1<f64>) -> Result<Self> {
        let dim = offsets.len();
        gibbsian_core::error::check_count("the dimension", dim)?;
        check_shape("coefficients", &coefficients, &[dim, dim])?;
        check_shape("deviations", &deviations, &[dim])?;
        check_finite("coefficients", &coefficients)?;
        check_finite("offsets", &offsets)?;
        check_each("deviations", deviations.view(), SIZE, is_size)?;
        if let Some(((i, j), &value)) = coefficients
            .indexed_iter()
            .find(|((i, j), v)| i <= j && **v != 0.0)
        {
            return Err(Error::parameter(
                format!("coefficients[{i}, {j}]"),
                value,
                "zero on and above the diagonal",
            ));
        }
        Ok(LinearGaussianChain {
            coefficients: coefficients.as_standard_layout().into_owned(),
            offsets,
            log_deviations: deviations.mapv(f64::ln),
            deviations,
        })
    }

    /// The chain that is the normal of this `mean` `(D)` and `covariance` `(D, D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, or a covariance that is not symmetric and positive definite.
    pub fn from_moments(mean: ArrayView1<f64>, covariance: ArrayView2<f64>) -> Result<Self> {
        check_shape("covariance", &covariance, &[mean.len(), mean.len()])?;
        let factor = Cholesky::new("covariance", covariance)?;
        Self::from_factor(mean, factor.lower())
    }

    /// The maximum likelihood estimate from the rows of `x` `(B, D)`: each column regressed on those before it by least squares.
    ///
    /// The regressions are one orthogonalisation of the centred columns, by modified Gram–Schmidt, whose triangular factor
    /// is as accurate as Householder's (Björck 1967); normal equations would square the condition number.
    ///
    /// # Errors
    /// No rows, a non-finite entry, or a column that is, to rounding, an affine function of those before it, as the last is when there are no more rows
    /// than columns: its deviation would be zero.
    pub fn fit(x: ArrayView2<f64>) -> Result<Self> {
        check_points("x", &x, x.ncols().max(1))?;
        let (n, dim) = x.dim();
        let mean = x.sum_axis(Axis(0)) / n as f64;
        // Column i of the data, then orthonormal to those before it, is row i here.
        let mut basis = (&x - &mean).reversed_axes().as_standard_layout().into_owned();
        let mut factor = Array2::zeros((dim, dim));
        for i in 0..dim {
            let (done, mut rest) = basis.view_mut().split_at(Axis(0), i);
            let mut column = rest.row_mut(0);
            for (j, q) in done.rows().into_iter().enumerate() {
                factor[[i, j]] = q.dot(&column);
                column.scaled_add(-factor[[i, j]], &q);
            }
            let norm = column.dot(&column).sqrt();
            let size = x.column(i).dot(&x.column(i)).sqrt();
            if norm.is_nan() || norm <= n.max(dim) as f64 * f64::EPSILON * size {
                return Err(Error::parameter(
                    format!("the residual of column {i} of x"),
                    norm,
                    "greater than rounding, so that no column is an affine function of those before it",
                ));
            }
            column /= norm;
            factor[[i, i]] = norm;
        }
        Self::from_factor(mean.view(), (factor / (n as f64).sqrt()).view())
    }

    /// The chain with covariance `L Lᵀ`, for a lower triangular `L` with a positive diagonal.
    fn from_factor(mean: ArrayView1<f64>, lower: ArrayView2<f64>) -> Result<Self> {
        let dim = mean.len();
        let deviations = lower.diag().to_owned();
        // L = B⁻¹ D^½, so that M = L D^−½ = B⁻¹ is unit lower triangular, and A = I − M⁻¹, that is A M = M − I: row by row, from the right.
        let m = &lower / &deviations;
        let mut coefficients = Array2::zeros((dim, dim));
        for i in 0..dim {
            for k in (0..i).rev() {
                let later: f64 = (k + 1..i).map(|j| coefficients[[i, j]] * m[[j, k]]).sum();
                coefficients[[i, k]] = m[[i, k]] - later;
            }
        }
        let offsets = &mean - &coefficients.dot(&mean);
        Self::new(coefficients, offsets, deviations)
    }

    /// The coefficients `A` `(D, D)`, strictly lower triangular.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.coefficients.view()
    }

    /// The offsets `b` `(D)`.
    pub fn offsets(&self) -> ArrayView1<'_, f64> {
        self.offsets.view()
    }

    /// The standard deviations `σ` `(D)` of each coordinate given those before it.
    pub fn deviations(&self) -> ArrayView1<'_, f64> {
        self.deviations.view()
    }

    /// The mean `B⁻¹ b` `(D)` of `x`.
    pub fn mean(&self) -> Array1<f64> {
        let mut mean = self.offsets.clone();
        for i in 1..self.dim() {
            let regression = self.regression(i, mean.as_slice().expect("a new array is contiguous"));
            mean[i] += regression;
        }
        mean
    }

    /// The covariance `B⁻¹ D B⁻ᵀ` `(D, D)` of `x`.
    pub fn covariance(&self) -> Array2<f64> {
        let (factor, dim) = (self.factor(), self.dim());
        Array2::from_shape_fn((dim, dim), |(i, j)| {
            (0..=i.min(j)).map(|k| factor[[i, k]] * factor[[j, k]]).sum()
        })
    }

    /// The same density as a multivariate normal.
    ///
    /// # Errors
    /// A covariance or its inverse that is not in the range of doubles, as with deviations near its ends.
    pub fn to_normal(&self) -> Result<MultivariateNormal> {
        MultivariateNormal::from_cholesky(self.mean(), self.factor())
    }

    /// The Cholesky factor `B⁻¹ D^½` of the covariance.
    fn factor(&self) -> Array2<f64> {
        // A row a coordinate: that of x_i is the regression of those before, plus σ_i of its own.
        let dim = self.dim();
        let mut factor = Array2::<f64>::zeros((dim, dim));
        for i in 0..dim {
            for k in 0..i {
                factor[[i, k]] = (k..i).map(|j| self.coefficients[[i, j]] * factor[[j, k]]).sum();
            }
            factor[[i, i]] = self.deviations[i];
        }
        factor
    }

    /// `a_i·x_<i`.
    fn regression(&self, i: usize, x: &[f64]) -> f64 {
        let a = self
            .coefficients
            .row(i)
            .to_slice()
            .expect("coefficients are in standard layout");
        dot(&a[..i], &x[..i])
    }

    /// `B x`.
    fn differences(&self, x: &[f64]) -> Vec<f64> {
        (0..x.len()).map(|i| x[i] - self.regression(i, x)).collect()
    }

    /// The residuals `r = B x − b`.
    fn residuals(&self, x: &[f64]) -> Vec<f64> {
        (0..x.len())
            .map(|i| (x[i] - self.offsets[i]) - self.regression(i, x))
            .collect()
    }

    /// Writes `−Bᵀ D⁻¹ y`.
    fn pull(&self, y: &[f64], out: &mut [f64]) {
        for (i, &y) in y.iter().enumerate() {
            // Two divisions, because σ² may underflow.
            let q = y / self.deviations[i] / self.deviations[i];
            let a = self
                .coefficients
                .row(i)
                .to_slice()
                .expect("coefficients are in standard layout");
            out[i] = -q;
            add_scaled(q, &a[..i], &mut out[..i]);
        }
    }

    /// `Σ_i log σ_i + ½ D log 2π`.
    fn log_normaliser(&self) -> f64 {
        self.log_deviations.sum() + 0.5 * self.dim() as f64 * (2.0 * PI).ln()
    }
}

impl Space for LinearGaussianChain {
    fn dim(&self) -> usize {
        self.offsets.len()
    }
}

impl Energy for LinearGaussianChain {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let log_normaliser = self.log_normaliser();
        map_rows(self.dim(), x, out.view_mut().insert_axis(Axis(1)), |x, out| {
            let squares = self
                .residuals(x)
                .into_iter()
                .zip(&self.deviations)
                .map(|(r, s)| (r / s) * (r / s));
            out[0] = 0.5 * squares.sum::<f64>() + log_normaliser;
        });
        without_density(x, out);
    }
}

impl Density for LinearGaussianChain {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        parallel::for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                let x = row.as_slice_mut().expect("rows of a new array are contiguous");
                for i in 0..x.len() {
                    let z: f64 = rng.sample(StandardNormal);
                    x[i] = self.offsets[i] + self.regression(i, x) + self.deviations[i] * z;
                }
            }
        });
        out
    }
}

impl Score for LinearGaussianChain {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        map_rows(self.dim(), x, out, |x, out| self.pull(&self.residuals(x), out));
    }
}

impl Potential for LinearGaussianChain {}

impl ScoreJvp for LinearGaussianChain {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        map_rows(self.dim(), v, jvp, |v, out| self.pull(&self.differences(v), out));
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        // −Σ_i (1 + |a_i|²) / σ_i², and NaN where x is.
        let divergence: f64 = self
            .coefficients
            .rows()
            .into_iter()
            .zip(&self.deviations)
            .map(|(a, s)| -(1.0 + a.dot(&a)) / s / s)
            .sum();
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = if x.iter().any(|x| x.is_nan()) {
                f64::NAN
            } else {
                divergence
            };
        }
    }
}

impl Parametric for LinearGaussianChain {
    fn layout(&self) -> Layout {
        let dim = self.dim();
        Layout::new()
            .with("coefficients", &[dim * (dim - 1) / 2])
            .with("offsets", &[dim])
            .with("log_deviations", &[dim])
    }

    fn params(&self) -> Array1<f64> {
        let coefficients = self
            .coefficients
            .indexed_iter()
            .filter(|((i, j), _)| j < i)
            .map(|(_, a)| a);
        coefficients
            .chain(&self.offsets)
            .chain(&self.log_deviations)
            .copied()
            .collect()
    }
}

impl ParametricMut for LinearGaussianChain {
    /// Replaces the coefficients below the diagonal, row by row, the offsets, and the logarithms of the deviations.
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        let (layout, dim) = (self.layout(), self.dim());
        layout.check(params)?;
        let n_coefficients = dim * (dim - 1) / 2;
        for k in n_coefficients + dim..params.len() {
            if !is_size(params[k].exp()) {
                let requirement = format!("the logarithm of a number {SIZE}");
                return Err(Error::parameter(layout.locate(k), params[k], requirement));
            }
        }
        let mut values = params.iter().copied();
        for i in 0..dim {
            for j in 0..i {
                self.coefficients[[i, j]] = values.next().unwrap_or(f64::NAN);
            }
        }
        self.offsets = values.by_ref().take(dim).collect();
        self.log_deviations = values.collect();
        self.deviations = self.log_deviations.mapv(f64::exp);
        Ok(())
    }
}

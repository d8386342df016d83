//! Exponential families: densities whose logarithm is linear in their parameters.
//!
//! A family is `p(x; η) = h(x) exp(⟨η, T(x)⟩ − A(η))` with sufficient statistics `T`, base measure `h` and log-partition `A`. Everything
//! else follows from `A` (Barndorff-Nielsen 1978; Wainwright and Jordan 2008, section 3): `∇A(η) = E T` are the mean parameters,
//! `∇²A(η) = Cov T` is the Fisher information in `η`, the maximum likelihood estimate has the mean parameters of the data, and
//! the divergence between two members is the Bregman divergence of `A`.
//!
//! Representations here are **minimal**: no statistic is an affine function of the others on the support, so `η` is identified and
//! the Fisher information is positive definite. A symmetric matrix of statistics is its lower triangle, row by row; a natural parameter off the
//! diagonal then stands for both entries of the matrix it multiplies.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis};

use crate::energy::Density;
use crate::error::{Error, Result, check_points, check_shape};
use crate::score::Score;

/// A member of an exponential family: one value of the parameters.
///
/// What the parameters do not vary, such as the dimension or the number of trials of a binomial, belongs to the family and is
/// kept by [`with_natural`](Self::with_natural), [`with_mean`](Self::with_mean) and [`fit`](Self::fit).
pub trait ExponentialFamily: Density + Sized {
    /// The number of sufficient statistics `S`, which is that of the natural parameters.
    fn n_statistics(&self) -> usize;

    /// Writes `T(x_b)` of every row of `x` `(B, D)` into `out` `(B, S)`.
    ///
    /// Rows outside the support have no statistics worth anything; their base measure is zero.
    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// Writes `log h(x_b)` into `out` `(B)`; −∞ outside the support.
    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>);

    /// The natural parameters `η` `(S)`.
    fn natural_parameters(&self) -> Array1<f64>;

    /// The mean parameters `∇A(η) = E T(x)` `(S)`.
    fn mean_parameters(&self) -> Array1<f64>;

    /// The log-partition `A(η) = log ∫ h(x) exp⟨η, T(x)⟩ dx`, a sum on a discrete space.
    ///
    /// It differs from [`log_z`](Density::log_z) by the constant by which the energy differs from `−⟨η, T(x)⟩ − log h(x)`.
    fn log_partition(&self) -> f64;

    /// The Fisher information in the natural parameters, `∇²A(η) = Cov T(x)`, `(S, S)`.
    fn fisher_information(&self) -> Array2<f64>;

    /// The member of the same family with these natural parameters.
    ///
    /// # Errors
    /// A wrong number of them, or values for which `A(η)` is not finite, with the requirement.
    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self>;

    /// The member of the same family with these mean parameters: the inverse of `∇A`.
    ///
    /// # Errors
    /// A wrong number of them, or values that are not the mean of `T` under any member. That includes the boundary, where the
    /// maximum likelihood estimate does not exist: a binary variable that was always 1.
    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self>;

    /// The entropy `−E log p(x)` in nats, differential where `x` is continuous.
    fn entropy(&self) -> f64;

    /// `KL(self ‖ other) = A(η') − A(η) − ⟨η' − η, ∇A(η)⟩`, the Bregman divergence of `A`.
    ///
    /// Override it where the terms cancel and a better form exists.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let difference = other.natural_parameters() - self.natural_parameters();
        other.log_partition() - self.log_partition() - difference.dot(&self.mean_parameters())
    }

    /// The maximum likelihood estimate from the rows of `x` `(B, D)`: the member whose mean parameters are the mean statistics.
    ///
    /// # Errors
    /// No rows, a wrong number of columns, non-finite entries, a row outside the support, or data for which no member is likeliest.
    fn fit(&self, x: ArrayView2<f64>) -> Result<Self> {
        self.fit_weighted(x, Array1::ones(x.nrows()).view())
    }

    /// The estimate that maximises `Σ_b w_b log p(x_b)`, with weights `w` `(B)` that are not negative and not all zero.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and weights that are not as said.
    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        self.with_mean(mean_statistics(self, x, weights)?.view())
    }

    /// `T(x_b)` of all rows, in a new array `(B, S)`.
    fn statistics(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.n_statistics()));
        self.statistics_into(x, out.view_mut());
        out
    }

    /// `log h(x_b)` of all rows, in a new array.
    fn log_base_measure(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        self.log_base_measure_into(x, out.view_mut());
        out
    }
}

/// A family on a continuous space whose statistics can be differentiated in `x`.
///
/// The score `s(x) = Σ_s η_s ∇T_s(x) + ∇log h(x)` is linear in the natural parameters, so every score matching objective is quadratic in them
/// and has its minimum in closed form (Hyvärinen 2007).
pub trait ContinuousFamily: ExponentialFamily + Score {
    /// Writes `∂T_s/∂x_d` into `out` `(B, S, D)`.
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>);

    /// Writes the pure second derivatives `∂²T_s/∂x_d²` into `out` `(B, S, D)`.
    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>);

    /// Writes `∇log h(x_b)` into `out` `(B, D)`; zero where the base measure is constant on the support.
    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);
}

/// The mean statistics `Σ_b w_b T(x_b) / Σ_b w_b` of the rows of `x` `(B, D)` under weights `w` `(B)`.
///
/// # Errors
/// Data and weights that [`ExponentialFamily::fit_weighted`] refuses for every family.
pub fn mean_statistics<F: ExponentialFamily>(
    family: &F,
    x: ArrayView2<f64>,
    weights: ArrayView1<f64>,
) -> Result<Array1<f64>> {
    check_points("x", &x, family.dim())?;
    check_shape("weights", &weights, &[x.nrows()])?;
    crate::error::check_each("weights", weights, "finite and at least zero", |w| {
        w.is_finite() && w >= 0.0
    })?;
    let total = weights.sum();
    if !(total.is_finite() && total > 0.0) {
        return Err(Error::parameter(
            "the sum of weights",
            total,
            "finite and greater than zero",
        ));
    }
    let log_base = family.log_base_measure(x);
    if let Some(b) = (0..x.nrows()).find(|&b| !log_base[b].is_finite()) {
        return Err(Error::parameter(
            format!("x[{b}]"),
            x.row(b),
            "a point of the support",
        ));
    }
    let mut statistics = family.statistics(x);
    statistics *= &weights.mapv(|w| w / total).insert_axis(Axis(1));
    Ok(statistics.sum_axis(Axis(0)))
}

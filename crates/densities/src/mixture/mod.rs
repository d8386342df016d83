//! Gaussian mixtures.
//!
//! `p(x) = Σ_k w_k N(x; μ_k, Σ_k)`. With `W_k` such that `W_kᵀ W_k = Σ_k⁻¹`, and for each component
//!
//! - the whitened deviation `y_k = W_k (x − μ_k)`,
//! - the joint log-density `ℓ_k = log w_k − ½ D log 2π + log |W_k| − ½ ‖y_k‖²`,
//! - the responsibility `r_k = exp(ℓ_k) / Σ_j exp(ℓ_j)`, the posterior probability of the component given `x`,
//! - the component's score `s_k = −W_kᵀ y_k`,
//!
//! everything has a closed form:
//!
//! | quantity | formula |
//! |---|---|
//! | log-density | `log p = max_k ℓ_k + log Σ_k exp(ℓ_k − max ℓ)` |
//! | score | `s = Σ_k r_k s_k` |
//! | Hessian of `log p` | `J = Σ_k r_k [(s_k − s)(s_k − s)ᵀ − W_kᵀ W_k]` |
//! | divergence of the score | `tr J = Σ_k r_k [‖s_k − s‖² − ‖W_k‖²]`, the last norm Frobenius's |
//!
//! The Hessian is written with deviations `s_k − s` because the textbook form `Σ_k r_k s_k s_kᵀ − s sᵀ` subtracts two numbers that agree in all their
//! digits where one component dominates.
//!
//! **Accuracy.** Errors are a few ε of the terms of these formulas, which 50-digit tables hold to 4 ε: values, scores, products and divergences, out to 40
//! standard deviations and at condition numbers of 10¹⁰, because `W_k` is computed in twice the precision. For a responsibility, the exponential of a
//! difference of sums, that is a few ε of `r_k` times the terms of those sums: 40 standard deviations out, `ℓ_k` is near −800, and two components that share such
//! a point share it with 13 correct digits. The dominant component is taken first in the sum, so nothing overflows or underflows as long
//! as `‖y‖² < 10³⁰⁸`; beyond, the log-density is −∞ and the score NaN.
//!
//! **Noise.** A mixture plus Gaussian noise is a mixture, and what is known of the clean point has a closed form too: [`NoisedMixture`] along a whole
//! forward process, [`MixtureInNoise`] for noise of any covariance. Points without any spread become a density in noise, too: [`NoisedEmpirical`].
//!
//! **Rejected:** precision matrices instead of whitening maps, `½ xᵀ P x − xᵀ P μ + …`, which is one matrix product for all points and components
//! but cancels far from the origin; a running maximum that would save storing `y_k`, because each rescaling rounds once more.

mod covariances;
mod derivatives;
mod em;
mod evaluation;
mod factors;
mod noise;
mod noised;
mod panel;
mod sampling;
mod triangular;

use std::f64::consts::TAU;

use gibbsian_core::error::{Error, Result, check_each, check_finite, check_shape};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::gaussian::factors::Arithmetic;

pub use covariances::Covariances;
pub use em::{CovarianceForm, ExpectationMaximisation, MixtureFit};
use factors::Factors;
pub use noise::MixtureInNoise;
pub use noised::{NoisedEmpirical, NoisedMixture};

/// How far the sum of a mixture's weights may be from one.
///
/// Weights written with nine digits, or computed in single precision and normalised once more, pass; weights that are counts do not.
pub const WEIGHT_TOLERANCE: f64 = 1e-8;

/// A mixture of `K` normal densities in `D` dimensions, `p(x) = Σ_k w_k N(x; μ_k, Σ_k)`.
///
/// The energy is `−log p(x)` and `log_z` is zero. A row with an infinite coordinate has log-density −∞ and score NaN.
///
/// The score and the Hessian of a mixture, in closed form, at any number of points:
///
/// ```
/// use gibbsian_core::Score;
/// use gibbsian_densities::{Covariances, GaussianMixture};
/// use ndarray::array;
///
/// let mixture = GaussianMixture::new(
///     array![0.4, 0.6],
///     array![[0.0, 0.0], [2.0, 1.0]],
///     Covariances::Full(array![[[1.0, 0.5], [0.5, 1.0]], [[0.5, 0.0], [0.0, 2.0]]]),
/// )?;
/// let x = array![[1.0, 0.5], [40.0, -30.0]];
/// let score = mixture.score(x.view()); // ∇ log p, (B, D)
/// let hessian = mixture.hessian(x.view()); // ∇² log p, (B, D, D)
///
/// // Forty deviations out, the second component alone is left: s = −Σ⁻¹ (x − μ), and the Hessian is −Σ⁻¹.
/// assert!((score[(1, 0)] + 76.0).abs() < 1e-12);
/// assert!((hessian[(1, 0, 0)] + 2.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Covariances,
    factors: Factors,
    /// `log w_k − ½ D log 2π + log |W_k|`.
    log_scales: Array1<f64>,
}

impl GaussianMixture {
    /// The mixture of these weights `(K)`, means `(K, D)` and covariances.
    ///
    /// Weights may differ from sum one by [`WEIGHT_TOLERANCE`] and are divided by their sum. A weight of zero is allowed: such a
    /// component takes no part, and keeps its number.
    ///
    /// # Errors
    /// No component or no dimension; shapes that do not fit; entries that are not finite; a negative weight, or weights that do not sum to one; a
    /// variance that is not positive, or a matrix that is not symmetric or not positive definite, by its component, with the pivot and
    /// its value.
    pub fn new(weights: Array1<f64>, means: Array2<f64>, covariances: Covariances) -> Result<Self> {
        let arithmetic = Arithmetic::for_dim(means.ncols());
        GaussianMixture::in_arithmetic(weights, means, covariances, arithmetic)
    }

    /// The same with factors in this arithmetic.
    fn in_arithmetic(
        weights: Array1<f64>,
        means: Array2<f64>,
        covariances: Covariances,
        arithmetic: Arithmetic,
    ) -> Result<Self> {
        let (n_components, dim) = means.dim();
        if n_components == 0 || dim == 0 {
            return Err(Error::shape("means", means.shape(), "(at least 1, at least 1)"));
        }
        check_finite("means", &means)?;
        let weights = normalised(weights, n_components)?;
        covariances.check(n_components, dim)?;
        let factors = Factors::new(&covariances, arithmetic)?;
        Ok(Self::from_factors(weights, means, covariances, factors))
    }

    /// From parts that belong together.
    fn from_factors(
        weights: Array1<f64>,
        means: Array2<f64>,
        covariances: Covariances,
        factors: Factors,
    ) -> Self {
        let dim = means.ncols();
        let log_scales = weights
            .indexed_iter()
            .map(|(k, w)| w.ln() - 0.5 * dim as f64 * TAU.ln() + factors.log_determinant(k, dim))
            .collect();
        GaussianMixture {
            weights,
            means,
            covariances,
            factors,
            log_scales,
        }
    }

    /// The number of components `K`.
    pub fn n_components(&self) -> usize {
        self.means.nrows()
    }

    /// The weights `w` `(K)`, which sum to one.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The means of the components, `(K, D)`.
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.means.view()
    }

    /// The covariances of the components, in the shape that they were given in.
    pub fn covariances(&self) -> &Covariances {
        &self.covariances
    }

    /// `μ_k`, `(D)`.
    ///
    /// # Panics
    /// If there is no such component.
    pub fn component_mean(&self, component: usize) -> ArrayView1<'_, f64> {
        self.means.row(component)
    }

    /// `Σ_k` as a matrix `(D, D)`, whatever the shape of the covariances.
    ///
    /// # Panics
    /// If there is no such component.
    pub fn component_covariance(&self, component: usize) -> Array2<f64> {
        self.covariances.matrix(component, self.means.ncols())
    }

    /// The mean of the mixture, `Σ_k w_k μ_k`, `(D)`.
    pub fn mean(&self) -> Array1<f64> {
        self.weights.dot(&self.means)
    }

    /// The covariance of the mixture `(D, D)`: within the components and between their means, `Σ_k w_k [Σ_k + (μ_k − μ)(μ_k − μ)ᵀ]`.
    pub fn covariance(&self) -> Array2<f64> {
        let mean = self.mean();
        let mut covariance = Array2::zeros((mean.len(), mean.len()));
        for (k, &weight) in self.weights.indexed_iter() {
            let deviation = &self.means.row(k) - &mean;
            let column = deviation.view().insert_axis(Axis(1));
            covariance.scaled_add(weight, &self.component_covariance(k));
            covariance.scaled_add(weight, &column.dot(&column.t()));
        }
        covariance
    }
}

/// Weights that sum to one, within rounding.
pub(crate) fn normalised(weights: Array1<f64>, n_components: usize) -> Result<Array1<f64>> {
    check_shape("weights", &weights, &[n_components])?;
    check_each("weights", weights.view(), "finite and at least zero", |w| {
        w.is_finite() && w >= 0.0
    })?;
    let total = weights.sum();
    if (total - 1.0).abs() > WEIGHT_TOLERANCE {
        return Err(Error::parameter(
            "the sum of weights",
            total,
            format!("within {WEIGHT_TOLERANCE:e} of 1; divide the weights by their sum"),
        ));
    }
    Ok(weights / total)
}

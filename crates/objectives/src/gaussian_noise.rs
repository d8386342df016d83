//! Gaussian noise of any covariance, and what a score, a denoiser and a predictor of noise say of each other under it.
//!
//! For `x̃ = x + L z` with `LLᵀ = C` and standard normal `z`, the score of the noisy density gives the mean of what was there before, and back:
//!
//! `E[x | x̃] = x̃ + C s(x̃)`,  `E[z | x̃] = −Lᵀ s(x̃)`
//!
//! (Miyasawa 1961 and Robbins 1956 after Tweedie, for any covariance). `L` is the Cholesky factor; another factor would give the noise in other coordinates.

use gibbsian_core::error::{check_each, check_positive};
use gibbsian_core::{Directions, Error, Result, Streams};
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView2};

/// Centred Gaussian noise: isotropic, independent in every coordinate, or correlated.
///
/// ```
/// use gibbsian_objectives::GaussianNoise;
/// use ndarray::array;
///
/// let noise = GaussianNoise::correlated(array![[4.0, 2.0], [2.0, 5.0]])?;
/// let (x, score) = (array![[1.0, 1.0]], array![[0.5, -0.5]]);
/// let denoised = noise.denoised(x.view(), score.view());
/// assert_eq!(denoised, array![[2.0, -0.5]]);
/// assert!((noise.score_of_denoised(x.view(), denoised.view()) - &score).iter().all(|e| e.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianNoise(Shape);

#[derive(Clone, Debug)]
enum Shape {
    /// `σ`.
    Isotropic(f64),
    /// The deviations of the coordinates.
    Independent(Array1<f64>),
    Correlated(Cholesky),
}

impl GaussianNoise {
    /// Noise of deviation `sigma` in every coordinate, in any number of them.
    ///
    /// # Errors
    /// A deviation that is not finite and greater than zero.
    pub fn isotropic(sigma: f64) -> Result<Self> {
        check_positive("sigma", sigma)
            .map(|sigma| GaussianNoise(Shape::Isotropic(sigma)))
            .map_err(|e| {
                e.with_cure("without noise there is nothing to denoise: take a tenth of the data's deviation")
            })
    }

    /// Independent noise with these `deviations` `(D)` of the coordinates.
    ///
    /// # Errors
    /// No deviations, or one that is not finite and greater than zero.
    pub fn independent(deviations: Array1<f64>) -> Result<Self> {
        if deviations.is_empty() {
            return Err(Error::shape("deviations", deviations.shape(), "[at least 1]"));
        }
        check_each(
            "deviations",
            deviations.view(),
            "finite and greater than zero",
            |s| s.is_finite() && s > 0.0,
        )?;
        Ok(GaussianNoise(Shape::Independent(deviations)))
    }

    /// Noise of this covariance `(D, D)`.
    ///
    /// # Errors
    /// A matrix that is not symmetric and positive definite.
    pub fn correlated(covariance: Array2<f64>) -> Result<Self> {
        Cholesky::new("covariance", covariance.view()).map(|factor| GaussianNoise(Shape::Correlated(factor)))
    }

    /// The number of coordinates, unless the noise is isotropic and fits any number.
    pub fn dim(&self) -> Option<usize> {
        match &self.0 {
            Shape::Isotropic(_) => None,
            Shape::Independent(deviations) => Some(deviations.len()),
            Shape::Correlated(factor) => Some(factor.dim()),
        }
    }

    /// The mean of the noiseless points given the noisy ones, `x̃ + C s` of every row, from the scores of the noisy density; both are `(B, D)`.
    pub fn denoised(&self, noisy: ArrayView2<f64>, score: ArrayView2<f64>) -> Array2<f64> {
        self.times_covariance(score) + noisy
    }

    /// The scores `C⁻¹ (d − x̃)` of the noisy density, from the means `d` of the noiseless points.
    pub fn score_of_denoised(&self, noisy: ArrayView2<f64>, denoised: ArrayView2<f64>) -> Array2<f64> {
        self.solve((&denoised - &noisy).view())
    }

    /// The means `−Lᵀ s` of the standardised noise, from the scores of the noisy density.
    pub fn noise_of_score(&self, score: ArrayView2<f64>) -> Array2<f64> {
        -self.times_factor_transposed(score)
    }

    /// The scores `−L⁻ᵀ z` of the noisy density, from the means `z` of the standardised noise.
    pub fn score_of_noise(&self, noise: ArrayView2<f64>) -> Array2<f64> {
        -self.solve(self.times_factor(noise).view())
    }

    /// Standard normal `z` `(B, D)` for as many rows, from fixed blocks of rows.
    pub(crate) fn standard(shape: (usize, usize), streams: Streams) -> Array2<f64> {
        let mut z = Array2::zeros(shape);
        Directions::Gaussian.fill(streams, z.view_mut());
        z
    }

    /// `L r` of every row `r`.
    pub(crate) fn times_factor(&self, rows: ArrayView2<f64>) -> Array2<f64> {
        match &self.0 {
            Shape::Isotropic(sigma) => &rows * *sigma,
            Shape::Independent(deviations) => &rows * deviations,
            Shape::Correlated(factor) => matmul(rows, factor.lower().t()),
        }
    }

    /// `Lᵀ r` of every row `r`.
    pub(crate) fn times_factor_transposed(&self, rows: ArrayView2<f64>) -> Array2<f64> {
        match &self.0 {
            Shape::Correlated(factor) => matmul(rows, factor.lower()),
            _ => self.times_factor(rows),
        }
    }

    /// `C r` of every row `r`.
    pub(crate) fn times_covariance(&self, rows: ArrayView2<f64>) -> Array2<f64> {
        self.times_factor(self.times_factor_transposed(rows).view())
    }

    /// `C⁻¹ r` of every row `r`.
    pub(crate) fn solve(&self, rows: ArrayView2<f64>) -> Array2<f64> {
        match &self.0 {
            Shape::Isotropic(sigma) => &rows / (sigma * sigma),
            Shape::Independent(deviations) => &rows / &(deviations * deviations),
            Shape::Correlated(factor) => factor.solve(rows.t()).reversed_axes(),
        }
    }
}

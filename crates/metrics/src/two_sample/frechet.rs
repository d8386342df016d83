//! The Fréchet distance: optimal transport between the normal laws that have the moments of two others.
//!
//! `W₂² = |m₁ − m₂|² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁^{½} Σ₂ Σ₁^{½})^{½}`. On features of an image network it is the Fréchet inception distance (FID).
//!
//! With any factors `Σ = RᵀR` the last trace is the sum of the singular values of `R₁ R₂ᵀ`, which asks nothing of the covariances' rank. A covariance
//! matrix knows its small eigenvalues to `ε` times the largest only, and their roots to `√ε`: what is below is taken as zero. Samples of
//! no more points than dimensions, whose covariances are singular, are their own factors and lose nothing.
//!
//! Between samples the value is too large by `O(D/N)`: never compare values of different `N`.
//!
//! Source: Dowson and Landau (1982), "The Fréchet distance between multivariate normal distributions"; Heusel et al. (2017) for the inception distance.

use gibbsian_core::Result;
use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_linalg::{Svd, SymmetricEigen, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::{Points, at_least_zero};

/// `W₂²` between normal laws with means `(D)` and positive semi-definite covariances `(D, D)`.
///
/// # Errors
/// No dimension, shapes that do not fit, an entry that is not finite, or a covariance that is not symmetric. Negative eigenvalues count as zero. Covariances whose traces overflow give NaN.
///
/// ```
/// use gibbsian_metrics::frechet_distance;
/// use ndarray::array;
/// let (one, four) = (array![[1.0]], array![[4.0]]);
/// // |3|² + (2 − 1)²
/// let found = frechet_distance(array![0.0].view(), one.view(), array![3.0].view(), four.view())?;
/// assert!((found - 10.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn frechet_distance(
    mean_x: ArrayView1<f64>,
    covariance_x: ArrayView2<f64>,
    mean_y: ArrayView1<f64>,
    covariance_y: ArrayView2<f64>,
) -> Result<f64> {
    let dim = mean_x.len();
    check_finite("mean_x", &mean_x)?;
    check_shape("mean_y", &mean_y, &[dim])?;
    check_finite("mean_y", &mean_y)?;
    check_shape("covariance_x", &covariance_x, &[dim, dim])?;
    check_shape("covariance_y", &covariance_y, &[dim, dim])?;
    let moments = |mean: ArrayView1<f64>, name, covariance| -> Result<Moments> {
        let factor = factor(name, covariance)?;
        Ok(Moments {
            mean: mean.to_owned(),
            // Not the covariance's own, in which negative eigenvalues would count.
            trace: factor.iter().map(|r| r * r).sum(),
            factor,
        })
    };
    let x = moments(mean_x, "covariance_x", covariance_x)?;
    let y = moments(mean_y, "covariance_y", covariance_y)?;
    distance(&x, &y)
}

/// `W₂²` between the normal laws with the sample means and covariances (`N − 1` in the denominator) of `x` `(N, D)` and `y` `(M, D)`.
///
/// # Errors
/// Fewer than two points, other dimensions, or an entry that is not finite.
///
/// ```
/// use gibbsian_metrics::frechet_distance_of_samples;
/// use ndarray::array;
/// // A shift by (3, 4) moves the mean and nothing else.
/// let x = array![[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]];
/// let found = frechet_distance_of_samples(x.view(), (&x + &array![3.0, 4.0]).view())?;
/// assert!((found - 25.0).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn frechet_distance_of_samples(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<f64> {
    let (x, y) = Points::pair(x, y, 2)?;
    distance(&Moments::of("x", x.view())?, &Moments::of("y", y.view())?)
}

/// A mean, the trace of a covariance `RᵀR` and a factor `R` of it.
struct Moments {
    mean: Array1<f64>,
    trace: f64,
    factor: Array2<f64>,
}

impl Moments {
    fn of(name: &str, x: ArrayView2<f64>) -> Result<Self> {
        let mean = x.sum_axis(Axis(0)) / x.nrows() as f64;
        let scaled = (&x - &mean) / (x.nrows() as f64 - 1.0).sqrt();
        let trace = scaled.iter().map(|v| v * v).sum();
        let factor = if x.nrows() <= x.ncols() {
            scaled
        } else {
            let covariance = matmul(scaled.t(), scaled.view());
            factor(name, covariance.view())?
        };
        Ok(Moments { mean, trace, factor })
    }
}

/// `R` with `RᵀR = Σ`: a row `√λ vᵀ` for each eigenvalue that is told from zero, and one row at least.
fn factor(name: &str, covariance: ArrayView2<f64>) -> Result<Array2<f64>> {
    let eigen = SymmetricEigen::new(name, covariance)?;
    let dim = covariance.nrows();
    let largest = eigen.values()[dim - 1];
    let threshold = (dim as f64 * f64::EPSILON * largest).max(0.0);
    let first = eigen
        .values()
        .iter()
        .take(dim - 1)
        .filter(|value| **value <= threshold)
        .count();
    let roots = eigen.values().mapv(|value| value.max(0.0).sqrt());
    let rows = &eigen.vectors() * &roots;
    Ok(rows.slice(ndarray::s![.., first..]).t().to_owned())
}

fn distance(x: &Moments, y: &Moments) -> Result<f64> {
    let product = matmul(x.factor.view(), y.factor.t());
    let fidelity = Svd::new("the product of factors", product.view())?.values().sum();
    let shift: f64 = x.mean.iter().zip(&y.mean).map(|(a, b)| (a - b) * (a - b)).sum();
    // Equal covariances leave rounding of either sign.
    Ok(shift + at_least_zero(x.trace + y.trace - 2.0 * fidelity))
}

//! Normal densities and points that several tests share.

use gibbsian_densities::MultivariateNormal;
use ndarray::{Array1, Array2};

/// A covariance without symmetries, of eigenvalues of order one.
pub fn covariance(d: usize) -> Array2<f64> {
    let root = Array2::from_shape_fn((d, d), |(i, j)| {
        0.4 * ((3 * i + 5 * j * j + 1) as f64).sin() / (d as f64).sqrt()
    });
    root.dot(&root.t()) + Array2::from_diag(&Array1::linspace(0.6, 1.3, d))
}

/// A mean without symmetries.
pub fn mean(d: usize) -> Array1<f64> {
    Array1::from_shape_fn(d, |i| (i as f64 + 0.5).cos())
}

/// Three generic points.
pub fn probes(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((3, d), |(b, i)| ((7 * b + 3 * i) as f64).sin() + 0.1)
}

/// The same matrix as covariance, as precision and as factor, and its diagonal.
pub fn every_form(d: usize) -> [MultivariateNormal; 4] {
    [
        MultivariateNormal::from_covariance(mean(d), covariance(d)).unwrap(),
        MultivariateNormal::from_precision(mean(d), covariance(d)).unwrap(),
        MultivariateNormal::from_cholesky(mean(d), covariance(d)).unwrap(),
        MultivariateNormal::diagonal(mean(d), covariance(d).diag().to_owned()).unwrap(),
    ]
}

/// `|found − expected| ≤ tolerance · max(1, |expected|)`.
#[track_caller]
pub fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

/// The largest difference of two matrices, relative to the largest entry of the second.
pub fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let largest = |m: &Array2<f64>| m.fold(0.0, |l: f64, v| l.max(v.abs()));
    largest(&(a - b)) / largest(b)
}

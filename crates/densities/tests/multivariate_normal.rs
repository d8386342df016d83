//! The multivariate normal density keeps the laws of its traits.

use gibbsian_core::Seed;
use gibbsian_densities::MultivariateNormal;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2};

/// A covariance without symmetries, of eigenvalues of order one.
fn covariance(d: usize) -> Array2<f64> {
    let root = Array2::from_shape_fn((d, d), |(i, j)| {
        0.4 * ((3 * i + 5 * j * j + 1) as f64).sin() / (d as f64).sqrt()
    });
    root.dot(&root.t()) + Array2::from_diag(&Array1::linspace(0.6, 1.3, d))
}

fn mean(d: usize) -> Array1<f64> {
    Array1::from_shape_fn(d, |i| (i as f64 + 0.5).cos())
}

fn probes(d: usize) -> Array2<f64> {
    Array2::from_shape_fn((3, d), |(b, i)| ((7 * b + 3 * i) as f64).sin() + 0.1)
}

fn both_forms(d: usize) -> [MultivariateNormal; 3] {
    [
        MultivariateNormal::from_covariance(mean(d), covariance(d)).unwrap(),
        MultivariateNormal::from_precision(mean(d), covariance(d)).unwrap(),
        MultivariateNormal::diagonal(mean(d), covariance(d).diag().to_owned()).unwrap(),
    ]
}

#[test]
fn conformance_of_values_and_scores() -> Verdict {
    for d in [1, 2, 3, 4, 5, 8, 11, 17] {
        for normal in both_forms(d) {
            let x = probes(d);
            conformance::energy(&normal, x.view(), Precision::DOUBLE)?;
            conformance::score(&normal, x.view(), Precision::DOUBLE)?;
            conformance::potential(&normal, x.view(), Precision::DOUBLE)?;
            conformance::score_jvp(&normal, x.view(), Precision::DOUBLE)?;
            // In many dimensions the weights of a narrow normal density have too large a variance.
            if d <= 5 {
                conformance::density(&normal, 0.35, Precision::DOUBLE, Seed::new(d as u64))?;
            }
        }
    }
    Ok(())
}

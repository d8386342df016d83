//! Conditioning, judged by the exact posteriors of mixtures.

mod claims;
mod classifiers;
mod colour;
mod composition;
mod guidance;
mod inpainting;
mod likelihoods;
mod posterior_energy;
mod refusals;
mod twisted_smc;

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{At, Score, TimeScore};
use gibbsian_sde::LinearObservation;
use ndarray::{Array1, Array2, array};

use crate::common::normals::Normals;

/// The process of most tests; at its end less than 10⁻² of the data is left.
fn process() -> OrnsteinUhlenbeck {
    OrnsteinUhlenbeck::new(5.0).unwrap()
}

/// Numbers without symmetries.
fn probes(n: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, dim), |(b, i)| {
        1.7 * ((7 * b + 3 * i + 1) as f64).sin() + 0.1 * i as f64
    })
}

/// Times from early to late, one a row.
fn times(n: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |b| 0.02 + 3.0 * ((b as f64 + 0.5) / n as f64).powi(2))
}

fn score_at(model: &dyn TimeScore, x: &Array2<f64>, t: &Array1<f64>) -> Array2<f64> {
    At::new(&model, t.view()).score(x.view())
}

/// Two modes in `dim` dimensions.
fn two_modes(dim: usize) -> Normals<OrnsteinUhlenbeck> {
    let means = Array2::from_shape_fn((2, dim), |(k, i)| {
        let side = if k == 0 { -1.2 } else { 1.0 };
        side / (1.0 + 0.3 * i as f64)
    });
    Normals::isotropic(array![0.35, 0.65], means, &[0.5, 0.7], process())
}

/// One normal distribution whose coordinates hang together, also with `dim = 1`.
fn correlated(dim: usize) -> Normals<OrnsteinUhlenbeck> {
    let root = Array2::from_shape_fn((dim, dim), |(i, j)| {
        0.6 * ((3 * i + 5 * j + 2) as f64).sin() + if i == j { 0.8 } else { 0.0 }
    });
    Normals {
        weights: array![1.0],
        means: Array2::from_shape_fn((1, dim), |(_, i)| 0.5 - 0.2 * i as f64),
        covariances: vec![root.dot(&root.t()) + Array2::<f64>::eye(dim) * 0.05],
        process: process(),
    }
}

/// Up to two linear functions of the point.
fn observed(dim: usize, noise_variance: f64) -> LinearObservation {
    let n_values = dim.min(2);
    let matrix = Array2::from_shape_fn((n_values, dim), |(m, i)| {
        ((2 * m + i + 1) as f64).cos() + if m == i { 0.6 } else { 0.0 }
    });
    let values = Array1::from_shape_fn(n_values, |m| 0.9 - 0.4 * m as f64);
    LinearObservation::new(matrix, values, noise_variance).unwrap()
}

/// The largest difference of two arrays, relative to their largest entry.
fn difference(found: &Array2<f64>, expected: &Array2<f64>) -> f64 {
    let largest = |a: &Array2<f64>| a.fold(0.0, |m: f64, v| m.max(v.abs()));
    largest(&(found - expected)) / largest(expected)
}

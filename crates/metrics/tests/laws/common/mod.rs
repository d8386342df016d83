//! What the tests share: reference tables, small generators of chains and points.

use gibbsian_core::Seed;
use ndarray::{Array2, Array3};
use rand::RngExt;
use rand_distr::StandardNormal;
use serde_json::Value;

/// A reference table, from its text.
pub fn table(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A number of a table; NaN for null.
pub fn number(value: &Value) -> f64 {
    if value.is_null() {
        f64::NAN
    } else {
        value.as_f64().unwrap()
    }
}

/// A matrix of a table.
pub fn matrix(value: &Value) -> Array2<f64> {
    let rows = value.as_array().unwrap();
    let flat: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap().iter().map(number))
        .collect();
    Array2::from_shape_vec((rows.len(), flat.len() / rows.len()), flat).unwrap()
}

/// Requires a number to agree with a reference to a relative tolerance.
#[track_caller]
pub fn close(what: &str, found: f64, expected: f64, relative: f64) {
    let agrees =
        (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= relative * expected.abs();
    assert!(
        agrees,
        "{what}: {found:e} instead of {expected:e}, off by {:.1e}",
        (found / expected - 1.0).abs()
    );
}

/// Independent standard normals `(n, dim)`.
pub fn normals(n: usize, dim: usize, seed: Seed) -> Array2<f64> {
    let mut rng = seed.rng();
    Array2::from_shape_simple_fn((n, dim), || rng.sample(StandardNormal))
}

/// Stationary autoregressions with variance 1: `(chains, draws, D)`, coordinate `d` with the coefficient `rho[d]`.
pub fn autoregressions(n_chains: usize, n_draws: usize, rho: &[f64], seed: Seed) -> Array3<f64> {
    let mut rng = seed.rng();
    let mut x = Array3::zeros((n_chains, n_draws, rho.len()));
    for c in 0..n_chains {
        for t in 0..n_draws {
            for (d, rho) in rho.iter().enumerate() {
                let z: f64 = rng.sample(StandardNormal);
                x[[c, t, d]] = if t == 0 {
                    z
                } else {
                    rho * x[[c, t - 1, d]] + (1.0 - rho * rho).sqrt() * z
                };
            }
        }
    }
    x
}

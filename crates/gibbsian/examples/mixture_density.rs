//! The log-density of a mixture of normals: where it is likely, and where it underflows.
//!
//! `log p(x) = log Σ_k w_k N(x; μ_k, v_k I)`. The density itself leaves the range of doubles some 38 standard deviations from the last mode; its logarithm does not, because it is summed on the
//! logarithmic scale.
//!
//! `cargo run -p gibbsian --example mixture_density`
//!
//! prints log-densities beside the formula, one of them at a point where `p(x)` is zero in doubles, and the integral of the density over the plane.

#![allow(clippy::print_stdout)]

use std::f64::consts::TAU;

use gibbsian::densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
use gibbsian::ndarray::array;
use gibbsian::prelude::*;

/// Computes log-densities and holds them to the formula and to the integral.
pub fn main() -> Result<()> {
    let weights = array![0.4, 0.6];
    let means = array![[0.0, 0.0], [2.0, 1.0]];
    let variances = array![1.0, 0.25];
    let mixture = GaussianMixture::new(weights, means, Covariances::Spherical(variances))?;

    // Rows are points: one between the modes, one at a mode, one sixty deviations away.
    let x = array![[1.0, 0.5], [2.0, 1.0], [60.0, 0.0]];
    let log_p = mixture.log_density(x.view());

    // The formula, term by term; far out only the wide component is left.
    let normal = |r2: f64, v: f64| (-r2 / (2.0 * v)).exp() / (TAU * v);
    let expected = [
        (0.4 * normal(1.25, 1.0) + 0.6 * normal(1.25, 0.25)).ln(),
        (0.4 * normal(5.0, 1.0) + 0.6 * normal(0.0, 0.25)).ln(),
        (0.4 / TAU).ln() - 0.5 * 60.0 * 60.0,
    ];
    for ((x, log_p), expected) in x.rows().into_iter().zip(&log_p).zip(expected) {
        println!(
            "log p({x:5.1}) = {log_p:13.6}, by the formula {expected:13.6}, p = {:.3e}",
            log_p.exp()
        );
        assert!((log_p - expected).abs() <= 1e-12 * expected.abs());
    }
    assert_eq!(log_p[2].exp(), 0.0);

    // A density: the integral of exp(−E) over the plane is Z, within the error that the quadrature promises.
    let integral = numeric_log_z(&mixture, &Domain::whole(2)?, QuadratureOptions::default())?;
    let total = (integral.log_z - mixture.log_z()).exp();
    println!(
        "∫ p dx = {total:.12} ± {:.1e}, from {} evaluations",
        integral.error, integral.n_evaluations
    );
    assert!((integral.log_z - mixture.log_z()).abs() <= integral.error);
    Ok(())
}

//! Normalisers against closed forms, and functions that have none.

use std::f64::consts::PI;

use gibbsian_core::{Density, Energy};
use gibbsian_densities::QuadraticEnergy;
use gibbsian_densities::positive::{Absolute, Exp, Positive, Softplus, Square};
use gibbsian_densities::quadrature::{Domain, Normalised, QuadratureOptions, expectation};
use ndarray::{Array2, array};

use crate::positive::support::{PolynomialTimesGaussian, Saddle, positive};

/// Panics unless `log Z` on all points is `exact`, within the error that it states.
fn hold<E: Energy>(what: &str, model: E, exact: f64, relative: f64) {
    let settings = QuadratureOptions {
        relative,
        ..QuadratureOptions::default()
    };
    let domain = Domain::whole(model.dim()).unwrap();
    let density = Normalised::new(model, domain, settings).unwrap_or_else(|e| panic!("{what}: {e}"));
    let (error, stated) = ((density.log_z() - exact).abs(), density.normaliser().error);
    assert!(
        error <= stated + f64::EPSILON * exact.abs() && stated <= 4.0 * relative,
        "{what}: off by {error:e}, stated {stated:e}"
    );
}

/// The coefficients of the Hermite polynomial `H_n`, by `H_(n+1) = 2x H_n − 2n H_(n−1)`.
fn hermite(n: usize) -> Vec<f64> {
    let (mut before, mut now) = (vec![0.0; n + 2], vec![0.0; n + 2]);
    now[0] = 1.0;
    for k in 0..n {
        let mut next = vec![0.0; n + 2];
        for i in 0..=k {
            next[i + 1] += 2.0 * now[i];
            next[i] -= 2.0 * k as f64 * before[i];
        }
        (before, now) = (now, next);
    }
    now.truncate(n + 1);
    now
}

#[test]
fn squares_of_hermite_functions() {
    // ∫ H_n² exp(−x²) = √π 2ⁿ n!
    let mut exact = PI.sqrt();
    for n in 0..=8 {
        if n > 0 {
            exact *= 2.0 * n as f64;
        }
        let f = PolynomialTimesGaussian::new(&hermite(n), 0.5);
        hold(&format!("H_{n}"), Positive::new(f, Square), exact.ln(), 1e-12);
    }
}

#[test]
fn absolute_values_of_derivatives_have_total_variations_as_integrals() {
    // H_n exp(−x²) is ± the derivative of H_(n−1) exp(−x²), so that the integral of its absolute value is twice the sum of |H_(n−1) exp(−x²)|
    // over the zeros of H_n.
    let n3 = 2.0 * (2.0 + 8.0 * (-1.5_f64).exp());
    for (n, exact) in [(1, 2.0), (2, 4.0 * 2f64.sqrt() * (-0.5_f64).exp()), (3, n3)] {
        let f = PolynomialTimesGaussian::new(&hermite(n), 1.0);
        hold(&format!("H_{n}"), Positive::new(f, Absolute), exact.ln(), 1e-12);
    }
}

#[test]
fn the_plane_has_normalisers_too() {
    hold("|x y| exp", Positive::new(&Saddle, Absolute), 4f64.ln(), 1e-10);
    // ∫ x² exp(−x²) = √π/2, squared.
    hold(
        "(x y)² exp",
        Positive::new(&Saddle, Square),
        (PI / 4.0).ln(),
        1e-11,
    );
    let f = QuadraticEnergy::new(array![[2.0, 0.6], [0.6, 1.0]], array![1.0, -3.0], 2.0).unwrap();
    let (_, log_integral) = f.complete_the_square().unwrap();
    hold("exp of a quadratic", Positive::new(&f, Exp), log_integral, 1e-11);
    // ∫∫ log(1 + exp(−|x|²)) = π ∫₀^∞ log(1 + e^−u) du = π · π²/12.
    let f = QuadraticEnergy::new(2.0 * Array2::eye(2), array![0.0, 0.0], 0.0).unwrap();
    hold(
        "softplus of −|x|²",
        Positive::new(f, Softplus),
        (PI.powi(3) / 12.0).ln(),
        1e-11,
    );
}

#[test]
fn softplus_of_a_parabola_is_a_polylogarithm() {
    // ∫ log(1 + exp(−x²)) = Σ_k (−1)^(k+1)/k √(π/k) = √π η(3/2), with η(3/2) = (1 − 2^(−1/2)) ζ(3/2).
    const ZETA: f64 = 2.612375348685488;
    let exact = PI.sqrt() * (1.0 - 0.5_f64.sqrt()) * ZETA;
    let f = PolynomialTimesGaussian::new(&[0.0, 0.0, -1.0], 0.0);
    hold("softplus of −x²", Positive::new(f, Softplus), exact.ln(), 1e-12);
}

#[test]
fn the_exponential_of_a_parabola_is_a_normal_density() {
    let f = QuadraticEnergy::new(array![[3.0]], array![1.2], 0.4).unwrap();
    let (normal, _) = f.complete_the_square().unwrap();
    let density = Normalised::new(
        Positive::new(&f, Exp),
        Domain::whole(1).unwrap(),
        QuadratureOptions::default(),
    )
    .unwrap();
    let x = array![[-2.0], [0.0], [0.4], [9.0]];
    let difference = density.log_density(x.view()) - normal.log_density(x.view());
    // The size of the terms at x = 9 is 120, of which some ε are lost.
    assert!(difference.iter().all(|d| d.abs() < 1e-13), "{difference}");
    let mean = expectation(
        &density,
        |x, mut out| out.assign(&x.column(0)),
        density.domain(),
        QuadratureOptions::default(),
    );
    assert!((mean.unwrap().value - 0.4).abs() < 1e-12);
}

#[test]
fn functions_that_do_not_fall_have_no_normaliser() {
    let line = || Domain::whole(1).unwrap();
    let settings = QuadratureOptions {
        max_evaluations: 1_000_000,
        ..QuadratureOptions::default()
    };
    let bump = PolynomialTimesGaussian::new(&[1.0], 1.0);
    let constant = PolynomialTimesGaussian::new(&[2.0], 0.0);
    let slope = PolynomialTimesGaussian::new(&[0.0, 1.0], 0.0);
    let parabola = PolynomialTimesGaussian::new(&[0.0, 0.0, -1.0], 0.0);
    for (f, has) in [
        // A bounded function is no exponent: any bounded network as an energy on the line.
        (&bump, ["square", "absolute"].as_slice()),
        (&constant, &[]),
        (&slope, &[]),
        // Falling to −∞ is right for exponents only.
        (&parabola, &["exp", "softplus"]),
    ] {
        for name in ["exp", "square", "absolute", "softplus"] {
            let found = Normalised::new(positive(f, name), line(), settings);
            assert_eq!(
                found.is_ok(),
                has.contains(&name),
                "{name} of {f:?}: {:?}",
                found.map(|d| d.log_z())
            );
        }
    }
}

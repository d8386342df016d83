//! Normalisers of energies.

use std::f64::consts::PI;

use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, expectation, numeric_log_z};

use crate::quadrature::Field;

#[test]
fn log_z_of_normals_of_any_size_anywhere() {
    for (mu, sigma) in [
        (0.0, 1.0),
        (1e3, 1e-3),
        (-1e6, 1.0),
        (3.0, 1e8),
        (1e-5, 1e-9),
        (0.0, 1e-8),
    ] {
        for offset in [0.0, 1e5, -1e5] {
            let energy = Field(1, move |x: &[f64]| 0.5 * ((x[0] - mu) / sigma).powi(2) + offset);
            // Doubles near μ are ε|μ| apart, and the energy changes by no less than that allows.
            let settings = QuadratureOptions {
                relative: 1e-13_f64.max(10.0 * f64::EPSILON * (mu / sigma).abs()),
                ..QuadratureOptions::default()
            };
            let found = numeric_log_z(&energy, &Domain::whole(1).unwrap(), settings).unwrap();
            let exact = (sigma * (2.0 * PI).sqrt()).ln() - offset;
            let error = (found.log_z - exact).abs();
            assert!(
                error <= found.error && found.error < 1e-8,
                "{mu} {sigma} {offset}: {error:e}, {found:?}"
            );
        }
    }
}

#[test]
fn two_scales_far_apart() {
    // Weights ¼ and ¾, standard deviations 10⁻³ and 1, a thousand apart.
    let normal = |x: f64, mu: f64, sigma: f64| -0.5 * ((x - mu) / sigma).powi(2) - sigma.ln();
    let log_p = move |x: f64| {
        gibbsian_core::math::log_add_exp(
            normal(x, 0.0, 1e-3) + 0.25f64.ln(),
            normal(x, 1000.0, 1.0) + 0.75f64.ln(),
        )
    };
    let energy = Field(1, move |x: &[f64]| -log_p(x[0]));
    let line = Domain::whole(1).unwrap();
    let settings = QuadratureOptions {
        relative: 1e-12,
        ..QuadratureOptions::default()
    };
    let found = numeric_log_z(&energy, &line, settings).unwrap();
    assert!((found.log_z - 0.5 * (2.0 * PI).ln()).abs() < 1e-12, "{found:?}");
    let mean = expectation(&energy, |x, mut out| out.assign(&x.column(0)), &line, settings).unwrap();
    assert!(
        (mean.value - 750.0).abs() < 1e-12 * 750.0 && mean.error < 1e-9,
        "{mean:?}"
    );

    let planar = Field(2, move |x: &[f64]| -log_p(x[0]) - normal(x[1], -40.0, 0.01));
    let found = numeric_log_z(&planar, &Domain::whole(2).unwrap(), settings).unwrap();
    assert!((found.log_z - (2.0 * PI).ln()).abs() < 1e-12, "{found:?}");
}

#[test]
fn singular_energies() {
    // Gamma of shape 1/100: the energy falls to −∞ at zero. Γ(1/100) = 99.4325851191506037135…
    let energy = Field(1, |x: &[f64]| 0.99 * x[0].ln() + x[0]);
    let domain = Domain::interval(Interval::above(0.0).unwrap());
    let found = numeric_log_z(
        &energy,
        &domain,
        QuadratureOptions {
            relative: 1e-12,
            ..QuadratureOptions::default()
        },
    );
    // What lies below 10⁻²⁸⁰ is a part of 10⁻³ of it: that is said, not hidden.
    let message = found.unwrap_err().to_string();
    assert!(
        message.contains("does not converge there, or too slowly"),
        "{message}"
    );
    // Shape 1/5: Γ(1/5) = 4.590843711998803.
    let energy = Field(1, |x: &[f64]| 0.8 * x[0].ln() + x[0]);
    let found = numeric_log_z(&energy, &domain, QuadratureOptions::default()).unwrap();
    assert!(
        (found.log_z - 4.590_843_711_998_803_f64.ln()).abs() < 1e-13,
        "{found:?}"
    );
}

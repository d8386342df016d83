//! The energy as potential: gradients by dual numbers, and integrals along paths.

use gibbsian_core::{Density, Score, Seed};
use gibbsian_densities::planar::{Banana, BananaOptions, Funnel};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
use ndarray::{Array1, Array2, ArrayView2};

use super::fields::{self, COVARIANCE, COVARIANCES, Field, GAMMA_RATE, GAMMA_SHAPE, MEAN, MEANS, WEIGHTS};
use crate::dual::Dual;
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const GRADIENT: Claim = Claim {
    claim: "scores are minus the gradients of energies written independently, which dual numbers differentiate: normal, mixture, gamma, banana, funnel",
    source: "the definition of the score, Hyvärinen (2005); forward differentiation, Clifford (1871)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "relative to one plus the size of the gradient. Dual numbers have no truncation error; the terms of the energies reach a few hundred, so rounding is \
             some 1e-14",
};

pub(super) const PATHS: Claim = Claim {
    claim: "the integral of the score along a straight and along a bent path between two draws is the difference of log p, for all fields of the plane",
    source: "the gradient theorem",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "in units of the integral of the absolute value. The adaptive quadrature is asked for 2e-13, above the rounding of scores in the valleys \
             between modes, where their terms cancel",
};

pub(super) const LINE: Claim = Claim {
    claim: "on the line, the score of the gamma density integrates to differences of log p, its derivative to differences of the score, and it is zero at the mode",
    source: "mode (shape - 1) / rate of the gamma density",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the largest of the three differences, relative to the sizes of their terms: the quadrature is asked for 1e-13",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    ctx.measure(&GRADIENT, gradients()?)?;
    let mut table = Table::new(["field", "straight", "bent"]);
    let mut worst: f64 = 0.0;
    for field in fields::all()? {
        let errors = paths(&field, ctx.seed())?;
        worst = errors.into_iter().fold(worst, larger);
        table.row([field.name.into(), errors[0].into(), errors[1].into()])?;
    }
    ctx.measure(&PATHS, worst)?;
    ctx.table(
        "paths",
        "The integral of the score along a path minus the difference of log p at its ends, over the integral of the absolute value.",
        &table,
    )?;
    ctx.measure(&LINE, line()?)
}

/// `½ (x − μ)ᵀ Σ⁻¹ (x − μ)`.
fn quadratic(mean: [f64; 2], [xx, xy, yy]: [f64; 3], x: [Dual; 2]) -> Dual {
    let number = Dual::constant;
    let (dx, dy) = (x[0] - number(mean[0]), x[1] - number(mean[1]));
    let sum = number(yy) * dx * dx - number(2.0 * xy) * dx * dy + number(xx) * dy * dy;
    sum / number(2.0 * (xx * yy - xy * xy))
}

/// `−log Σ w |Σ|^{−1/2} exp(−½ (x − μ)ᵀ Σ⁻¹ (x − μ))`.
fn mixture_energy(x: [Dual; 2]) -> Dual {
    let parts = (0..2).map(|k| {
        let [xx, xy, yy] = COVARIANCES[k];
        let scale = WEIGHTS[k] / (xx * yy - xy * xy).sqrt();
        Dual::constant(scale) * (Dual::default() - quadratic(MEANS[k], COVARIANCES[k], x)).exp()
    });
    Dual::default() - Dual::sum(parts).ln()
}

/// `½ [(x − μ)²/σ² + (y − c − b x²)²/τ²]`.
fn banana_energy(x: [Dual; 2]) -> Dual {
    let BananaOptions {
        mean,
        deviation,
        curvature,
        offset,
        width,
    } = BananaOptions::default();
    let along = (x[0] - Dual::constant(mean)) / Dual::constant(deviation);
    let height = x[1] - Dual::constant(offset) - Dual::constant(curvature) * x[0] * x[0];
    let across = height / Dual::constant(width);
    Dual::constant(0.5) * (along * along + across * across)
}

/// `v²/18 + ½ v + ½ x² e^{−v}`.
fn funnel_energy(x: [Dual; 2]) -> Dual {
    let half = Dual::constant(0.5);
    let others = half * x[1] * x[1] * (Dual::default() - x[0]).exp();
    x[0] * x[0] / Dual::constant(18.0) + half * x[0] + others
}

/// The largest `|s + ∇E| / (1 + |∇E|)` over grids.
fn gradients() -> Result<f64> {
    type Energy = fn([Dual; 2]) -> Dual;
    let planar: [(Box<dyn Score>, Energy, f64); 4] = [
        (
            Box::new(fields::normal()?),
            |x| quadratic(MEAN, COVARIANCE, x),
            4.0,
        ),
        (Box::new(fields::mixture()?), mixture_energy, 4.0),
        (Box::new(Banana::default()), banana_energy, 20.0),
        (Box::new(Funnel::default()), funnel_energy, 6.0),
    ];
    let mut worst: f64 = 0.0;
    for (model, energy, half) in planar {
        let n = 31;
        let at = |k: usize| half * (2.0 * k as f64 / (n - 1) as f64 - 1.0);
        let x = Array2::from_shape_fn((n * n, 2), |(b, i)| at(if i == 0 { b % n } else { b / n }));
        let score = model.score(x.view());
        for (b, x) in x.rows().into_iter().enumerate() {
            let slope = |i: usize| {
                let moving = [0, 1].map(|k| Dual {
                    value: x[k],
                    slope: f64::from(u8::from(i == k)),
                });
                energy(moving).slope
            };
            let gradient = [slope(0), slope(1)];
            let difference = (score[[b, 0]] + gradient[0]).hypot(score[[b, 1]] + gradient[1]);
            worst = larger(worst, difference / (1.0 + gradient[0].hypot(gradient[1])));
        }
    }
    // E = b x − (a − 1) log x.
    let x = Array1::linspace(0.01, 12.0, 500);
    let score = fields::gamma()?.score(column(&x).view());
    for (&x, &score) in x.iter().zip(&score) {
        let moving = Dual { value: x, slope: 1.0 };
        let energy = Dual::constant(GAMMA_RATE) * moving - Dual::constant(GAMMA_SHAPE - 1.0) * moving.ln();
        worst = larger(worst, (score + energy.slope).abs() / (1.0 + energy.slope.abs()));
    }
    Ok(worst)
}

fn column(x: &Array1<f64>) -> Array2<f64> {
    x.clone().insert_axis(ndarray::Axis(1))
}

/// The errors of the integrals along a straight path between two draws and along an arc of a parabola.
fn paths(field: &Field, seed: Seed) -> Result<[f64; 2]> {
    let ends = fields::ends(field, seed);
    let log_p = field.density.log_density(ends.view());
    let chord = &ends.row(1) - &ends.row(0);
    // A bend to the side of half the length of the path, at its middle.
    let aside = [-2.0 * chord[1], 2.0 * chord[0]];
    let mut errors = [0.0; 2];
    for (error, bend) in errors.iter_mut().zip([0.0, 1.0]) {
        let work = |t: ArrayView2<f64>| {
            let place = |(b, i): (usize, usize)| {
                let t = t[[b, 0]];
                ends[[0, i]] + t * chord[i] + bend * t * (1.0 - t) * aside[i]
            };
            let score = field
                .density
                .score(Array2::from_shape_fn((t.nrows(), 2), place).view());
            Array1::from_shape_fn(t.nrows(), |b| {
                let velocity = |i: usize| chord[i] + bend * (1.0 - 2.0 * t[[b, 0]]) * aside[i];
                score[[b, 0]] * velocity(0) + score[[b, 1]] * velocity(1)
            })
        };
        let domain = Domain::interval(Interval::closed(0.0, 1.0)?);
        let fine = QuadratureOptions {
            relative: 2e-13,
            ..QuadratureOptions::default()
        };
        let along = integrate(|t, mut out| out.assign(&work(t)), &domain, fine)?;
        // The size of the terms; the kinks of an absolute value cost digits that it does not need.
        let rough = QuadratureOptions {
            relative: 1e-3,
            ..QuadratureOptions::default()
        };
        let size = integrate(|t, mut out| out.assign(&work(t).mapv(f64::abs)), &domain, rough)?;
        *error = (along.value - (log_p[1] - log_p[0])).abs() / size.value;
    }
    Ok(errors)
}

/// The largest error of the three statements about the gamma density.
fn line() -> Result<f64> {
    let gamma = fields::gamma()?;
    let ends = Array1::from(vec![0.2, 7.0]);
    let (log_p, score) = (
        gamma.log_density(column(&ends).view()),
        gamma.score(column(&ends).view()),
    );
    let over = Domain::interval(Interval::closed(ends[0], ends[1])?);
    let work = integrate(
        |x, mut out| out.assign(&gamma.score(x).column(0)),
        &over,
        QuadratureOptions::default(),
    )?;
    let bend = integrate(
        |x, mut out| out.assign(&gibbsian_core::ScoreJvp::divergence(&gamma, x)),
        &over,
        QuadratureOptions::default(),
    )?;
    let mode = Array1::from(vec![(GAMMA_SHAPE - 1.0) / GAMMA_RATE]);
    let at_mode = gamma.score(column(&mode).view())[[0, 0]];
    Ok([
        (work.value - (log_p[1] - log_p[0])).abs() / (log_p[0].abs() + log_p[1].abs()),
        (bend.value - (score[[1, 0]] - score[[0, 0]])).abs() / bend.value.abs(),
        at_mode.abs() / GAMMA_RATE,
    ]
    .into_iter()
    .fold(0.0, larger))
}

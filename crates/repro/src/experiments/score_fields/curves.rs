//! Circulation, flux and turns around closed curves.
//!
//! Integrals around an ellipse are sums over equal steps of its angle: for a periodic function that is analytic the trapezoidal rule converges
//! geometrically. Integrals over its inside are adaptive, in the coordinates `(ρ, θ)` of `x = c + ρ (a cos θ, b sin θ)`.

use std::f64::consts::TAU;

use gibbsian_core::{Score, ScoreJvp};
use gibbsian_densities::planar::{Funnel, eight_gaussians};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
use ndarray::Array2;

use super::fields::{self, COVARIANCE, Ellipse, Field};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result, Table, measured};

pub(super) const SYMMETRIC: Claim = Claim {
    claim: "the Jacobians of the scores of the normal, the mixture and the funnel, found column by column, are symmetric: the curl is zero",
    source: "equality of mixed second derivatives of the energy",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the largest antisymmetric part over the norm of the Jacobian, on grids; rounding only",
};

pub(super) const CIRCULATION: Claim = Claim {
    claim: "no score goes around a closed curve: its circulation along an ellipse through modes and valleys is zero, for all fields",
    source: "Stokes' theorem; the score is a gradient",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "in units of the integral of the absolute value, of which rounding of scores between modes is some 1e-14; the trapezoidal rule has 2^14 nodes and \
             converges geometrically",
};

pub(super) const ROTATION: Claim = Claim {
    claim: "a rotation that is added to the mixture's score is seen: the circulation becomes twice its angular velocity times the area inside",
    source: "Stokes' theorem, circulation 2 w pi a b",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within_relative(1e-12)),
    full: Check::reference().within_relative(1e-12),
    reason: "rounding only; a check of circulation that saw nothing here would be worth nothing above",
};

pub(super) const FLUX: Claim = Claim {
    claim: "the flux of the score through an ellipse is the integral of its divergence over the inside: normal and mixture",
    source: "Gauss' theorem in the plane",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "in units of the integrals of the absolute values; the quadrature over the inside is asked for 1e-13",
};

pub(super) const TARGET_FLUX: Claim = Claim {
    claim: "the flux of the score through an ellipse is the integral of its divergence over the inside: all benchmark targets with a score",
    source: "Gauss' theorem in the plane",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-7)),
    full: Check::at_most(1e-7),
    reason: "in units of the integrals of the absolute values. Between two modes the divergence is a ridge as narrow as the noise squared over their distance, \
             and the quadrature over the inside is asked for 1e-8 so that it stays cheap",
};

pub(super) const NORMAL_FLUX: Claim = Claim {
    claim: "the flux of a normal score is minus the trace of the precision times the area inside, around the mode as well as fifty deviations away",
    source: "the score of a normal is linear",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the larger of two errors, in units of the integral of the absolute value; rounding only",
};

pub(super) const TURNS: Claim = Claim {
    claim: "the score of the eight Gaussians turns once around a circle about all of them: 8 modes less 8 saddles plus 1 minimum",
    source: "Poincaré (1885): the index of a curve is the sum of the indices of the zeros inside",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "a whole number. It is the sum of the turns around seventeen small circles, each about a zero of the score by symmetry; that around the large circle \
             must be the same, or the difference is added",
};

/// The angular velocity of the rotation that is added.
const ANGULAR_VELOCITY: f64 = 0.3;
/// The nodes of the trapezoidal rule.
const N_NODES: usize = 1 << 14;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    ctx.measure(&SYMMETRIC, antisymmetric()?)?;
    let all = fields::all()?;
    let mut table = Table::new(["field", "circulation", "flux", "divergence_inside", "flux_error"]);
    let (mut circulation, mut flux, mut target_flux): (f64, f64, f64) = (0.0, 0.0, 0.0);
    for (done, field) in all.iter().enumerate() {
        ctx.progress(done, all.len(), "integrating over ellipses");
        let around = around(&field.density, field.curve);
        let is_target = !["normal", "mixture"].contains(&field.name);
        let (inside, error) = flux_error(field, &around, if is_target { 1e-8 } else { 1e-13 })?;
        circulation = larger(circulation, around.work.abs() / around.work_size);
        let worst = if is_target { &mut target_flux } else { &mut flux };
        *worst = larger(*worst, error);
        table.row([
            field.name.into(),
            (around.work / around.work_size).into(),
            around.flux.into(),
            inside.into(),
            error.into(),
        ])?;
    }
    ctx.measure(&CIRCULATION, circulation)?;
    let mixture = &all[1];
    let turning = around(&Turning(&mixture.density), mixture.curve);
    let expected = 2.0 * ANGULAR_VELOCITY * mixture.curve.area();
    ctx.measure(&ROTATION, measured(turning.work).against(expected))?;
    ctx.measure(&FLUX, flux)?;
    ctx.measure(&TARGET_FLUX, target_flux)?;
    ctx.measure(&NORMAL_FLUX, normal_flux()?)?;
    ctx.measure(&TURNS, turns_of_eight()?)?;
    ctx.table(
        "curves",
        "Circulation along an ellipse, over the integral of the absolute value; flux through it, the divergence inside, and their relative difference.",
        &table,
    )
}

/// What a field does along a closed curve.
struct Around {
    /// `∮ s · dl` and `∮ |s · dl|`.
    work: f64,
    work_size: f64,
    /// `∮ s · n dl` and `∮ |s · n| dl`, `n` outwards.
    flux: f64,
    flux_size: f64,
    /// How often the field turns, counterclockwise.
    turns: f64,
}

fn around(field: &(impl Score + ?Sized), curve: Ellipse) -> Around {
    let units: Vec<(f64, f64)> = (0..N_NODES)
        .map(|k| (TAU * k as f64 / N_NODES as f64).sin_cos())
        .collect();
    let x = Array2::from_shape_fn((N_NODES, 2), |(k, i)| {
        curve.centre[i] + curve.axes[i] * [units[k].1, units[k].0][i]
    });
    let s = field.score(x.view());
    let step = TAU / N_NODES as f64;
    let mut sums = [0.0; 4];
    let mut angle = 0.0;
    for (k, (sin, cos)) in units.iter().enumerate() {
        let velocity = [-curve.axes[0] * sin, curve.axes[1] * cos];
        let work = step * (s[[k, 0]] * velocity[0] + s[[k, 1]] * velocity[1]);
        let flux = step * (s[[k, 0]] * velocity[1] - s[[k, 1]] * velocity[0]);
        for (sum, term) in sums.iter_mut().zip([work, work.abs(), flux, flux.abs()]) {
            *sum += term;
        }
        let next = (k + 1) % N_NODES;
        let cross = s[[k, 0]] * s[[next, 1]] - s[[k, 1]] * s[[next, 0]];
        let dot = s[[k, 0]] * s[[next, 0]] + s[[k, 1]] * s[[next, 1]];
        angle += cross.atan2(dot);
    }
    let [work, work_size, flux, flux_size] = sums;
    Around {
        work,
        work_size,
        flux,
        flux_size,
        turns: angle / TAU,
    }
}

/// A score with a rotation around the origin added.
struct Turning<T>(T);

impl<T: Score> gibbsian_core::Space for Turning<T> {
    fn dim(&self) -> usize {
        2
    }
}

impl<T: Score> Score for Turning<T> {
    fn score_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>) {
        self.0.score_into(x, out.view_mut());
        for (mut s, x) in out.rows_mut().into_iter().zip(x.rows()) {
            s[0] -= ANGULAR_VELOCITY * x[1];
            s[1] += ANGULAR_VELOCITY * x[0];
        }
    }
}

/// The divergence inside the curve of a field, and by how much it differs from the flux.
fn flux_error(field: &Field, around: &Around, relative: f64) -> Result<(f64, f64)> {
    let Ellipse { centre, axes } = field.curve;
    let inside = |f: fn(f64) -> f64, settings| {
        integrate(
            |t, mut out| {
                let x = Array2::from_shape_fn((t.nrows(), 2), |(b, i)| {
                    let (sin, cos) = t[[b, 1]].sin_cos();
                    centre[i] + t[[b, 0]] * axes[i] * [cos, sin][i]
                });
                field.density.divergence_into(x.view(), out.view_mut());
                for (out, t) in out.iter_mut().zip(t.rows()) {
                    *out = f(*out) * axes[0] * axes[1] * t[0];
                }
            },
            &Domain::rectangle(Interval::closed(0.0, 1.0)?, Interval::closed(0.0, TAU)?),
            settings,
        )
    };
    let settings = QuadratureOptions {
        relative,
        ..QuadratureOptions::default()
    };
    let exact = inside(|d| d, settings)?;
    let size = inside(
        f64::abs,
        QuadratureOptions {
            relative: 1e-2,
            ..settings
        },
    )?;
    let error = (around.flux - exact.value).abs() / (around.flux_size + size.value);
    Ok((exact.value, error))
}

/// The largest error of the flux of the normal score, near and far.
fn normal_flux() -> Result<f64> {
    let [xx, xy, yy] = COVARIANCE;
    let trace = (xx + yy) / (xx * yy - xy * xy);
    let normal = fields::normal()?;
    let errors = [[0.5, -0.3], [40.0, -35.0]].map(|centre| {
        let curve = Ellipse {
            centre,
            axes: [2.0, 1.0],
        };
        let around = around(&normal, curve);
        (around.flux + trace * curve.area()).abs() / around.flux_size
    });
    Ok(larger(errors[0], errors[1]))
}

/// The largest `|J₀₁ − J₁₀| / ‖J‖` on grids.
fn antisymmetric() -> Result<f64> {
    let models: [Box<dyn ScoreJvp>; 3] = [
        Box::new(fields::normal()?),
        Box::new(fields::mixture()?),
        Box::new(Funnel::default()),
    ];
    let mut worst: f64 = 0.0;
    for model in models {
        let n = 21;
        let at = |k: usize| 4.0 * (2.0 * k as f64 / (n - 1) as f64 - 1.0);
        let x = Array2::from_shape_fn((n * n, 2), |(b, i)| at(if i == 0 { b % n } else { b / n }));
        let columns = [0, 1].map(|axis| {
            let direction = Array2::from_shape_fn(x.dim(), |(_, i)| f64::from(u8::from(i == axis)));
            let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
            model.score_jvp_into(x.view(), direction.view(), score.view_mut(), jvp.view_mut());
            jvp
        });
        for b in 0..x.nrows() {
            let norm = columns
                .iter()
                .map(|c| c[[b, 0]].powi(2) + c[[b, 1]].powi(2))
                .sum::<f64>()
                .sqrt();
            worst = larger(worst, (columns[0][[b, 1]] - columns[1][[b, 0]]).abs() / norm);
        }
    }
    Ok(worst)
}

/// The turns around all zeros of the score of eight Gaussians, plus what the large circle has more.
fn turns_of_eight() -> Result<f64> {
    let (radius, deviation) = (2.0, 0.4);
    let eight = eight_gaussians(radius, deviation)?;
    let circle = |distance: f64, turn: f64, size: f64| Ellipse {
        centre: [distance * turn.cos(), distance * turn.sin()],
        axes: [size; 2],
    };
    // Modes and saddles alternate on the lines of symmetry. Halfway between two means the density falls along the ring's radius and rises along the ring.
    let small = 0.25;
    let mut sum = around(&eight, circle(0.0, 0.0, small)).turns;
    for k in 0..8 {
        let turn = TAU * f64::from(k) / 8.0;
        sum += around(&eight, circle(radius, turn, small)).turns;
        let between = radius * (TAU / 16.0).cos();
        sum += around(&eight, circle(between, turn + TAU / 16.0, small)).turns;
    }
    let all = around(&eight, circle(0.0, 0.0, 2.0 * radius)).turns;
    Ok((sum + (all - sum).abs()).round())
}

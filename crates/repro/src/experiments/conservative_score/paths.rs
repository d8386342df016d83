//! The ratio of a Metropolis step as a line integral.
//!
//! `log p(x') − log p(x) = ∫ s · dl` along any path from `x` to `x'`. Here along the straight one, and by way of a third point. The two differ by the circulation around the triangle, which by
//! Stokes' theorem is the integral of the curl inside. With `x = a + u (b − a) + u v (c − b)` on the unit square the element of area is `u |(b − a) × (c − b)|`.

use gibbsian_core::{Density, Energy, Score, ScoreJvp};
use gibbsian_densities::GaussianMixture;
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, stack};

use super::Twins;
use super::jacobians::Jacobian;
use crate::statistics::{larger, smaller};
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const ENERGY: Claim = Claim {
    claim: "of a network energy both paths give the difference of its energies: the largest difference, in nats",
    source: "the fundamental theorem of calculus",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-8)),
    full: Check::at_most(1e-8),
    reason: "each leg is integrated to a relative 1e-10, and integrals are of order ten",
};

pub(super) const FREE: Claim = Claim {
    claim: "of a free network the ratio depends on the path: the root mean square of the difference of the two, in nats, the least of all networks",
    source: "the field has a curl",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(1e-5)),
    full: Check::at_least(1e-5),
    reason: "no theory gives the number; a thousand times the bound for energies, so that it cannot be the quadrature's",
};

pub(super) const STOKES: Claim = Claim {
    claim: "the difference of its two paths is the integral of the curl over the triangle between them: the largest difference, in nats",
    source: "Stokes' theorem",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-7)),
    full: Check::at_most(1e-7),
    reason: "the double integral is asked for a relative 1e-9 of that of the absolute value, which is of order one to ten",
};

pub(super) fn measure(ctx: &mut Context, twins: &[Twins], noisy: &GaussianMixture) -> Result<()> {
    let n = ctx.pick(60, 600);
    let corners = noisy.sample(3 * n, &mut ctx.seed().child("corners").rng());
    let triangle = |k: usize| [0, 1, 2].map(|corner| corners.row(3 * k + corner));
    let mut table = Table::new(["run", "root_mean_square_nats", "mean_change_of_acceptance"]);
    let (mut energy_worst, mut least) = (0.0_f64, f64::INFINITY);
    for (run, Twins { free, energy }) in twins.iter().enumerate() {
        let (mut square, mut acceptance) = (0.0, 0.0);
        for k in 0..n {
            let [a, b, c] = triangle(k);
            let (straight, around) = (work(free, a, c)?, work(free, a, b)? + work(free, b, c)?);
            square += (straight - around).powi(2) / n as f64;
            acceptance += (straight.exp().min(1.0) - around.exp().min(1.0)).abs() / n as f64;
        }
        least = smaller(least, square.sqrt());
        table.row([run.into(), square.sqrt().into(), acceptance.into()])?;
        // Energies are quick to show: a few triangles each.
        for k in 0..n / 4 {
            let [a, b, c] = triangle(k);
            let ends = stack![Axis(0), a, c];
            let ends = energy.energy(ends.view());
            let difference = ends[0] - ends[1];
            for path in [work(energy, a, c)?, work(energy, a, b)? + work(energy, b, c)?] {
                energy_worst = larger(energy_worst, (path - difference).abs());
            }
        }
    }
    ctx.measure(&ENERGY, energy_worst)?;
    ctx.measure(&FREE, least)?;
    let mut worst = 0.0_f64;
    let free = &twins[0].free;
    for k in 0..ctx.pick(6, 60) {
        let [a, b, c] = triangle(k);
        // Counterclockwise or not, by the sign of the area.
        let circulation = work(free, a, b)? + work(free, b, c)? + work(free, c, a)?;
        worst = larger(worst, (circulation - curl_inside(free, [a, b, c])?).abs());
    }
    ctx.measure(&STOKES, worst)?;
    ctx.table(
        "paths",
        "By how much log p(x')/p(x) differs between a straight path and one by way of a third point, draws of the noisy law, and what it makes of the acceptance of a Metropolis step.",
        &table,
    )
}

/// `∫ s · dl` from `a` to `b`.
pub(super) fn work(model: &dyn Score, a: ArrayView1<f64>, b: ArrayView1<f64>) -> Result<f64> {
    let step = &b - &a;
    let integrand = |t: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
        let x = &t.dot(&step.view().insert_axis(Axis(0))) + &a;
        out.assign(&model.score(x.view()).dot(&step));
    };
    let settings = QuadratureOptions {
        relative: 1e-10,
        absolute: 1e-10,
        ..QuadratureOptions::default()
    };
    Ok(integrate(
        integrand,
        &Domain::interval(Interval::closed(0.0, 1.0)?),
        settings,
    )?
    .value)
}

/// `∬ curl s dx` over a triangle, with the sign of its orientation.
fn curl_inside(model: &dyn ScoreJvp, [a, b, c]: [ArrayView1<f64>; 3]) -> Result<f64> {
    let (first, second) = (&b - &a, &c - &b);
    let area = first[0] * second[1] - first[1] * second[0];
    let integrand = |points: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
        let x = Array2::from_shape_fn(points.dim(), |(k, i)| {
            let (u, v) = (points[(k, 0)], points[(k, 1)]);
            a[i] + u * first[i] + u * v * second[i]
        });
        let curl = Jacobian::of(model, x.view()).curl();
        for ((out, curl), point) in out.iter_mut().zip(curl).zip(points.rows()) {
            *out = curl * point[0] * area;
        }
    };
    let unit = || Interval::closed(0.0, 1.0);
    let settings = QuadratureOptions {
        relative: 1e-9,
        ..QuadratureOptions::default()
    };
    Ok(integrate(integrand, &Domain::rectangle(unit()?, unit()?), settings)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::conservative_score::rotation::{OMEGA, Rotating};
    use ndarray::array;

    /// `∮ s · dl = 2ω` times the signed area; of the gradient part nothing is left.
    #[test]
    fn a_rotation_does_work_around_a_triangle() {
        let corners = array![[1.0, 0.0], [0.5, 2.0], [-1.0, 0.3]];
        let [a, b, c] = [0, 1, 2].map(|k| corners.row(k));
        let area = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
        for (first, second, third, sign) in [(a, b, c, 1.0), (a, c, b, -1.0)] {
            let around = [(first, second), (second, third), (third, first)];
            let around: f64 = around
                .map(|(from, to)| work(&Rotating, from, to).unwrap())
                .iter()
                .sum();
            let inside = curl_inside(&Rotating, [first, second, third]).unwrap();
            assert!((around - sign * 2.0 * OMEGA * area).abs() < 1e-12, "{around}");
            assert!((inside - around).abs() < 1e-12, "{inside} {around}");
        }
    }
}

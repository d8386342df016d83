//! Strong orders on shared paths.

use gibbsian_core::Space;
use gibbsian_sde::{
    BrownianMotion, EulerMaruyama, FixedSteps, Milstein, Solver, Sra1, Sri1W1, StochasticHeun, StoredPath,
    StratonovichHeun, TimeGrid,
};
use ndarray::Array2;

use super::Orders;
use super::equations::{Geometric, Washboard};
use crate::statistics::{larger, weighted_slope};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

/// Numbers of steps.
pub(super) const STEPS: [usize; 5] = [32, 64, 128, 256, 512];
/// Intervals of the stored path, and the steps of a reference.
const FINE: usize = 8_192;

pub(super) const MULTIPLICATIVE: Claim = Claim {
    claim: "strong orders on geometric Brownian motion: 1/2 (Euler–Maruyama), 1 (Milstein, Heun), 3/2 (SRI1W1): largest distance of a slope from its order, over 0.1 for the first and 0.05 for the others",
    source: "Kloeden and Platen (1992), sections 10.2 and 10.3; Rößler (2010)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "on shared paths the noise of a slope is about 0.01; the next power of the step bends it by less than 0.05, and Euler–Maruyama's by up to 0.06",
};

pub(super) const ADDITIVE: Claim = Claim {
    claim: "strong orders where noise is additive: 1 (Euler–Maruyama, Heun), 3/2 (SRA1): largest distance of a slope from its order, over 0.1 for the first and 0.05 for the others",
    source: "Kloeden and Platen (1992), section 10.2; Rößler (2010)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "as above; the reference has steps sixteen times as short as the shortest and order 3/2, so its error is a sixty-fourth of the smallest or less",
};

/// Steps and root mean square errors.
pub(super) type Curve = Vec<(f64, f64)>;

/// Root mean square errors of a scheme at every number of steps, on the whole of a path.
pub(super) fn errors<E: Space, V: Solver<E>>(
    scheme: &V,
    equation: &E,
    start: &Array2<f64>,
    path: &StoredPath,
    solution: &Array2<f64>,
) -> Result<Curve> {
    let (first, last) = (path.grid().first(), path.grid().last());
    let mut found = Vec::new();
    for n in STEPS {
        let grid = TimeGrid::uniform(first, last, n)?;
        let x = FixedSteps::new(grid).solve(scheme, equation, start.clone(), path)?;
        let squares = (&x - solution).mapv(|e| e * e);
        found.push((
            (last - first).abs() / n as f64,
            squares.mean().unwrap_or(f64::NAN).sqrt(),
        ));
    }
    Ok(found)
}

fn slope(curve: &[(f64, f64)]) -> f64 {
    let points: Vec<(f64, f64, f64)> = curve.iter().map(|(h, e)| (h.ln(), e.ln(), 1.0)).collect();
    weighted_slope(&points).0
}

/// Measures both kinds of noise.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let (n, seed) = (ctx.pick(1_000, 10_000), ctx.seed());
    let path = |name: &str| StoredPath::draw(TimeGrid::uniform(0.0, 1.0, FINE)?, (n, 1), seed.child(name));

    let motion = Geometric {
        growth: 0.5,
        volatility: 0.8,
    };
    let shared = path("multiplicative")?;
    let mut end = Array2::zeros((n, 1));
    for (row, mut end) in end.outer_iter_mut().enumerate() {
        shared
            .block(0, row)
            .increment_into(0.0, 1.0, end.view_mut().insert_axis(ndarray::Axis(0)));
    }
    let solution =
        end.mapv(|w| (motion.growth - 0.5 * motion.volatility.powi(2) + motion.volatility * w).exp());
    let start = Array2::ones((n, 1));
    let curves = [
        (
            "Euler–Maruyama",
            0.5,
            errors(&EulerMaruyama, &motion, &start, &shared, &solution)?,
        ),
        (
            "Milstein",
            1.0,
            errors(&Milstein, &motion, &start, &shared, &solution)?,
        ),
        (
            "Heun",
            1.0,
            errors(&StratonovichHeun, &motion, &start, &shared, &solution)?,
        ),
        (
            "SRI1W1",
            1.5,
            errors(&Sri1W1, &motion, &start, &shared, &solution)?,
        ),
    ];
    let worst = compare(ctx, orders, "geometric Brownian motion", "multiplicative", curves)?;
    ctx.measure(&MULTIPLICATIVE, worst)?;

    let shared = path("additive")?;
    let fine = FixedSteps::new(TimeGrid::uniform(0.0, 1.0, FINE)?);
    let solution = fine.solve(&Sra1, &Washboard, start.clone(), &shared)?;
    let curves = [
        (
            "Euler–Maruyama",
            1.0,
            errors(&EulerMaruyama, &Washboard, &start, &shared, &solution)?,
        ),
        (
            "Heun",
            1.0,
            errors(&StochasticHeun, &Washboard, &start, &shared, &solution)?,
        ),
        (
            "SRA1",
            1.5,
            errors(&Sra1, &Washboard, &start, &shared, &solution)?,
        ),
    ];
    let worst = compare(ctx, orders, "dX = −sin(2X) dt + dB", "additive", curves)?;
    ctx.measure(&ADDITIVE, worst)
}

/// Notes the slopes, draws the errors, and returns the largest distance over its tolerance.
pub(super) fn compare<const N: usize>(
    ctx: &mut Context,
    orders: &mut Orders,
    equation: &str,
    name: &str,
    curves: [(&str, f64, Curve); N],
) -> Result<f64> {
    let mut plot = Plot::new(
        format!("Strong errors: {equation}"),
        Axis::log("step h"),
        Axis::log("root mean square error at the end"),
    );
    let mut worst = 0.0;
    for (scheme, order, curve) in curves {
        let tolerance = if scheme == "Euler–Maruyama" { 0.1 } else { 0.05 };
        worst = larger(
            worst,
            orders.add("strong", equation, scheme, order, slope(&curve), tolerance)?,
        );
        plot = plot.line(format!("{scheme}, order {order}"), curve);
    }
    ctx.plot(name, "All schemes see the same Brownian paths.", &plot)?;
    Ok(worst)
}

//! Densities with an edge, with and without a weight.
//!
//! Without a weight the objective of an exponential density, `½ λ²`, does not know the data. That of a gamma density, with `m₁ = E 1/x` and
//! `m₂ = E 1/x²`, is least at the shape `1 + m₂ / (m₂ − m₁²)`, which is above 2 on any data; if the true shape is 2 or less,
//! `E 1/x²` is infinite and the estimate tends to 2. A beta density, with `A = E 1/x²`, `B = E 1/(1−x)²` and `C = E 1/(x(1−x))`,
//! gets `α = 1 + B (A + C) / (AB − C²)`, above 2 likewise.

use gibbsian_core::{ContinuousFamily, Density, Seed};
use gibbsian_densities::{Beta, Exponential, Gamma};
use gibbsian_objectives::{BoundaryWeight, ClosedFormScoreMatching, HalfLine, UnitInterval};

use crate::statistics::smaller;
use crate::{Axis, Check, Claim, Context, Measured, Plot, Provenance, Result, measured};

const EXPONENTIAL_RATE: f64 = 2.5;
const GAMMA_SHAPE: f64 = 1.5;
const GAMMA_RATE: f64 = 2.0;
const SHAPE_INSIDE: f64 = 10.0;
const BETA_SHAPES: [f64; 2] = [0.8, 1.7];
/// Samples of a hundred draws for the least shape.
const N_SAMPLES: u64 = 200;

pub(super) const RATE_ZERO: Claim = Claim {
    claim: "without a weight, the natural parameter of an exponential density is zero whatever the data",
    source: "the objective is ½ λ², because p s does not vanish at 0 (Hyvärinen 2007, section 3)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "the slope of the objective is a sum of zeros",
};

pub(super) const RATE: Claim = consistent(
    "with the weight x², minus the rate of an exponential density of rate 2.5",
    -EXPONENTIAL_RATE,
);
pub(super) const GAMMA: [Claim; 2] = [
    consistent(
        "with the weight x², the shape of a gamma density of shape 1.5 and rate 2",
        GAMMA_SHAPE,
    ),
    consistent(
        "with the weight x², minus the rate of that gamma density",
        -GAMMA_RATE,
    ),
];
pub(super) const GAMMA_INSIDE: Claim = consistent(
    "without a weight, the shape of a gamma density of shape 10, which vanishes fast enough at 0",
    SHAPE_INSIDE,
);
pub(super) const BETA: [Claim; 2] = [
    consistent(
        "with the weight x²(1−x)², the shape at 0 of a beta density of shapes 0.8 and 1.7",
        BETA_SHAPES[0],
    ),
    consistent(
        "with the weight x²(1−x)², the shape at 1 of that beta density",
        BETA_SHAPES[1],
    ),
];

pub(super) const GAMMA_FLOOR: Claim = floor(
    "without a weight, no sample of a gamma density of shape 1.5 has a shape of 2 or less: the least of 200 estimates",
);
pub(super) const BETA_FLOOR: Claim = floor(
    "without a weight, no sample of a beta density of shapes 0.8 and 1.7 has a shape of 2 or less: the least of 400 estimates",
);

const fn consistent(claim: &'static str, truth: f64) -> Claim {
    Claim {
        claim,
        source: "Hyvärinen (2007), section 3",
        provenance: Provenance::MonteCarlo,
        quick: Some(Check::value(truth).within_standard_errors(5.0)),
        full: Check::value(truth).within_standard_errors(5.0),
        reason: "five standard errors by the sandwich covariance (Godambe 1960): a false alarm in 1.7 million",
    }
}

const fn floor(claim: &'static str) -> Claim {
    Claim {
        claim,
        source: "the closed form at the top of the file; E 1/x² > (E 1/x)²",
        provenance: Provenance::Exact,
        quick: Some(Check::at_least(2.0)),
        full: Check::at_least(2.0),
        reason: "the inequality is strict for any data, by far more than rounding for samples of a hundred",
    }
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n = ctx.pick(50_000, 1_000_000);
    let seed = ctx.seed().child("boundary");
    let unweighted = ClosedFormScoreMatching::unweighted();
    let half_line = ClosedFormScoreMatching::weighted(HalfLine);

    let exponential = Exponential::new(EXPONENTIAL_RATE)?;
    let x = exponential.sample(n, &mut seed.child("exponential").rng());
    let minimiser = unweighted.quadratic(&exponential, x.view())?.minimiser()?;
    ctx.measure(&RATE_ZERO, minimiser[0])?;
    let found = estimated(&half_line, &exponential, n, seed.child("exponential"))?;
    ctx.measure(&RATE, found[0])?;

    let gamma = Gamma::new(GAMMA_SHAPE, GAMMA_RATE)?;
    ctx.measure(&GAMMA_FLOOR, least(&gamma, &[0], seed.child("gamma-floor"))?)?;
    let found = estimated(&half_line, &gamma, n, seed.child("gamma"))?;
    ctx.measure(&GAMMA[0], found[0])?;
    ctx.measure(&GAMMA[1], found[1])?;
    let inside = Gamma::new(SHAPE_INSIDE, GAMMA_RATE)?;
    let found = estimated(&unweighted, &inside, n, seed.child("inside"))?;
    ctx.measure(&GAMMA_INSIDE, found[0])?;

    let beta = Beta::new(BETA_SHAPES[0], BETA_SHAPES[1])?;
    ctx.measure(&BETA_FLOOR, least(&beta, &[0, 1], seed.child("beta-floor"))?)?;
    let interval = ClosedFormScoreMatching::weighted(UnitInterval);
    let found = estimated(&interval, &beta, n, seed.child("beta"))?;
    ctx.measure(&BETA[0], found[0])?;
    ctx.measure(&BETA[1], found[1])?;

    show(ctx, seed.child("shapes"))
}

/// The natural parameters estimated from `n` draws of a member, each with its standard error.
fn estimated<W: BoundaryWeight, F: ContinuousFamily>(
    objective: &ClosedFormScoreMatching<W>,
    member: &F,
    n: usize,
    seed: Seed,
) -> Result<Vec<Measured>> {
    let x = member.sample(n, &mut seed.rng());
    let estimate = objective.estimate(member, x.view())?;
    let errors = estimate.covariance.diag().mapv(f64::sqrt);
    let pairs = estimate.natural.iter().zip(&errors);
    Ok(pairs
        .map(|(&value, &error)| measured(value).with_error(error))
        .collect())
}

/// The least of the natural parameters `shapes` over samples of a hundred draws, without a weight.
fn least<F: ContinuousFamily>(member: &F, shapes: &[usize], seed: Seed) -> Result<f64> {
    let mut least = f64::INFINITY;
    for sample in 0..N_SAMPLES {
        let x = member.sample(100, &mut seed.nth(sample).rng());
        let objective = ClosedFormScoreMatching::unweighted().quadratic(member, x.view())?;
        let natural = objective.minimiser()?;
        least = shapes.iter().fold(least, |least, &s| smaller(least, natural[s]));
    }
    Ok(least)
}

fn show(ctx: &mut Context, seed: Seed) -> Result<()> {
    let shapes: Vec<f64> = (1..=24).map(|i| 0.25 * f64::from(i)).collect();
    let half_line = ClosedFormScoreMatching::weighted(HalfLine);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for (i, &shape) in shapes.iter().enumerate() {
        let gamma = Gamma::new(shape, GAMMA_RATE)?;
        let seed = seed.nth(i as u64);
        let x = gamma.sample(5_000, &mut seed.rng());
        let natural = ClosedFormScoreMatching::unweighted()
            .quadratic(&gamma, x.view())?
            .minimiser()?;
        without.push((shape, natural[0]));
        let found = estimated(&half_line, &gamma, 5_000, seed)?[0];
        let error = found.standard_error.unwrap_or(f64::NAN);
        with.push((shape, found.value, error));
    }
    let plot = Plot::new(
        "The shape of a gamma density by score matching",
        Axis::linear("true shape"),
        Axis::linear("estimate from 5,000 draws"),
    )
    .points("without a weight", without)
    .points(
        "with the weight x²",
        with.iter().map(|&(shape, value, _)| (shape, value)),
    )
    .error_bars(
        with.iter()
            .map(|&(shape, value, e)| (shape, value - 2.0 * e, value + 2.0 * e)),
    )
    .dashed("the truth", shapes.iter().map(|&shape| (shape, shape)))
    .horizontal("shape 2", 2.0);
    ctx.plot(
        "shapes",
        "Without a weight the estimate cannot go below 2, and is right only well above it, where the density vanishes fast at the edge. Bars are two standard errors.",
        &plot,
    )
}

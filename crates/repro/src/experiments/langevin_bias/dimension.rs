//! How the number of steps for an independent draw grows with the dimension.
//!
//! The target is a product of `D` standard normal densities and the chains start in their own invariant law. With the step scaled as theory asks, one coordinate
//! converges to a Langevin diffusion whose speed `h` is known, and its integrated autocorrelation time, `τ = 1 + 2 Σ ρ_t`, is that of the diffusion divided by the scale of
//! time: for `dX = −(h/2) X dt + √h dB` it is `4/h`, in units of `D` steps for random-walk Metropolis and `D^{1/3}` for adjusted Langevin.
//!
//! Unadjusted Langevin sampling is compared at the same divergence `KL(its law ‖ target) = D · kl(ε)`, which forces `ε ~ D^{−1/2}`; its `τ = (2 − ε)/ε` exactly.

use gibbsian_core::{Kernel, Seed};
use gibbsian_metrics::autocorrelation_time;
use gibbsian_samplers::{Chains, Mala, RandomWalkMetropolis, UnadjustedLangevin};
use ndarray::{Array2, Array3, s};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::targets::Standard;
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub const RANDOM_WALK: Claim = Claim {
    claim: "random-walk Metropolis: steps per independent draw grow as D to the power",
    source: "Roberts, Gelman and Gilks (1997), theorem 1.1",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within(0.1)),
    full: Check::value(1.0).within(0.1),
    reason: "the slope over D = 16 to 256; each time is known to about 3 % (hundreds of times τ, several coordinates and chains), and corrections are of order 1/D",
};

pub const MALA: Claim = Claim {
    claim: "adjusted Langevin: steps per independent draw grow as D to the power",
    source: "Roberts and Rosenthal (1998), theorem 2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0 / 3.0).within(0.1)),
    full: Check::value(1.0 / 3.0).within(0.1),
    reason: "the slope over D = 64 to 1024; the finite step adds a constant to τ of order one, which changes the slope by a few hundredths at these D",
};

pub const UNADJUSTED: Claim = Claim {
    claim: "unadjusted Langevin at the same divergence from the target: steps per independent draw grow as D to the power",
    source: "kl(ε) = (v − 1 − log v)/2 with v = 1/(1 − ε/2), which is ε²/16 to leading order",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.5).within(0.1)),
    full: Check::value(0.5).within(0.1),
    reason: "the slope over D = 64 to 1024; corrections are of relative order ε",
};

pub const DIFFUSION: Claim = Claim {
    claim: "at the largest D the time of both adjusted kernels is that of the limiting diffusion: the larger relative deviation",
    source: "the speeds h(ℓ) = 2ℓ²Φ(−ℓ/2) and 2ℓ²Φ(−ℓ³/8) of Roberts, Gelman and Gilks (1997) and Roberts and Rosenthal (1998) for a normal target",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.15)),
    full: Check::at_most(0.15),
    reason: "a tenth for what is left of the limit (at D = 1024 adjusted Langevin steps have ε = 0.13) and one twentieth for the Monte Carlo error",
};

/// The constant of the best step: `σ = 2.38/√D` for the random walk, `ε = ℓ²/2 · D^{−1/3}` with `ℓ = 1.65` for Langevin proposals.
const WALK_SCALE: f64 = 2.38;
const LANGEVIN_SCALE: f64 = 1.65;
const DIVERGENCE: f64 = 0.01;

/// Coordinates whose times are averaged.
const N_SEEN: usize = 16;
/// Draws to a τ, after thinning.
const DRAWS_A_TIME: f64 = 20.0;

struct Curve {
    name: &'static str,
    points: Vec<(f64, f64)>,
    /// The limit's time at the largest dimension.
    limit: Option<f64>,
}

pub fn run(ctx: &mut Context) -> Result<()> {
    let length = ctx.pick(200.0, 2_000.0);
    let seed = ctx.seed().child("dimension");
    let phi = gibbsian_core::special::normal_cdf;
    let walk_speed = 2.0 * WALK_SCALE.powi(2) * phi(-WALK_SCALE / 2.0);
    let langevin_speed = 2.0 * LANGEVIN_SCALE.powi(2) * phi(-LANGEVIN_SCALE.powi(3) / 8.0);
    let mut curves = Vec::new();
    for (name, dims) in [
        ("random walk", [16, 32, 64, 128, 256]),
        ("adjusted Langevin", [64, 128, 256, 512, 1024]),
        ("unadjusted Langevin", [64, 128, 256, 512, 1024]),
    ] {
        ctx.progress(curves.len(), 3, name);
        let mut points = Vec::new();
        let mut limit = None;
        for dim in dims {
            let d = dim as f64;
            let seed = seed.child(name).nth(dim as u64);
            let time = match name {
                "random walk" => {
                    let expected = 4.0 * d / walk_speed;
                    limit = Some(expected);
                    let kernel = RandomWalkMetropolis::new(WALK_SCALE / d.sqrt())?;
                    time_of(kernel, dim, 1.0, expected, length, seed)?
                }
                "adjusted Langevin" => {
                    let expected = 4.0 * d.cbrt() / langevin_speed;
                    limit = Some(expected);
                    let kernel = Mala::new(0.5 * LANGEVIN_SCALE.powi(2) / d.cbrt())?;
                    time_of(kernel, dim, 1.0, expected, length, seed)?
                }
                _ => {
                    let epsilon = step_of_divergence(DIVERGENCE / d);
                    let variance = 1.0 / (1.0 - 0.5 * epsilon);
                    let kernel = UnadjustedLangevin::new(epsilon)?;
                    time_of(kernel, dim, variance, (2.0 - epsilon) / epsilon, length, seed)?
                }
            };
            points.push((d, time));
        }
        curves.push(Curve { name, points, limit });
    }
    ctx.measure(&RANDOM_WALK, slope(&curves[0].points))?;
    ctx.measure(&MALA, slope(&curves[1].points))?;
    ctx.measure(&UNADJUSTED, slope(&curves[2].points))?;
    let deviation = |curve: &Curve| {
        let time = curve.points[curve.points.len() - 1].1;
        curve.limit.map_or(0.0, |limit| (time / limit - 1.0).abs())
    };
    ctx.measure(&DIFFUSION, curves.iter().map(deviation).fold(0.0, larger))?;
    show(ctx, curves)
}

/// `τ` of one coordinate, from chains that start in the normal law of this variance and make about `length · expected` steps.
fn time_of<K: Kernel<Standard>>(
    kernel: K,
    dim: usize,
    variance: f64,
    expected: f64,
    length: f64,
    seed: Seed,
) -> Result<f64> {
    const N_CHAINS: usize = 16;
    let mut rng = seed.child("start").rng();
    let start = Array2::from_shape_simple_fn((N_CHAINS, dim), || {
        variance.sqrt() * rng.sample::<f64, _>(StandardNormal)
    });
    let target = Standard(dim);
    let mut chains = Chains::new(kernel, &target, start, seed.child("chains"))?;
    let thin = (expected / DRAWS_A_TIME).ceil().max(1.0) as u64;
    let n_draws = (length * expected / thin as f64).ceil() as usize;
    let mut draws = Array3::zeros((N_SEEN, N_CHAINS, n_draws));
    for t in 0..n_draws {
        chains.advance(thin);
        let seen = chains.positions();
        draws
            .slice_mut(s![.., .., t])
            .assign(&seen.slice(s![.., ..N_SEEN]).t());
    }
    let mut sum = 0.0;
    for coordinate in draws.outer_iter() {
        // By Geyer's rule over all chains: about its own mean alone, a chain of a hundred τ would lose a tenth of it.
        sum += autocorrelation_time(coordinate)?;
    }
    Ok(thin as f64 * sum / N_SEEN as f64)
}

/// The step at which one coordinate's law diverges from the standard normal by this much, by bisection.
fn step_of_divergence(divergence: f64) -> f64 {
    let of = |epsilon: f64| {
        // v − 1 = (ε/2)/(1 − ε/2), log v = −log(1 − ε/2).
        let half = 0.5 * epsilon;
        0.5 * (half / (1.0 - half) + (-half).ln_1p())
    };
    let (mut low, mut high) = (0.0, 1.9);
    while high - low > 1e-14 * high {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high {
            break;
        }
        if of(middle) < divergence {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The least-squares slope of the logarithms.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let mean_x = logs.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = logs.iter().map(|p| p.1).sum::<f64>() / n;
    let sxy: f64 = logs.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let sxx: f64 = logs.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    sxy / sxx
}

fn show(ctx: &mut Context, curves: Vec<Curve>) -> Result<()> {
    let mut table = Table::new(["kernel", "dimension", "steps_per_independent_draw"]);
    for curve in &curves {
        for (d, time) in &curve.points {
            table.row([curve.name.into(), (*d as i64).into(), (*time).into()])?;
        }
    }
    ctx.table(
        "dimension",
        "Integrated autocorrelation times of a coordinate, in steps.",
        &table,
    )?;
    let plot = Plot::new(
        "Steps per independent draw of a product of normal densities",
        Axis::log("dimension D"),
        Axis::log("steps per independent draw"),
    );
    let plot = curves
        .into_iter()
        .fold(plot, |plot, curve| plot.line(curve.name, curve.points));
    ctx.plot(
        "dimension",
        "Steps tuned as theory asks; unadjusted Langevin at a fixed divergence of 0.01 nat.",
        &plot,
    )
}

//! What a normaliser costs as the dimension grows: three ways to pay exponentially, and one that is not.
//!
//! *Sums.* An exact sum over binary units has `2^n` terms, but a restricted Boltzmann machine can be summed over one layer by hand, so only the
//! units of its **smaller** layer count. The experiment counts the terms that the library evaluates.
//!
//! *Grids.* `m` points along each of `d` axes are `m^d` points, and more dimensions make each of them worse, not better.
//!
//! *Importance sampling.* The weights of draws from one normal density for another have the relative variance `(a / √(2a − 1))^d − 1` when the target is
//! narrower by the precision `a > ½`, and `exp(d μ²) − 1` when it is shifted by `μ` in each coordinate: the product of `d` factors above
//! one. When that exceeds the number of draws, the estimate falls short by nats, with a small standard error of its own. Its verdict
//! says so, and its lower bound remains one.
//!
//! *Annealing* with as many steps as dimensions has the relative variance `exp(μ²) − 1` in every dimension when its transitions mix perfectly, as here:
//! the curse is one of jumping, not of dimension.

mod counted;
mod shifted;

use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::{Density, Energy, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_partition::{Ladder, LogWeights, ais, exact_log_z, importance, importance_between};
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};

use counted::Counted;
use shifted::Shifted;

const SMALLER: Claim = Claim {
    claim: "each unit added to the smaller layer doubles the terms of an exact sum: the ratio of the counts, furthest from 2",
    source: "Smolensky (1986) for the machine; counts of the terms evaluated, 4 to 12 hidden units beside 16 visible ones",
    provenance: Provenance::Exact,
    quick: Some(Check::value(2.0)),
    full: Check::value(2.0),
    reason: "a count; the sum over the other layer is done in closed form for each state",
};

const LARGER: Claim = Claim {
    claim: "units added to the larger layer add no term: the ratio of the counts, furthest from 1",
    source: "the same counts, 9 to 20 visible units beside 8 hidden ones",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "a count; which layer is enumerated is decided by its size",
};

const EITHER: Claim = Claim {
    claim: "the sum over the smaller layer and the sum over all states of the larger one are the same log Z: the largest relative difference",
    source: "two enumerations that share no term",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-13)),
    full: Check::at_most(1e-13),
    reason: "sums of up to 2^16 positive terms, added in blocks, err by tens of units in the last place of 2.2e-16",
};

const GRID_COST: Claim = Claim {
    claim: "a grid of 9 points an axis takes 9 times as many evaluations for each dimension: the ratio of the counts, furthest from 9",
    source: "the product rule, on standard normals of 1 to 6 dimensions",
    provenance: Provenance::Exact,
    quick: Some(Check::value(9.0)),
    full: Check::value(9.0),
    reason: "a count",
};

const GRID_ERROR: Claim = Claim {
    claim: "and its error grows with the dimension all the same: the error of log Z in 6 dimensions over that on the line",
    source: "a product of d integrals, each with the same relative error",
    provenance: Provenance::Exact,
    quick: Some(Check::value(6.0).within_relative(1e-9)),
    full: Check::value(6.0).within_relative(1e-9),
    reason: "log (1 + ε)^d = d log (1 + ε); the error on the line is 3e-4, so rounding of 1e-15 in either is far below 1e-9 of it",
};

const SECOND_MOMENT: Claim = Claim {
    claim: "the second moment of importance weights grows as (a / √(2a − 1))^d for a normal target of precision a = 1.5: in 32 dimensions",
    source: "the integral of the squared ratio of two normal densities",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors of the mean of squared weights, whose fourth moment is finite and known",
};

const SHORTFALL: Claim = Claim {
    claim: "where weights have the relative variance e^25, 4,096 draws fall short of log Z by at least 1 nat in the median",
    source: "normal log-weights of standard deviation σ = 5, shift ½ in 100 dimensions. With probability Φ(t)^4096 no draw exceeds t, and then the \
             mean of Ẑ/Z is Φ(t − σ) / Φ(t); Markov's inequality at t = 3.85 gives Ẑ < 0.345 Z with probability one half at least",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(1.0)),
    full: Check::at_least(1.0),
    reason: "a theorem: the median falls short by 1.06 nats at least, and by more as far as the inequality is not sharp",
};

const REFUSED: Claim = Claim {
    claim: "its verdict trusts none of these runs: the number trusted",
    source: "Vehtari, Simpson, Gelman, Yao and Gabry (2024) for the tail, Kong (1992) for the effective draws",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "the effective draws are a handful where 50 are asked for: a run with 50 equal largest weights of that law does not happen",
};

const BOUND: Claim = Claim {
    claim: "its 95 % lower bound lies above log Z in at most 5 % of them",
    source: "Waudby-Smith and Ramdas (2024)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.05)),
    full: Check::at_most(0.05),
    reason: "the theorem bounds the probability of a miss by 5 %; betting against the mean is conservative, so that the share lies far below it, and a share above would be a fault",
};

const ANNEALED: Claim = Claim {
    claim: "annealing in as many steps as dimensions keeps the second moment of its weights at exp(μ²), here in 100 dimensions",
    source: "d steps of normal work, each of variance (μ √d / d)², independent when transitions mix perfectly; Neal (2001)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors of the mean of squared weights, which are log-normal with σ = ½",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "curse-of-dimension",
    title: "What a normaliser costs",
    question: "What does a normaliser cost as the dimension grows, and which price is not exponential?",
    mathematics: r"A sum over $n$ binary units has $2^n$ terms. In a restricted Boltzmann machine one layer is summed by hand,
        $$Z = \sum_{v} e^{b^\top v} \prod_{j} \left( 1 + e^{c_j + (W^\top v)_j} \right) ,$$
        so the units of the smaller layer alone count. A grid of $m$ points an axis has $m^d$ of them. Importance weights $w = e^{-E(x)} / q(x)$ with draws from $q = \mathcal{N}(0, I)$ have the second moment
        $$\frac{\mathbb{E} \, w^2}{(\mathbb{E} \, w)^2} = \left( \frac{a}{\sqrt{2a - 1}} \right)^{d} \quad \text{for } \mathcal{N}(0, I/a), \qquad e^{d \mu^2} \quad \text{for a shift by } \mu \text{ in each coordinate.}$$
        Annealing to the shifted target in $K$ equal steps with perfect transitions has $e^{d \mu^2 / K}$: with $K = d$ the dimension is gone.",
    shows: "Exact sums double with every unit of the smaller layer and with no other, grids multiply with every dimension, and the \
            variance of importance weights is a product over coordinates.\n\nWhere the variance exceeds the number of draws the \
            estimate is short by nats and looks precise; its verdict and its rigorous bound do not join in. Annealing pays a \
            number of steps that is linear in the dimension.",
    source: "Smolensky (1986); Neal (2001); closed forms of normal densities",
    budget_seconds: 10,
    claims: &[
        SMALLER,
        LARGER,
        EITHER,
        GRID_COST,
        GRID_ERROR,
        SECOND_MOMENT,
        SHORTFALL,
        REFUSED,
        BOUND,
        ANNEALED,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let mut costs = Table::new(["method", "size", "evaluations"]);
    let sums = sums(ctx, &mut costs)?;
    let grids = grids(ctx, &mut costs)?;
    ctx.table("costs", "Terms of exact sums and points of grids.", &costs)?;
    let plot = Plot::new(
        "Evaluations for one log Z",
        Axis::linear("units of the smaller layer, or dimensions"),
        Axis::log("terms, or evaluations"),
    )
    .points("exact sum over a machine", sums)
    .points("grid of 9 points an axis", grids);
    ctx.plot("costs", "Straight lines on this scale are exponentials.", &plot)?;
    weights(ctx)
}

/// A machine with random parameters whose terms are counted.
fn machine(n_visible: usize, n_hidden: usize, seed: Seed) -> Result<Rbm<Counted, Counted>> {
    let layer = |n: usize, name: &str| -> Result<Counted> {
        let normal = MultivariateNormal::standard(n)?.sample(1, &mut seed.child(name).rng());
        Ok(Counted::new(Bernoulli::new(normal.row(0).to_owned())?))
    };
    let (visible, hidden) = (layer(n_visible, "visible")?, layer(n_hidden, "hidden")?);
    Ok(Rbm::random(visible, hidden, 0.5, seed)?)
}

/// The states that an exact `log Z` visits.
fn visited(machine: &Rbm<Counted, Counted>) -> Result<f64> {
    let before = machine.visible().count() + machine.hidden().count();
    machine.log_z()?;
    Ok((machine.visible().count() + machine.hidden().count() - before) as f64)
}

/// Exact sums; the counts against the size of the smaller layer.
fn sums(ctx: &mut Context, costs: &mut Table) -> Result<Vec<(f64, f64)>> {
    let seed = ctx.seed().child("machines");
    let mut by_smaller = Vec::new();
    for n_hidden in 4..=12 {
        let count = visited(&machine(16, n_hidden, seed)?)?;
        costs.row(["smaller layer".into(), (n_hidden as i64).into(), count.into()])?;
        by_smaller.push((n_hidden as f64, count));
    }
    ctx.measure(&SMALLER, furthest_ratio(&by_smaller, 2.0))?;
    let mut by_larger = Vec::new();
    let mut difference = 0.0;
    for n_visible in 9..=20 {
        let machine = machine(n_visible, 8, seed)?;
        let count = visited(&machine)?;
        costs.row(["larger layer".into(), (n_visible as i64).into(), count.into()])?;
        by_larger.push((n_visible as f64, count));
        if n_visible <= 16 {
            let (few, many) = (machine.log_z()?, exact_log_z(&machine)?);
            difference = larger(difference, (few - many).abs() / many.abs());
        }
    }
    ctx.measure(&LARGER, furthest_ratio(&by_larger, 1.0))?;
    ctx.measure(&EITHER, difference)?;
    Ok(by_smaller)
}

/// The ratio of successive counts that lies furthest from `expected`.
fn furthest_ratio(counts: &[(f64, f64)], expected: f64) -> f64 {
    let ratios = counts.windows(2).map(|pair| pair[1].1 / pair[0].1);
    ratios
        .max_by(|a, b| (a - expected).abs().total_cmp(&(b - expected).abs()))
        .unwrap_or(f64::NAN)
}

/// `log Z` of standard normals by a grid on `[−6, 6]^d`; the counts against the dimension.
fn grids(ctx: &mut Context, costs: &mut Table) -> Result<Vec<(f64, f64)>> {
    const N_POINTS: usize = 9;
    let step = 12.0 / (N_POINTS - 1) as f64;
    let mut counts = Vec::new();
    let mut errors = Vec::new();
    for dim in 1..=6 {
        let density = MultivariateNormal::standard(dim)?;
        let n = N_POINTS.pow(dim as u32);
        let points = Array2::from_shape_fn((n, dim), |(i, axis)| {
            (i / N_POINTS.pow(axis as u32) % N_POINTS) as f64 * step - 6.0
        });
        let energy = density.energy(points.view());
        counts.push((dim as f64, energy.len() as f64));
        costs.row(["grid".into(), (dim as i64).into(), (energy.len() as f64).into()])?;
        let sum: f64 = energy.iter().map(|e| (-e).exp()).sum();
        errors.push(sum.ln() + dim as f64 * step.ln() - density.log_z());
    }
    ctx.measure(&GRID_COST, furthest_ratio(&counts, N_POINTS as f64))?;
    ctx.measure(&GRID_ERROR, errors[5] / errors[0])?;
    Ok(counts)
}

/// `E (w/Z)²`, measured, with its standard error.
fn second_moment(weights: &LogWeights, log_z: f64) -> (f64, f64) {
    mean_and_error(weights.values().iter().map(|l| (2.0 * (l - log_z)).exp()))
}

fn weights(ctx: &mut Context) -> Result<()> {
    const PRECISION: f64 = 1.5;
    const SHIFT: f64 = 0.5;
    let factor = PRECISION / (2.0 * PRECISION - 1.0).sqrt();
    let n_draws = ctx.pick(200_000, 2_000_000);
    let mut table = Table::new([
        "method",
        "dimension",
        "second_moment",
        "standard_error",
        "closed_form",
    ]);
    let (mut found, mut curve) = (Vec::new(), Vec::new());
    for dim in [1, 2, 4, 8, 16, 24, 32] {
        let base = MultivariateNormal::standard(dim)?;
        let target = MultivariateNormal::isotropic(Array1::zeros(dim), 1.0 / PRECISION)?;
        let seed = ctx.seed().child("narrower").nth(dim as u64);
        let run = importance_between(&base, &target, n_draws, &mut seed.rng())?;
        let (mean, error) = second_moment(run.log_weights(), target.log_z());
        let closed_form = factor.powi(dim as i32);
        table.row([
            "importance sampling, narrower target".into(),
            (dim as i64).into(),
            mean.into(),
            error.into(),
            closed_form.into(),
        ])?;
        found.push((dim as f64, mean - 1.0));
        curve.push((dim as f64, closed_form - 1.0));
        if dim == 32 {
            ctx.measure(
                &SECOND_MOMENT,
                measured(mean).with_error(error).against(closed_form),
            )?;
        }
    }
    shifted(ctx, SHIFT)?;

    let n_chains = ctx.pick(4_000, 40_000);
    let mut annealed = Vec::new();
    for dim in [4, 8, 16, 32, 100] {
        let path = Shifted::new(dim, SHIFT);
        let seed = ctx.seed().child("annealed").nth(dim as u64);
        let run = ais(&path, &Ladder::linear(dim)?, n_chains, &mut seed.rng())?;
        let (mean, error) = second_moment(run.log_weights(), path.log_z());
        let closed_form = (SHIFT * SHIFT).exp();
        table.row([
            "annealing in d steps, shifted target".into(),
            (dim as i64).into(),
            mean.into(),
            error.into(),
            closed_form.into(),
        ])?;
        annealed.push((dim as f64, mean - 1.0));
        if dim == 100 {
            ctx.measure(&ANNEALED, measured(mean).with_error(error).against(closed_form))?;
        }
    }
    ctx.table(
        "second-moments",
        "E (w/Z)² of importance weights, and of annealing in as many steps as dimensions.",
        &table,
    )?;
    let exponential = (1..=32).map(|d| (f64::from(d), f64::from(d) * SHIFT * SHIFT));
    let plot = Plot::new(
        "Relative variance of the weights",
        Axis::linear("dimension"),
        Axis::log("relative variance of the weights"),
    )
    .points("importance sampling, precision 1.5", found)
    .theory("its closed form", curve)
    .dashed(
        "importance sampling, shift ½",
        exponential.map(|(d, v)| (d, v.exp_m1())),
    )
    .points(
        "annealing in d steps, shift ½",
        annealed.into_iter().filter(|(d, _)| *d <= 32.0),
    );
    ctx.plot(
        "variances",
        "Both kinds of importance weights grow exponentially; annealing does not grow at all.",
        &plot,
    )
}

/// Importance sampling where it cannot work.
fn shifted(ctx: &mut Context, shift: f64) -> Result<()> {
    let path = Shifted::new(100, shift);
    let n_runs = ctx.pick(100, 1_000);
    let seed = ctx.seed().child("shifted");
    let runs: Result<Vec<(f64, bool, bool)>> = (0..n_runs)
        .into_par_iter()
        .map(|i| {
            let run = importance(&path, 4_096, &mut seed.nth(i).rng())?;
            let estimate = run.estimate(0.95)?;
            Ok((
                path.log_z() - run.log_z(),
                estimate.reliability.is_trusted(),
                run.lower_bound(0.95)?.value > path.log_z(),
            ))
        })
        .collect();
    let runs = runs?;
    let mut shortfalls: Vec<f64> = runs.iter().map(|r| r.0).collect();
    shortfalls.sort_by(f64::total_cmp);
    ctx.measure(&SHORTFALL, shortfalls[shortfalls.len() / 2])?;
    ctx.measure(&REFUSED, runs.iter().filter(|r| r.1).count() as f64)?;
    ctx.measure(
        &BOUND,
        runs.iter().filter(|r| r.2).count() as f64 / runs.len() as f64,
    )
}

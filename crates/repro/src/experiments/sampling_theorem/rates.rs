//! How fast each error falls, and how fast its term says that it does.
//!
//! **The start.** `KL(q_T‖γ) ≤ e^{−2T} KL(q‖γ)` is attained by a shift of the mean; where only the variance is wrong the divergence falls like `e^{−4T}`. But that is the distance of the starts. The reverse
//! process forgets its start as fast as the forward one: of a mean that is wrong by `e^{−T} m` there is `v e^{−2T} m` left at the end, for data of variance `v`, and of a variance that is wrong by `c e^{−2T}`, `v² c e^{−4T}`.
//!
//! **The steps.** A step contributes `O(h²)` to `G`, and `O(h²)` to the error of the variance. So `G = O(h)`, but the divergence at the end, which is quadratic in the error of the variance, is `O(h²)`.
//!
//! **The score.** An error `δ` adds `δ² T` to `G`. Of what it does to the output, the reverse process forgets all but the last unit of time.

use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{
    DiagonalNormal, ErrorBudget, Initialisation, NormalSampler, ScoreError, lipschitz_bound,
};
use ndarray::Array1;

use super::slope;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

const CORRECTION: &str = "horizons from 4 to 6; corrections are of order e^{−2T} ≤ 4e-4";
const FORGOTTEN: &str = "a step contracts by e^{−h − h²} with h = 1/256, so that the rate is 1 + h times the continuous one; the rest is of order e^{−2T} ≤ 3e-3";

pub(super) const SHIFT: Claim = Claim {
    claim: "a wrong mean: the slope of log TV(q_T, γ) against T",
    source: "KL = ½ e^{−2T} |m|², which attains the contraction",
    provenance: Provenance::Exact,
    quick: Some(Check::value(-1.0).within(2e-3)),
    full: Check::value(-1.0).within(2e-3),
    reason: CORRECTION,
};

pub(super) const CENTRED: Claim = Claim {
    claim: "a wrong variance only: the slope of log TV(q_T, γ) against T",
    source: "KL = ½ Σ [c e^{−2T} − log(1 + c e^{−2T})]",
    provenance: Provenance::Exact,
    quick: Some(Check::value(-2.0).within(2e-3)),
    full: Check::value(-2.0).within(2e-3),
    reason: CORRECTION,
};

pub(super) const SHIFT_FORGOTTEN: Claim = Claim {
    claim: "a wrong mean: the slope of the logarithm of its effect on the output against T",
    source: "see the top of the file `rates.rs`",
    provenance: Provenance::Exact,
    quick: Some(Check::value(-2.0).within(0.03)),
    full: Check::value(-2.0).within(0.03),
    reason: FORGOTTEN,
};

pub(super) const CENTRED_FORGOTTEN: Claim = Claim {
    claim: "a wrong variance only: the slope of the logarithm of its effect on the output against T",
    source: "see the top of the file `rates.rs`",
    provenance: Provenance::Exact,
    quick: Some(Check::value(-4.0).within(0.03)),
    full: Check::value(-4.0).within(0.03),
    reason: FORGOTTEN,
};

pub(super) const SUM: Claim = Claim {
    claim: "the exact score: the slope of log G against log h",
    source: "Chen et al. (2023), theorem 2: the term is of order √h",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0).within(0.01)),
    full: Check::value(1.0).within(0.01),
    reason: "data of variance ½ in 100 dimensions, h from 1/256 to 1/2048: corrections of order h/v ≤ 0.008",
};

pub(super) const TRUTH: Claim = Claim {
    claim: "the exact score: the slope of log KL of the output against log h",
    source: "the moment recursion, see the top of the file `rates.rs`",
    provenance: Provenance::Exact,
    quick: Some(Check::value(2.0).within(0.02)),
    full: Check::value(2.0).within(0.02),
    reason: "twice those of G",
};

pub(super) const SHARP: Claim = Claim {
    claim: "standard normal data, h = 1/64: G over its bound for Lipschitz scores, d L² Σ h² + ⅓ d L Σ h³, plus 2h/3",
    source: "G = d Σ (h² − ⅓ h³ + …)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0).within(2.5e-4)),
    full: Check::value(1.0).within(2.5e-4),
    reason: "the next term is below h²",
};

pub(super) const SATURATION: Claim = Claim {
    claim: "a score that is off by a constant: the total variation of the output at T = 32 over that at T = 8",
    source: "the reverse process contracts at rate one",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0).within(1e-3)),
    full: Check::value(1.0).within(1e-3),
    reason: "what an error does before the last 8 units of time is reduced by e^{−8} = 3e-4",
};

pub(super) const GROWTH: Claim = Claim {
    claim: "a score that is off by a constant: its term of the bound at T = 32 over that at T = 8",
    source: "Chen et al. (2023), theorem 2: ε √T",
    provenance: Provenance::Exact,
    quick: Some(Check::value(2.0).within(1e-9)),
    full: Check::value(2.0).within(1e-9),
    reason: "the error is the same at all times, so that only rounding is left",
};

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    start(ctx)?;
    steps(ctx)?;
    score(ctx)
}

fn budget(data: &DiagonalNormal, horizon: f64, n_steps: usize) -> Result<ErrorBudget> {
    let grid = TimeGrid::uniform(horizon, 0.0, n_steps)?;
    Ok(NormalSampler::new(data.clone(), grid)?.budget()?)
}

fn start(ctx: &mut Context) -> Result<()> {
    let mut plot = Plot::new(
        "What the start costs",
        Axis::linear("horizon T"),
        Axis::log("total variation"),
    );
    for (name, m, v, distance, forgotten) in [
        ("mean", 1.0, 1.0, &SHIFT, &SHIFT_FORGOTTEN),
        ("variance", 0.0, 2.0, &CENTRED, &CENTRED_FORGOTTEN),
    ] {
        let data = DiagonalNormal::isotropic(5, m, v)?;
        let (mut starts, mut outputs, mut terms) = (Vec::new(), Vec::new(), Vec::new());
        for k in 0..5 {
            // Slopes against T are slopes of logarithms against log e^T.
            let horizon = 4.0 + 0.5 * f64::from(k);
            starts.push((
                horizon.exp(),
                Initialisation::of_normal(&data, horizon)?.total_variation,
            ));
            let horizon = 3.0 + 0.5 * f64::from(k);
            let budget = budget(&data, horizon, (256.0 * horizon) as usize)?;
            outputs.push((horizon.exp(), budget.total_variation_of_starts));
            terms.push((horizon.exp(), budget.initialisation_term()));
        }
        ctx.measure(distance, slope(&starts))?;
        ctx.measure(forgotten, slope(&outputs))?;
        let in_time =
            |points: Vec<(f64, f64)>| points.into_iter().map(|(x, y)| (x.ln(), y)).collect::<Vec<_>>();
        plot = plot
            .dashed(format!("wrong {name}: the term"), in_time(terms))
            .line(format!("wrong {name}: of the starts"), in_time(starts))
            .line(format!("wrong {name}: of the outputs"), in_time(outputs));
    }
    ctx.plot(
        "start",
        "The total variation between q_T and the standard normal law, and between the outputs that start from either.",
        &plot,
    )
}

fn steps(ctx: &mut Context) -> Result<()> {
    let data = DiagonalNormal::isotropic(100, 1.0, 0.5)?;
    let (mut sums, mut truths) = (Vec::new(), Vec::new());
    let (mut terms, mut distances) = (Vec::new(), Vec::new());
    for n in [512, 1024, 2048, 4096] {
        let (h, budget) = (2.0 / n as f64, budget(&data, 2.0, n)?);
        sums.push((h, budget.girsanov.total()));
        truths.push((h, budget.kl_from_noised));
        terms.push((h, budget.discretisation_term()));
        distances.push((h, budget.total_variation_from_noised));
    }
    ctx.measure(&SUM, slope(&sums))?;
    ctx.measure(&TRUTH, slope(&truths))?;
    let plot = Plot::new(
        "What the steps cost",
        Axis::log("step h"),
        Axis::log("total variation"),
    )
    .dashed("the term, ∝ √h", terms)
    .line("the truth, ∝ h", distances);
    ctx.plot(
        "steps",
        "Normal data of variance ½ in 100 dimensions, from q_T with the exact score.",
        &plot,
    )?;

    let h = 1.0 / 64.0;
    let standard = DiagonalNormal::isotropic(1, 0.0, 1.0)?;
    let grid = TimeGrid::uniform(2.0, 0.0, 128)?;
    let bound = lipschitz_bound(&grid, 1, 1.0)?;
    let sum = NormalSampler::new(standard, grid)?.girsanov().discretisation;
    ctx.measure(&SHARP, sum / bound + 2.0 * h / 3.0)
}

fn score(ctx: &mut Context) -> Result<()> {
    let data = DiagonalNormal::isotropic(4, 1.0, 0.8)?;
    let error = ScoreError::new(0.0, Array1::from_elem(4, 0.05))?;
    let (mut terms, mut truths) = (Vec::new(), Vec::new());
    for horizon in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0] {
        let grid = TimeGrid::uniform(horizon, 0.0, (64.0 * horizon) as usize)?;
        let budget = NormalSampler::new(data.clone(), grid)?
            .with_error(error.clone())?
            .budget()?;
        terms.push((horizon, budget.score_term()));
        truths.push((horizon, budget.total_variation_from_noised));
    }
    let growth = |points: &[(f64, f64)]| points[6].1 / points[4].1;
    ctx.measure(&SATURATION, growth(&truths))?;
    ctx.measure(&GROWTH, growth(&terms))?;
    let plot = Plot::new(
        "What the score costs",
        Axis::log("horizon T"),
        Axis::log("total variation"),
    )
    .dashed("the term, ∝ √T", terms)
    .line("the truth", truths);
    ctx.plot(
        "score",
        "A score that is off by 0.05 in each of 4 dimensions, steps of 1/64, from q_T.",
        &plot,
    )
}

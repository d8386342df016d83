//! By scores alone.

use gibbsian_core::{Directions, Objective};
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::{DenoisingScoreMatching, ImplicitScoreMatching, SlicedScoreMatching};
use ndarray::Array2;

use super::bench::{Bench, Chains, Learnt};
use super::claims::Method;
use super::training::{Course, MOMENTUM, RATE, train};
use crate::{Context, Result};

/// The noise of denoising score matching.
const SIGMA: f64 = 0.15;

pub(super) fn implicit(ctx: &Context, bench: &Bench) -> Result<Learnt> {
    let n_steps = ctx.pick(2_000, 20_000);
    match_scores(ctx, bench, &Method::IMPLICIT, n_steps, ImplicitScoreMatching)
}

pub(super) fn sliced(ctx: &Context, bench: &Bench) -> Result<Learnt> {
    let sliced = SlicedScoreMatching::new(Directions::Sphere, 1)?;
    match_scores(ctx, bench, &Method::SLICED, ctx.pick(2_000, 20_000), sliced)
}

pub(super) fn denoising(ctx: &Context, bench: &Bench) -> Result<Learnt> {
    let denoising = DenoisingScoreMatching::new(SIGMA)?;
    match_scores(ctx, bench, &Method::DENOISING, ctx.pick(3_000, 30_000), denoising)
}

fn match_scores(
    ctx: &Context,
    bench: &Bench,
    method: &Method,
    n_steps: u64,
    objective: impl Objective<NeuralEnergy>,
) -> Result<Learnt> {
    let course = Course {
        batch: 256,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps,
    };
    let (model, _) = train(ctx, &bench.data, course, method.name, bench.start()?, objective)?;
    bench.learnt(ctx, model, Chains::NONE)
}

/// Denoising is measured against the density of the data, but learns that of the data with noise.
pub(super) fn note_the_noise(ctx: &mut Context, bench: &Bench, model: &NeuralEnergy) -> Result<()> {
    let noisy = bench
        .target
        .convolved((Array2::eye(2) * (SIGMA * SIGMA)).view())?;
    let judged = bench.grid.judge(model, &noisy)?;
    ctx.note(format!(
        "Denoising learns the density of noisy data: from that one its divergence is {:.4} nat, and that one is {:.4} nat from the truth.",
        judged.divergence,
        bench.grid.divergence_of(&bench.target, &noisy),
    ));
    Ok(())
}

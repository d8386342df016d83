//! By Markov chains: those of a replay buffer, the same differentiated through their last step, and those that start at the data.
//!
//! In the plane the gradient of an entropy from nearest neighbours has a mean and no variance; that gradients are clipped keeps it in bounds.

use gibbsian_core::{Density, Objective};
use gibbsian_densities::MultivariateNormal;
use gibbsian_metrics::r_hat;
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::{
    ContrastiveDivergence, ImprovedContrastiveDivergence, LastStep, PersistentNegatives, Replay,
    ReplayBuffer, ReplayContrastiveDivergence, Traced,
};
use gibbsian_samplers::Mala;

use super::STEP;
use super::bench::{Bench, Chains, Learnt};
use super::claims::Method;
use super::training::{Course, MOMENTUM, RATE, train};
use crate::{Context, Result};

/// The last step of chains that are differentiated through, which nothing adjusts: what it leaves of a mode's variance is wrong by the square of a sixth.
const LAST_STEP: f64 = 0.02;
/// Steps of the chains an update.
const N_STEPS: usize = 10;
const BATCH: usize = 128;
/// How many updates negative chains are watched for, and how many visits a chain of the buffer must have had in them: each is visited in every sixteenth.
const WINDOW: usize = 640;
const N_VISITS: usize = 30;
const REPLAY: Replay = Replay {
    reinitialise: 0.02,
    ..Replay::new(N_STEPS, BATCH)
};

fn course(ctx: &Context) -> Course {
    Course {
        batch: BATCH,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(3_000, 30_000),
    }
}

fn buffer(ctx: &Context, noise: &MultivariateNormal) -> Result<ReplayBuffer> {
    let start = noise.sample(2_048, &mut ctx.seed().child("buffer").rng());
    Ok(ReplayBuffer::new(start)?)
}

pub(super) fn replay(ctx: &Context, bench: &Bench, noise: &MultivariateNormal) -> Result<Learnt> {
    let buffer = buffer(ctx, noise)?;
    let replay = ReplayContrastiveDivergence::new(Mala::new(STEP)?, noise.clone(), buffer, REPLAY)?;
    watched(ctx, bench, &Method::REPLAY, replay)
}

pub(super) fn improved(ctx: &Context, bench: &Bench, noise: &MultivariateNormal) -> Result<Learnt> {
    let (kernel, last) = (Mala::new(STEP)?, LastStep::new(LAST_STEP));
    let buffer = buffer(ctx, noise)?;
    let improved = ImprovedContrastiveDivergence::new(kernel, noise.clone(), buffer, REPLAY, last)?;
    watched(ctx, bench, &Method::IMPROVED, improved)
}

pub(super) fn short(ctx: &Context, bench: &Bench) -> Result<Learnt> {
    let short = ContrastiveDivergence::new(Mala::new(STEP)?, N_STEPS)?;
    let name = Method::SHORT.name;
    let (model, step) = train(ctx, &bench.data, course(ctx), name, bench.start()?, short)?;
    let chains = Chains::of(step.objective().report());
    bench.learnt(ctx, model, chains)
}

/// Trains by an objective whose chains outlive an update, and watches these.
fn watched<O: PersistentNegatives + Objective<NeuralEnergy>>(
    ctx: &Context,
    bench: &Bench,
    method: &Method,
    objective: O,
) -> Result<Learnt> {
    let traced = Traced::new(objective, WINDOW)?;
    let (model, step) = train(ctx, &bench.data, course(ctx), method.name, bench.start()?, traced)?;
    let traced = step.objective();
    let agreement = r_hat(traced.traces().draws(N_VISITS).view())?;
    let chains = Chains::of(traced.objective().phase_report()).agreeing(agreement);
    bench.learnt(ctx, model, chains)
}

//! By contrast with noise, binary and ranking, and what becomes of the constant.

use gibbsian_core::{Density, Objective, Parametric, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::{NoiseContrastiveEstimation, RankingNoiseContrastiveEstimation, SelfNormalised};
use ndarray::{Array1, Array2, s};

use super::CONFINEMENT;
use super::bench::{Bench, Chains, Look};
use super::claims::{CONSTANT, FREE, Method, NOTICED, SHIFT};
use super::training::{Course, MOMENTUM, RATE, network, train};
use crate::statistics::mean_and_error;
use crate::{Context, Result, Task, measured, side_by_side};

type Contrasted = SelfNormalised<NeuralEnergy>;

/// The number of independent runs for the error of the learned constant.
const N_RUNS: u64 = 6;
/// Draws of noise for a datum.
const N_NOISE: usize = 4;

pub(super) fn learn(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let binary = || NoiseContrastiveEstimation::new(noise.clone(), N_NOISE);
    let ranking = || RankingNoiseContrastiveEstimation::new(noise.clone(), N_NOISE);
    // The normaliser of the well that a network is put into.
    let start = (std::f64::consts::TAU * CONFINEMENT * CONFINEMENT).ln();

    let (shared, here) = (&*bench, &*ctx);
    let mut tasks: Vec<Task<'_, (Contrasted, Look)>> = Vec::new();
    for index in 0..N_RUNS {
        tasks.push(Box::new(move || run(here, shared, start, index, binary()?)));
    }
    tasks.push(Box::new(|| {
        let name = Method::RANKING.name;
        let model = SelfNormalised::new(shared.start()?, start)?;
        fit(here, shared, &shared.data, name, model, ranking()?)
    }));
    let mut found = side_by_side(tasks)?;
    let (ranked, of_ranked) = found.pop().expect("the last task");

    let errors: Vec<f64> = found
        .iter()
        .map(|(model, _)| model.log_z() - bench.grid.log_z(model.model()))
        .collect();
    let (mean, error) = mean_and_error(errors.iter().copied());
    ctx.measure(&CONSTANT, measured(mean).with_error(error))?;
    let of_runs: Vec<String> = errors.iter().map(|e| format!("{e:+.4}")).collect();
    ctx.note(format!(
        "The learned constant minus log Z in {N_RUNS} runs: {}.",
        of_runs.join(", ")
    ));
    ctx.measure(&FREE, ranked.log_z() - start)?;
    ctx.note(format!(
        "Ranking leaves the constant at {start:.4}, where it began; log Z of its energy became {:.4}.",
        bench.grid.log_z(ranked.model())
    ));

    let (first, of_first) = &found[0];
    ctx.measure(&SHIFT, change_by_a_constant(bench, &mut ranking()?, &ranked)?)?;
    ctx.measure(&NOTICED, change_by_a_constant(bench, &mut binary()?, first)?)?;
    bench.judge(ctx, &Method::BINARY, first.model(), *of_first, Chains::NONE)?;
    bench.judge(ctx, &Method::RANKING, ranked.model(), of_ranked, Chains::NONE)
}

/// A run by binary contrast. The first is on the data of all methods; the others have data, weights and noise of their own.
fn run(
    ctx: &Context,
    bench: &Bench,
    start: f64,
    index: u64,
    objective: NoiseContrastiveEstimation<MultivariateNormal>,
) -> Result<(Contrasted, Look)> {
    let name = format!("{} {index}", Method::BINARY.name);
    if index == 0 {
        let model = SelfNormalised::new(bench.start()?, start)?;
        return fit(ctx, bench, &bench.data, &name, model, objective);
    }
    let seed = ctx.seed().child("constants").nth(index);
    let data = bench
        .target
        .sample(bench.data.nrows(), &mut seed.child("data").rng());
    let model = SelfNormalised::new(network(seed)?, start)?;
    fit(ctx, bench, &data, &name, model, objective)
}

fn fit(
    ctx: &Context,
    bench: &Bench,
    data: &Array2<f64>,
    name: &str,
    model: Contrasted,
    objective: impl Objective<Contrasted>,
) -> Result<(Contrasted, Look)> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(4_000, 60_000),
    };
    let (model, _) = train(ctx, data, course, name, model, objective)?;
    let look = bench.look(ctx, model.model())?;
    Ok((model, look))
}

/// How much larger the loss is where the constant is by five, the data and the noise being the same.
fn change_by_a_constant(
    bench: &Bench,
    objective: &mut dyn Objective<Contrasted>,
    model: &Contrasted,
) -> Result<f64> {
    let mut loss = |model: &Contrasted| {
        let mut grad = Array1::zeros(model.n_params());
        let mut rng = Seed::new(1).rng();
        let data = bench.data.slice(s![..1_000, ..]);
        objective.loss_and_grad_into(model, data, &mut rng, grad.view_mut())
    };
    let moved = SelfNormalised::new(model.model().clone(), model.log_z() + 5.0)?;
    Ok(loss(&moved)? - loss(model)?)
}

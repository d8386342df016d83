//! What networks learn in the plane.

use gibbsian::core::dataset::Matrix;
use gibbsian::core::{Density, Objective, Parametric, ParametricMut, Seed, Snapshot, Space, TrainStep};
use gibbsian::data::{LastBatch, Minibatches};
use gibbsian::densities::planar::eight_gaussians;
use gibbsian::densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions};
use gibbsian::densities::{Covariances, GaussianMixture, MultivariateNormal};
use gibbsian::figure::{Axis, HeatMap, Plot};
use gibbsian::ndarray::{Array2, array};
use gibbsian::nn::{Activation, Net, NeuralEnergy, NeuralScore};
use gibbsian::objectives::{DenoisingScoreMatching, NoiseContrastiveEstimation, SelfNormalised};
use gibbsian::train::{
    Adam, AdamOptions, AveragingWarmUp, Constant, Cosine, Decay, Descent, EachEpoch, Ema, GO_ON, Schedule,
    Trainer,
};

use super::Result;
use super::fields::{arrows, middles};

fn adam<M: Parametric, O>(model: &M, objective: O) -> Result<Descent<O, Adam>> {
    Ok(Descent::new(
        objective,
        Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE)?,
    ))
}

/// Trains and returns the mean loss of every epoch.
fn train<M, S>(
    model: &mut M,
    step: &mut S,
    data: &Array2<f64>,
    n_epochs: u64,
    rate: impl Schedule + 'static,
    seed: Seed,
) -> Result<Vec<f64>>
where
    M: ParametricMut + Space,
    S: TrainStep<M> + Snapshot,
{
    let mut order = Minibatches::new(data.nrows(), 250, LastBatch::Drop, seed.child("order"))?;
    let trainer = Trainer::new(n_epochs, rate, seed.child("steps"))?;
    let outcome = trainer.fit(model, step, &Matrix::new(data.view())?, &mut order, &mut ())?;
    Ok(outcome.history.losses().to_vec())
}

pub(crate) fn neural_energy() -> Result<Plot> {
    let seed = Seed::new(2);
    let truth = eight_gaussians(2.0, 0.35)?;
    let data = truth.sample(5_000, &mut seed.child("data").rng());
    let network = NeuralEnergy::new(
        2,
        |net, x| {
            let e = net.mlp("energy", x, &[32, 32], 1, Activation::Silu);
            net.confined(e, x, 4.0)
        },
        &mut seed.child("network").rng(),
    )?;
    let mut model = SelfNormalised::new(network, 0.0)?;
    let noise = MultivariateNormal::isotropic(array![0.0, 0.0], 2.5)?;
    let mut step = adam(&model, NoiseContrastiveEstimation::new(noise, 2)?)?;
    train(
        &mut model,
        &mut step,
        &data,
        150,
        Cosine::new(1e-2, 0.0, 150 * 20)?,
        seed,
    )?;

    let side = Interval::closed(-8.0, 8.0)?;
    let settings = QuadratureOptions {
        relative: 1e-6,
        ..QuadratureOptions::default()
    };
    let density = Normalised::new(model.model(), Domain::rectangle(side, side), settings)?;
    let (window, n) = ((-3.5, 3.5), 100);
    let cells = middles(window, n);
    let grid = |log_p: gibbsian::ndarray::Array1<f64>| log_p.mapv(f64::exp).into_shape_with_order((n, n));
    let (found, exact) = (
        grid(density.log_density(cells.view()))?,
        grid(truth.log_density(cells.view()))?,
    );
    Ok(Plot::new(
        "A density learnt from draws",
        Axis::linear("x₁"),
        Axis::linear("x₂"),
    )
    .heat_map(HeatMap::new("learnt density", found.view(), window, window).range(0.0, 0.17))
    .contours("truth", exact.view(), window, window, &[0.02, 0.06, 0.1, 0.14])
    .equal_aspect())
}

pub(crate) fn learnt_score() -> Result<Plot> {
    let (seed, sigma) = (Seed::new(6), 0.5);
    let (weights, means) = (array![0.5, 0.5], array![[-1.5, 0.0], [1.5, 0.5]]);
    let law = |variance| {
        GaussianMixture::new(
            weights.clone(),
            means.clone(),
            Covariances::Spherical(array![variance, variance]),
        )
    };
    let (clean, noisy) = (law(0.2)?, law(0.2 + sigma * sigma)?);
    let data = clean.sample(5_000, &mut seed.child("data").rng());
    let mut model = score_network(sigma, seed.child("network"))?;
    let mut step = adam(&model, DenoisingScoreMatching::new(sigma)?)?;
    train(
        &mut model,
        &mut step,
        &data,
        60,
        Cosine::new(1e-2, 0.0, 60 * 20)?,
        seed,
    )?;

    let (window, n) = ((-3.5, 3.5), 90);
    let heights = noisy
        .log_density(middles(window, n).view())
        .into_shape_with_order((n, n))?;
    Ok(Plot::new(
        "A score learnt by denoising",
        Axis::linear("x₁"),
        Axis::linear("x₂"),
    )
    .heat_map(
        HeatMap::new(
            "log-density of the noisy data, nats",
            heights.view(),
            window,
            window,
        )
        .range(-10.0, -1.5),
    )
    .arrows("", arrows(&model, window, 17))
    .equal_aspect())
}

fn score_network(sigma: f64, seed: Seed) -> Result<NeuralScore> {
    let forward = |net: &mut Net<'_>, x| {
        let f = net.mlp("score", x, &[32, 32], 2, Activation::Silu);
        net.scale(1.0 / sigma, f)
    };
    Ok(NeuralScore::new(2, forward, &mut seed.rng())?)
}

pub(crate) fn schedules() -> Result<Plot> {
    let (seed, sigma, n_epochs) = (Seed::new(8), 0.3, 60);
    let truth = eight_gaussians(2.0, 0.3)?;
    let data = truth.sample(5_000, &mut seed.child("data").rng());
    // The loss on fresh noise of fresh points: the same for every model that is judged.
    let test = truth.sample(20_000, &mut seed.child("test").rng());
    let judge = |model: &NeuralScore| -> gibbsian::core::Result<f64> {
        let mut grad = gibbsian::ndarray::Array1::zeros(model.n_params());
        let mut objective = DenoisingScoreMatching::new(sigma)?;
        objective.loss_and_grad_into(
            model,
            test.view(),
            &mut seed.child("judge").rng(),
            grad.view_mut(),
        )
    };
    let curve = |rate: Box<dyn Schedule>, is_averaged: bool| -> Result<Vec<(f64, f64)>> {
        let mut model = score_network(sigma, seed.child("network"))?;
        let step = adam(&model, DenoisingScoreMatching::new(sigma)?)?;
        let mut step = Ema::new(step, &model, AveragingWarmUp::new(0.99)?)?;
        let average = step.average();
        let mut judged = Vec::new();
        let mut watch = EachEpoch::new(
            |model: &NeuralScore, progress: &gibbsian::train::Progress, _: &gibbsian::train::History| {
                let mut shown = model.clone();
                if is_averaged {
                    average.apply_to(&mut shown)?;
                }
                judged.push((progress.epoch as f64 + 1.0, judge(&shown)?));
                Ok(GO_ON)
            },
        );
        let mut order = Minibatches::new(5_000, 100, LastBatch::Drop, seed.child("order"))?;
        Trainer {
            n_epochs,
            learning_rate: rate,
            seed: seed.child("steps"),
        }
        .fit(
            &mut model,
            &mut step,
            &Matrix::new(data.view())?,
            &mut order,
            &mut watch,
        )?;
        Ok(judged)
    };
    let n_steps = n_epochs * 50;
    let constant = || Ok::<_, gibbsian::core::Error>(Box::new(Constant::new(1e-2)?));
    Ok(Plot::new(
        "Three ways to end",
        Axis::linear("epoch"),
        Axis::linear("denoising loss of fresh points"),
    )
    .line("constant rate", curve(constant()?, false)?)
    .line(
        "cosine to zero",
        curve(Box::new(Cosine::new(1e-2, 0.0, n_steps)?), false)?,
    )
    .line("constant rate, averaged parameters", curve(constant()?, true)?))
}

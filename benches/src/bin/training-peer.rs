//! Training steps of networks, timed for `benches/peers/training.py`.
//!
//! `training-peer NAME SECONDS` trains for so long and prints the seconds a step of every fifty steps (of every two for pictures) as a JSON list. Networks, batches and settings are those of the script; steps are Adam's at `1e-3`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_core::{Directions, NoiseLadder, Objective, ParametricMut, Seed, Space, TrainStep};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Activation, Net, NeuralEnergy, NeuralScore, NeuralTimeScore, Picture, UNet, Var};
use gibbsian_objectives::{
    ContrastiveDivergence, DenoisingScoreMatching, ImplicitScoreMatching, MultiLevelDenoising,
    NoiseContrastiveEstimation, SlicedScoreMatching,
};
use gibbsian_samplers::UnadjustedLangevin;
use gibbsian_train::{Adam, AdamOptions, Decay, Descent};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::StandardNormal;

const BATCH: usize = 512;
const HIDDEN: [usize; 3] = [128, 128, 128];

/// Points at the corners of a cube, blurred.
fn batches(n: usize, dim: usize, batch: usize) -> Vec<Array2<f64>> {
    let mut rng = Seed::new(1).rng();
    (0..n)
        .map(|_| {
            Array2::from_shape_simple_fn((batch, dim), || {
                let centre = [-3.0, 3.0][usize::from(rng.random::<bool>())];
                centre + 0.3 * rng.sample::<f64, _>(StandardNormal)
            })
        })
        .collect()
}

fn time<M: ParametricMut + Space, O: Objective<M>>(mut model: M, objective: O, batch: usize, seconds: f64) {
    let batches = batches(16, model.dim(), batch);
    let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE).expect("finite settings");
    let mut step = Descent::new(objective, adam);
    let mut rng = Seed::new(2).rng();
    let n = if model.dim() == 784 { 2 } else { 50 };
    let mut found = Vec::new();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let began = Instant::now();
        for k in 0..n {
            let x = batches[k % batches.len()].view();
            step.train_step(&mut model, x, 1e-3, &mut rng)
                .expect("a finite step");
        }
        found.push(format!("{}", began.elapsed().as_secs_f64() / n as f64));
    }
    println!("[{}]", found.join(", "));
}

fn sliced() -> SlicedScoreMatching {
    SlicedScoreMatching::new(Directions::Rademacher, 1).expect("a direction")
}

fn levels(first: f64, last: f64) -> MultiLevelDenoising {
    MultiLevelDenoising::new(NoiseLadder::geometric(first, last, 10).expect("a ladder"))
}

/// The peers' network of 28 × 28 pictures: 32, 64 and 128 channels.
fn unet(net: &mut Net<'_>, x: Var, sigma: Var) -> Var {
    let level = net.log(sigma);
    let waves = net.fourier_embedding(level, 64, 0.16, Seed::new(7));
    let embedding = net.dense("embedding", waves, 64);
    let embedding = net.silu(embedding);
    let sizes = UNet::new(vec![32, 64, 128]);
    let noise = net.unet("net", Picture::new(x, 28, 28, 1), Some(embedding), &sizes);
    net.noise_to_score(noise.node, sigma)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (name, seconds) = (arguments[1].as_str(), arguments[2].parse().expect("seconds"));
    let rng = &mut Seed::new(3).rng();
    let score = |net: &mut Net<'_>, x| net.mlp("score", x, &HIDDEN, 2, Activation::Silu);
    let energy = |net: &mut Net<'_>, x| net.mlp("energy", x, &HIDDEN, 1, Activation::Silu);
    let score = NeuralScore::new(2, score, rng).expect("a network");
    let energy = NeuralEnergy::new(2, energy, rng).expect("a network");
    let denoising = DenoisingScoreMatching::new(0.3).expect("positive");
    match name {
        "dsm" => time(score, denoising, BATCH, seconds),
        "ssm" => time(score, sliced(), BATCH, seconds),
        "ism" => time(score, ImplicitScoreMatching, BATCH, seconds),
        "e-dsm" => time(energy, denoising, BATCH, seconds),
        "e-ssm" => time(energy, sliced(), BATCH, seconds),
        "e-ism" => time(energy, ImplicitScoreMatching, BATCH, seconds),
        "nce" => {
            let noise = MultivariateNormal::isotropic(Array1::zeros(2), 9.0).expect("a law");
            let objective = NoiseContrastiveEstimation::new(noise, 1).expect("some noise");
            time(energy, objective, BATCH, seconds);
        }
        "cd" => {
            let objective = ContrastiveDivergence::new(UnadjustedLangevin::new(0.02).expect("positive"), 20)
                .and_then(|cd| cd.with_energy_penalty(1e-3))
                .expect("steps");
            time(energy, objective, BATCH, seconds);
        }
        "ncsn" => {
            let forward = |net: &mut Net<'_>, x, sigma| {
                let level = net.log(sigma);
                let both = net.concat(&[x, level]);
                let noise = net.mlp("noise", both, &HIDDEN, 2, Activation::Silu);
                net.noise_to_score(noise, sigma)
            };
            let score = NeuralTimeScore::new(2, forward, rng).expect("a network");
            time(score, levels(4.0, 0.1), BATCH, seconds);
        }
        "unet28" => {
            let score = NeuralTimeScore::new(784, unet, rng).expect("a network");
            time(score, levels(1.0, 0.02), 64, seconds);
        }
        "dsm784" => {
            let wide = |net: &mut Net<'_>, x| net.mlp("score", x, &[1024, 1024], 784, Activation::Silu);
            let wide = NeuralScore::new(784, wide, rng).expect("a network");
            let denoising = DenoisingScoreMatching::new(0.5).expect("positive");
            time(wide, denoising, 128, seconds);
        }
        _ => panic!("no task {name}"),
    }
}

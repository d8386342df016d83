//! Training steps of networks, timed for `benches/peers/training.py`: `training-peer NAME SECONDS` prints seconds a step, one measurement a line.

use std::time::Instant;

use gibbsian_core::{Objective, ParametricMut, Seed, Space, TrainStep};
use gibbsian_nn::{Activation, Net, NeuralEnergy, NeuralScore};
use gibbsian_objectives::{DenoisingScoreMatching, ImplicitScoreMatching};
use gibbsian_train::{Constant, Decay, Descent, Momentum};
use ndarray::Array2;
use rand::RngExt;
use rand_distr::StandardNormal;

const BATCH: usize = 512;
const HIDDEN: [usize; 3] = [128, 128, 128];

/// Eight points on a circle, blurred.
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
    let momentum = Constant::new(0.9).expect("below one");
    let optimiser = Momentum::new(&model.layout(), momentum, Decay::NONE).expect("finite settings");
    let mut step = Descent::new(objective, optimiser);
    let mut rng = Seed::new(2).rng();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let began = Instant::now();
        let n = 50;
        for k in 0..n {
            let x = batches[k % batches.len()].view();
            step.train_step(&mut model, x, 1e-6, &mut rng)
                .expect("a finite step");
        }
        println!("{}", began.elapsed().as_secs_f64() / n as f64);
    }
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
        "ism" => time(score, ImplicitScoreMatching, BATCH, seconds),
        "e-dsm" => time(energy, denoising, BATCH, seconds),
        "e-ism" => time(energy, ImplicitScoreMatching, BATCH, seconds),
        "dsm784" => {
            let wide = |net: &mut Net<'_>, x| net.mlp("score", x, &[1024, 1024], 784, Activation::Silu);
            let wide = NeuralScore::new(784, wide, rng).expect("a network");
            time(wide, denoising, 128, seconds);
        }
        _ => panic!("no task {name}"),
    }
}

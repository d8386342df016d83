//! Training steps of networks, timed for `benches/peers/training.py`.
//!
//! `training-peer time NAME SECONDS` trains for so long and prints the seconds a step of every fifty steps (of every two for pictures) as a JSON list.
//! `training-peer learn NAME STEPS FOLDER` makes so many steps on minibatches of the points in `FOLDER/data.f64` and writes the scores of the network at
//! those in `FOLDER/test.f64` to `FOLDER/ours.f64`: rows of little-endian `f64`, of the test with the level of noise behind them where the network has one.
//! Networks, batches and settings are those of the script; steps are Adam's at `1e-3`.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use gibbsian_core::{
    Directions, NoiseLadder, Objective, ParametricMut, Score, Seed, Space, TimeScore, TrainStep,
};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Activation, Net, NeuralEnergy, NeuralScore, NeuralTimeScore, Picture, UNet, Var};
use gibbsian_objectives::{
    ContrastiveDivergence, DenoisingScoreMatching, ImplicitScoreMatching, MultiLevelDenoising,
    NoiseContrastiveEstimation, SlicedScoreMatching,
};
use gibbsian_samplers::UnadjustedLangevin;
use gibbsian_train::{Adam, AdamOptions, Decay, Descent};
use ndarray::{Array1, Array2, ArrayView2, Axis};
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

/// What is asked of a network.
enum Request {
    Time { seconds: f64 },
    Learn { steps: usize, folder: PathBuf },
}

impl Request {
    fn run<M: ParametricMut + Space, O: Objective<M>>(
        &self,
        mut model: M,
        objective: O,
        batch: usize,
        score: impl Fn(&M, ArrayView2<f64>) -> Array2<f64>,
    ) {
        let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE).expect("finite settings");
        let mut step = Descent::new(objective, adam);
        let mut rng = Seed::new(2).rng();
        match self {
            Request::Time { seconds } => {
                let batches = batches(16, model.dim(), batch);
                let n = if model.dim() == 784 { 2 } else { 50 };
                let mut found = Vec::new();
                let start = Instant::now();
                while start.elapsed().as_secs_f64() < *seconds {
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
            Request::Learn { steps, folder } => {
                let data = read(&folder.join("data.f64"), model.dim());
                let mut choice = Seed::new(4).rng();
                for _ in 0..*steps {
                    let rows: Vec<usize> = (0..batch).map(|_| choice.random_range(0..data.nrows())).collect();
                    let x = data.select(Axis(0), &rows);
                    step.train_step(&mut model, x.view(), 1e-3, &mut rng)
                        .expect("a finite step");
                }
                let has_level = folder.join("levels").exists();
                let test = read(&folder.join("test.f64"), model.dim() + usize::from(has_level));
                let scores = score(&model, test.view());
                let bytes: Vec<u8> = scores.iter().flat_map(|s| s.to_le_bytes()).collect();
                std::fs::write(folder.join("ours.f64"), bytes).expect("a place for the scores");
                println!("null");
            }
        }
    }
}

fn read(path: &Path, n_columns: usize) -> Array2<f64> {
    let bytes = std::fs::read(path).expect("a file of the script");
    let (numbers, _) = bytes.as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|b| f64::from_le_bytes(*b)).collect();
    Array2::from_shape_vec((numbers.len() / n_columns, n_columns), numbers).expect("rows")
}

/// Scores at points whose level of noise is the last column.
fn at_levels(score: &NeuralTimeScore, rows: ArrayView2<f64>) -> Array2<f64> {
    let (x, level) = rows.split_at(Axis(1), score.dim());
    let mut out = Array2::zeros(x.dim());
    score.score_at_into(x, level.column(0), out.view_mut());
    out
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
    let name = arguments[2].as_str();
    let request = match arguments[1].as_str() {
        "time" => Request::Time {
            seconds: arguments[3].parse().expect("seconds"),
        },
        "learn" => Request::Learn {
            steps: arguments[3].parse().expect("steps"),
            folder: arguments[4].clone().into(),
        },
        other => panic!("{other} is neither time nor learn"),
    };
    let rng = &mut Seed::new(3).rng();
    let score = |net: &mut Net<'_>, x| net.mlp("score", x, &HIDDEN, 2, Activation::Silu);
    let energy = |net: &mut Net<'_>, x| net.mlp("energy", x, &HIDDEN, 1, Activation::Silu);
    let score = NeuralScore::new(2, score, rng).expect("a network");
    let energy = NeuralEnergy::new(2, energy, rng).expect("a network");
    let denoising = DenoisingScoreMatching::new(0.3).expect("positive");
    match name {
        "dsm" => request.run(score, denoising, BATCH, |model, x| model.score(x)),
        "ssm" => request.run(score, sliced(), BATCH, |model, x| model.score(x)),
        "ism" => request.run(score, ImplicitScoreMatching, BATCH, |model, x| model.score(x)),
        "e-dsm" => request.run(energy, denoising, BATCH, |model, x| model.score(x)),
        "e-ssm" => request.run(energy, sliced(), BATCH, |model, x| model.score(x)),
        "e-ism" => request.run(energy, ImplicitScoreMatching, BATCH, |model, x| model.score(x)),
        "nce" => {
            let noise = MultivariateNormal::isotropic(Array1::zeros(2), 9.0).expect("a law");
            let objective = NoiseContrastiveEstimation::new(noise, 1).expect("some noise");
            request.run(energy, objective, BATCH, |model, x| model.score(x));
        }
        "cd" => {
            let objective = ContrastiveDivergence::new(UnadjustedLangevin::new(0.02).expect("positive"), 20)
                .and_then(|cd| cd.with_energy_penalty(1e-3))
                .expect("steps");
            request.run(energy, objective, BATCH, |model, x| model.score(x));
        }
        "ncsn" => {
            let forward = |net: &mut Net<'_>, x, sigma| {
                let level = net.log(sigma);
                let both = net.concat(&[x, level]);
                let noise = net.mlp("noise", both, &HIDDEN, 2, Activation::Silu);
                net.noise_to_score(noise, sigma)
            };
            let score = NeuralTimeScore::new(2, forward, rng).expect("a network");
            request.run(score, levels(4.0, 0.1), BATCH, at_levels);
        }
        "unet28" => {
            let score = NeuralTimeScore::new(784, unet, rng).expect("a network");
            request.run(score, levels(1.0, 0.02), 64, at_levels);
        }
        "dsm784" => {
            let wide = |net: &mut Net<'_>, x| net.mlp("score", x, &[1024, 1024], 784, Activation::Silu);
            let wide = NeuralScore::new(784, wide, rng).expect("a network");
            let denoising = DenoisingScoreMatching::new(0.5).expect("positive");
            request.run(wide, denoising, 128, |model, x| model.score(x));
        }
        _ => panic!("no task {name}"),
    }
}

//! A noise-conditional score network and annealed Langevin sampling.
//!
//! One network `s(x, σ)` learns the scores of the data in noise of every level, by `½ ⟨σ_i² |s(x + σ_i z, σ_i) + z/σ_i|²⟩` over rows and levels; chains then run from the largest level to the smallest with steps in proportion to `σ_i²` (Song
//! and Ermon 2019). For a mixture of normals every one of these scores is known.
//!
//! `cargo run -p gibbsian --example noise_conditional`
//!
//! prints, level by level, how much of the exact score the network has learnt, and the mass of the right mode among samples by the network and by the exact score.

#![allow(clippy::print_stdout)]

use gibbsian::core::process::ElucidatedNoise;
use gibbsian::core::{Directions, NoiseLadder};
use gibbsian::data::LastBatch;
use gibbsian::densities::NoisedMixture;
use gibbsian::ndarray::{Array1, Array2, array};
use gibbsian::nn::Activation;
use gibbsian::objectives::{MultiLevelDenoising, RowUniforms};
use gibbsian::prelude::*;
use gibbsian::samplers::AnnealedLangevin;
use gibbsian::train::{Adam, AdamOptions, Cosine, Decay};

/// Trains on two modes, compares scores, samples.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let law = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-2.0], [2.0]],
        Covariances::Spherical(array![0.1, 0.1]),
    )?;
    let data = law.sample(2_000, &mut seed.child("data").rng());
    let ladder = NoiseLadder::geometric(5.0, 0.1, 8)?;

    // −f/σ with f of the size of noise at every level; the level enters by its logarithm.
    let mut network = NeuralTimeScore::new(
        1,
        |net, x, sigma| {
            let variance = net.square(sigma);
            let moment = net.constant(1, 4.0);
            let total = net.add(variance, moment);
            let root = net.sqrt(total);
            let inverse = net.recip(root);
            let (scaled, level) = (net.times(x, inverse), net.log(sigma));
            let both = net.concat(&[scaled, level]);
            let f = net.mlp("noise", both, &[64, 64], 1, Activation::Silu);
            net.noise_to_score(f, sigma)
        },
        &mut seed.child("weights").rng(),
    )?;
    let objective = MultiLevelDenoising::new(ladder.clone()).with_rows(RowUniforms::Stratified);
    let adam = Adam::new(&network.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut order = Minibatches::new(data.nrows(), 200, LastBatch::Drop, seed.child("order"))?;
    let trainer = Trainer::new(200, Cosine::new(4e-3, 0.0, 2_000)?, seed.child("training"))?;
    trainer.fit(
        &mut network,
        &mut Descent::new(objective, adam),
        &Matrix::new(data.view())?,
        &mut order,
        &mut (),
    )?;

    // With noise whose deviation is the time, the exact score of a level is the exact score of a time.
    let exact = NoisedMixture::new(law.clone(), ElucidatedNoise::new(5.0)?)?;
    for sigma in ladder.levels() {
        let x = exact
            .marginal(*sigma)?
            .sample(2_000, &mut seed.child("test").rng());
        let t = Array1::from_elem(x.nrows(), *sigma);
        let right = exact.score_at(x.view(), t.view());
        let error = At::new(&network, t.view()).score(x.view()) - &right;
        let share = error.mapv(|e| e * e).sum() / right.mapv(|s| s * s).sum();
        println!("σ = {sigma:.3}: relative square error of the score {share:.4}");
        assert!(share < 0.05);
    }

    let n = 1_000;
    let annealed = AnnealedLangevin::new(ladder, 1e-3, 100)?.with_denoising();
    let start = 5.0 * Directions::Gaussian.draw((n, 1), &mut seed.child("start").rng());
    let right_share = |x: &Array2<f64>| x.iter().filter(|x| **x > 0.0).count() as f64 / n as f64;
    let by_network = right_share(
        &annealed
            .sample(&network, start.clone(), &mut seed.child("network").rng())?
            .x,
    );
    let by_exact = right_share(&annealed.sample(&exact, start, &mut seed.child("exact").rng())?.x);
    println!("mass of the right mode: network {by_network:.3}, exact score {by_exact:.3}, law 0.7");
    let error = (0.21 / n as f64).sqrt();
    assert!((by_exact - 0.7).abs() < 5.0 * error);
    // The network has learnt two modes from 2,000 points, of which it has the shares with an error of its own.
    let of_data = (0.21 / data.nrows() as f64).sqrt();
    assert!((by_network - 0.7).abs() < 5.0 * (error + of_data));
    Ok(())
}

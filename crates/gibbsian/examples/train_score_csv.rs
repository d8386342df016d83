//! A score network for the rows of a CSV file, and new rows from it.
//!
//! Denoising score matching along a forward process `x_t = α_t x_0 + σ_t z` is a regression on the noise, `⟨|ẑ(x_t, t) − z|²⟩`, and its minimum is a score, `s(x, t) = −E[z | x_t = x]/σ_t` (Vincent 2011; Song et al.
//! 2021). New rows solve the reverse equation from noise.
//!
//! `cargo run -p gibbsian --example train_score_csv`
//!
//! writes a file of three clusters, trains on it, samples, and prints how far new rows are from fresh draws of the law, beside the normal law with the same moments, and the share of each cluster.

#![allow(clippy::print_stdout)]

use gibbsian::checkpoint::write_atomically;
use gibbsian::core::process::VariancePreserving;
use gibbsian::core::{Prediction, Predicts, ScoreFrom};
use gibbsian::data::{Header, LastBatch, read_table};
use gibbsian::densities::MultivariateNormal;
use gibbsian::metrics::energy_distance;
use gibbsian::ndarray::{Axis, array};
use gibbsian::nn::Activation;
use gibbsian::objectives::{DenoisingInTime, RowUniforms};
use gibbsian::prelude::*;
use gibbsian::sde::{FixedSteps, FreshNoise, ReverseDiffusion, ReverseSde, TimeGrid};
use gibbsian::train::{Adam, AdamOptions, Cosine, Decay};

/// From a file to new rows.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let law = GaussianMixture::new(
        array![0.5, 0.3, 0.2],
        array![[-1.0, -0.6], [1.2, 0.0], [0.0, 1.3]],
        Covariances::Spherical(array![0.04, 0.04, 0.04]),
    )?;
    let rows = law.sample(3_000, &mut seed.child("data").rng());
    let lines: String = rows
        .rows()
        .into_iter()
        .map(|x| format!("{},{}\n", x[0], x[1]))
        .collect();
    let path = std::env::temp_dir().join(format!("gibbsian-points-{}.csv", std::process::id()));
    write_atomically(&path, format!("x,y\n{lines}").as_bytes())?;
    let data = read_table(&path, Header::Present)?.into_values();
    std::fs::remove_file(&path).ok();

    // Columns to mean zero and deviation one, which is what the process is made for; new rows go back.
    let (mean, deviation) = (
        data.mean_axis(Axis(0)).unwrap_or_default(),
        data.std_axis(Axis(0), 0.0),
    );
    let scaled = (&data - &mean) / &deviation;

    let process = VariancePreserving::new(0.1, 20.0)?;
    let network = NeuralTimeScore::new(
        2,
        |net, x, t| {
            let t = net.scale(100.0, t);
            let waves = net.sinusoidal_embedding(t, 16, 100.0);
            let both = net.concat(&[x, waves]);
            net.mlp("noise", both, &[64, 64], 2, Activation::Silu)
        },
        &mut seed.child("weights").rng(),
    )?;
    let mut score = ScoreFrom::new(
        network,
        Predicts {
            prediction: Prediction::Noise,
            process,
        },
    );
    let (start, batch, n_epochs) = (1e-3, 150, 100);
    let objective = DenoisingInTime::new(process, start)?.with_rows(RowUniforms::Stratified);
    let adam = Adam::new(&score.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut order = Minibatches::new(scaled.nrows(), batch, LastBatch::Drop, seed.child("order"))?;
    let trainer = Trainer::new(
        n_epochs,
        Cosine::new(3e-3, 0.0, n_epochs * 20)?,
        seed.child("training"),
    )?;
    trainer.fit(
        &mut score,
        &mut Descent::new(objective, adam),
        &Matrix::new(scaled.view())?,
        &mut order,
        &mut (),
    )?;

    let n = 1_000;
    let noise = FreshNoise::new(seed.child("sampling"));
    let grid = TimeGrid::uniform_in_log_snr(&process, process.horizon(), start, 100)?;
    let reverse = ReverseSde::new(process, &score);
    let x = FixedSteps::new(grid).solve(&ReverseDiffusion, &reverse, noise.normal((n, 2)), &noise)?;
    let new_rows = x * &deviation + &mean;

    let fresh = law.sample(n, &mut seed.child("fresh").rng());
    let normal = MultivariateNormal::from_covariance(law.mean(), law.covariance())?
        .sample(n, &mut seed.child("normal").rng());
    let distance = energy_distance(new_rows.view(), fresh.view())?.value;
    let of_normal = energy_distance(normal.view(), fresh.view())?.value;
    println!("energy distance to the law {distance:.4}; of the normal law {of_normal:.4}");
    assert!(distance < 0.1 * of_normal);

    let mut shares = array![0.0, 0.0, 0.0];
    for k in law.most_likely_component(new_rows.view()).into_iter().flatten() {
        shares[k] += 1.0 / n as f64;
    }
    println!(
        "shares of the clusters {shares:.3}, of the law {:.3}",
        law.weights()
    );
    // Beside the errors of n draws and of the 3,000 rows stands what the network has not learnt: three hundredths.
    assert!(
        (&shares - &law.weights())
            .iter()
            .all(|d| d.abs() < 0.03 + 5.0 * (0.25_f64 / n as f64).sqrt())
    );
    Ok(())
}

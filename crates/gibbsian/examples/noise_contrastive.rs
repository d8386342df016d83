//! A neural energy by contrast with noise, which learns its own normaliser: the constant becomes `log Z`.
//!
//! With `ν` draws of a known density `p_n` for every case, the log-odds that a point is data are `G(x) = −E(x) − c − log p_n(x) − log ν`; logistic regression on `G` finds the energy **and** `c = log Z` (Gutmann and
//! Hyvärinen 2012), because among all positive functions the minimum is the density of the data.
//!
//! `cargo run -p gibbsian --example noise_contrastive`
//!
//! prints the learned constant beside `log Z` of the learned energy by quadrature, with the standard error that theory gives a rich family, and the divergence of the density from the truth.

#![allow(clippy::print_stdout)]

use gibbsian::data::LastBatch;
use gibbsian::densities::MultivariateNormal;
use gibbsian::densities::quadrature::{Domain, Interval, QuadratureOptions, numeric_log_z};
use gibbsian::ndarray::array;
use gibbsian::nn::Activation;
use gibbsian::objectives::{NoiseContrastiveEstimation, SelfNormalised};
use gibbsian::prelude::*;
use gibbsian::train::{Adam, AdamOptions, Cosine, Decay};

/// Trains and holds the constant to the integral.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let truth = GaussianMixture::new(
        array![0.4, 0.6],
        array![[-1.5], [1.0]],
        Covariances::Spherical(array![0.25, 0.5]),
    )?;
    let data = truth.sample(4_000, &mut seed.child("data").rng());
    let noise = MultivariateNormal::from_covariance(truth.mean(), truth.covariance())?;

    let network = NeuralEnergy::new(
        1,
        |net, x| {
            let energy = net.mlp("energy", x, &[32, 32], 1, Activation::Silu);
            net.confined(energy, x, 2.0)
        },
        &mut seed.child("weights").rng(),
    )?;
    let mut model = SelfNormalised::new(network, 0.0)?;
    let (n_noise, n_epochs) = (4, 100);
    let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut step = Descent::new(NoiseContrastiveEstimation::new(noise.clone(), n_noise)?, adam);
    let mut order = Minibatches::new(data.nrows(), 200, LastBatch::Drop, seed.child("order"))?;
    let trainer = Trainer::new(
        n_epochs,
        Cosine::new(4e-3, 0.0, n_epochs * 20)?,
        seed.child("training"),
    )?;
    trainer.fit(
        &mut model,
        &mut step,
        &Matrix::new(data.view())?,
        &mut order,
        &mut (),
    )?;

    let domain = Domain::interval(Interval::closed(-10.0, 10.0)?);
    let settings = QuadratureOptions {
        relative: 1e-6,
        ..QuadratureOptions::default()
    };
    let log_z = numeric_log_z(model.model(), &domain, settings)?.log_z;
    // For any family N Var(c − log Z) is at most χ²(p ‖ p_n)/ν with fixed noise; E_p[p/p_n] is one more than χ².
    let x = truth.sample(20_000, &mut seed.child("chi").rng());
    let ratio = (truth.log_density(x.view()) - noise.log_density(x.view())).mapv(f64::exp);
    let error = ((ratio.mean().unwrap_or(f64::NAN) - 1.0) / (n_noise * data.nrows()) as f64).sqrt();
    println!(
        "constant {:.4}, log Z by quadrature {log_z:.4}; standard error at most {error:.4}",
        model.log_z()
    );
    // The last minibatches have not averaged everything away: ten times what all data at once could do.
    assert!((model.log_z() - log_z).abs() < 10.0 * error);

    let learned = -model.model().energy(x.view()) - log_z;
    let divergence = (truth.log_density(x.view()) - learned).mean().unwrap_or(f64::NAN);
    let of_normal = ratio.mapv(f64::ln).mean().unwrap_or(f64::NAN);
    println!("KL from the truth {divergence:.4} nat; of the noise {of_normal:.4}");
    assert!(divergence > -0.01 && divergence < 0.1 * of_normal);
    Ok(())
}

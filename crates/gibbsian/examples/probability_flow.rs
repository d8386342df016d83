//! The probability flow gives log-densities: exactly, with the exact score.
//!
//! `dx/dt = f(x, t) − ½ g(t)² s(x, t)` has at every time the same marginals as the noising process, without noise; along it `d log p/dt = −∇·(f − ½ g² s)`, so a point's log-density is that of the noise it flows to, plus an
//! integral of the divergence (Song et al. 2021).
//!
//! `cargo run -p gibbsian --example probability_flow`
//!
//! prints log-densities by the flow and by the formula of a mixture, the largest difference, and a point that is carried to noise and back.

#![allow(clippy::print_stdout)]

use gibbsian::core::process::OrnsteinUhlenbeck;
use gibbsian::densities::NoisedMixture;
use gibbsian::ndarray::array;
use gibbsian::prelude::*;
use gibbsian::sde::{AdaptiveRungeKutta, FlowLikelihood, ProbabilityFlow};

/// Evaluates by the flow and by the formula.
pub fn main() -> Result<()> {
    let process = OrnsteinUhlenbeck::new(20.0)?;
    let law = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-2.0, 0.0], [1.0, 1.0]],
        Covariances::Full(array![[[0.5, 0.2], [0.2, 0.3]], [[0.2, 0.0], [0.0, 1.0]]]),
    )?;
    let start = 1e-3;
    let noised = NoisedMixture::new(law, process)?;
    let truth = noised.marginal(start)?;

    let flow = ProbabilityFlow::new(process, &noised);
    let likelihood = FlowLikelihood::new(flow, start, AdaptiveRungeKutta::with_tolerance(1e-8))?;
    let x = truth.sample(6, &mut Seed::new(1).rng());
    let found = likelihood.log_density(x.view())?;
    let exact = truth.log_density(x.view());
    for ((x, found), exact) in x.rows().into_iter().zip(&found.log_density).zip(&exact) {
        println!("log p({x:6.3}) = {found:11.8} by the flow, {exact:11.8} by the formula");
    }
    let largest = (&found.log_density - &exact)
        .iter()
        .fold(0.0_f64, |m, d| m.max(d.abs()));
    println!(
        "largest difference {largest:.1e}, {} evaluations for the first point",
        found.n_evaluations[0]
    );
    assert!(largest < 1e-6);

    // The flow is one to one: noise at the end leads back to the point.
    let back = likelihood.generate(found.points.view())?;
    assert!((&back.points - &x).iter().all(|d| d.abs() < 1e-5));
    Ok(())
}

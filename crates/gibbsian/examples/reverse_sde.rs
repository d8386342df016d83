//! From noise to data by the reverse equation, with the exact score.
//!
//! `dx = −½β(t) x dt + √β(t) dB` turns data into noise; `dx = [−½β x − β s(x, t)] dt + √β dB̄` turns noise into data, if `s(·, t)` is the score of the data at time `t` (Anderson 1982). For a mixture of normals it is
//! known, so that what is left to blame is the solver.
//!
//! `cargo run -p gibbsian --example reverse_sde`
//!
//! prints the mass of a mode and the variances within the modes beside the exact ones, and two solvers at the same number of steps.

#![allow(clippy::print_stdout)]

use gibbsian::core::process::VariancePreserving;
use gibbsian::densities::NoisedMixture;
use gibbsian::ndarray::array;
use gibbsian::prelude::*;
use gibbsian::sde::{
    EulerMaruyama, ExponentialIntegrator, FixedSteps, FreshNoise, ReverseSde, Solver, TimeGrid,
};

/// Solves backwards with two schemes and compares moments.
pub fn main() -> Result<()> {
    let process = VariancePreserving::new(0.1, 20.0)?;
    let law = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-1.5], [1.0]],
        Covariances::Spherical(array![0.1, 0.05]),
    )?;
    let reverse = ReverseSde::new(process, NoisedMixture::new(law, process)?);
    judge("Euler–Maruyama, 1,000 steps", &EulerMaruyama, &reverse, 1_000)?;
    judge(
        "exponential integrator, 200 steps",
        &ExponentialIntegrator,
        &reverse,
        200,
    )
}

fn judge<P, M, V>(name: &str, solver: &V, reverse: &ReverseSde<P, M>, n_steps: usize) -> Result<()>
where
    P: LinearGaussian,
    M: TimeScore,
    V: Solver<ReverseSde<P, M>>,
{
    let (n, process) = (4_000, reverse.process());
    let noise = FreshNoise::new(Seed::new(1));
    let start = process.prior_variance().sqrt() * noise.normal((n, 1));
    let grid = TimeGrid::uniform_in_log_snr(process, process.horizon(), 1e-4, n_steps)?;
    let x = FixedSteps::new(grid).solve(solver, reverse, start, &noise)?;

    let (left, right): (Vec<f64>, Vec<f64>) = x.iter().partition(|x| **x < 0.0);
    let mass = left.len() as f64 / n as f64;
    println!(
        "{name}: mass of the left mode {mass:.4} ± {:.4}, exact 0.3",
        (0.21_f64 / n as f64).sqrt()
    );
    assert!((mass - 0.3).abs() < 5.0 * (0.21 / n as f64).sqrt());
    for (mode, mean, variance) in [(left, -1.5, 0.1), (right, 1.0, 0.05)] {
        let found = mode.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / mode.len() as f64;
        let error = variance * (2.0 / mode.len() as f64).sqrt();
        println!("    variance within a mode {found:.4} ± {error:.4}, exact {variance}");
        // A first-order scheme is itself off by a few parts in a thousand at this number of steps.
        assert!((found - variance).abs() < 5.0 * error + 0.01 * variance);
    }
    Ok(())
}

//! Two modes that a random walk never joins, and parallel tempering, which does.
//!
//! Chains at every rung of `f_β = p_0^{1−β} f^β` move side by side, and neighbours `j, k` exchange their states with probability `min(1, f_j(x_k) f_k(x_j) / (f_j(x_j) f_k(x_k)))`. What the flat end
//! knows of both modes travels up the ladder.
//!
//! `cargo run -p gibbsian --example parallel_tempering`
//!
//! prints the mass of the right mode as the walk alone and as the tempered chains see it, the exact 0.7, and the report on the ladder.

#![allow(clippy::print_stdout)]

use gibbsian::core::GeometricPath;
use gibbsian::densities::MultivariateNormal;
use gibbsian::ndarray::{Array1, Array2, array};
use gibbsian::prelude::*;
use gibbsian::samplers::{Overlap, ParallelTempering, RandomWalkMetropolis};

/// Compares the mass of a mode from chains that all start in the other one.
pub fn main() -> Result<()> {
    let target = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-8.0], [8.0]],
        Covariances::Spherical(array![1.0, 1.0]),
    )?;
    let (walk, n_chains) = (RandomWalkMetropolis::new(2.0)?, 100);
    let left = || Array2::from_elem((n_chains, 1), -8.0);

    let alone = Sampling::new(2_000, Seed::new(1)).run(walk.clone(), &target, left())?;
    let stuck = alone.draws.iter().filter(|x| **x > 0.0).count();
    println!(
        "the walk alone: {stuck} of {} draws in the right mode",
        alone.draws.len()
    );
    assert_eq!(stuck, 0);

    let base = MultivariateNormal::isotropic(array![0.0], 100.0)?;
    let path = GeometricPath::new(&base, &target, walk, 2)?;
    let (mut sampler, mut rng) = (ParallelTempering::new(Ladder::linear(6)?), Seed::new(2).rng());
    let mut replicas = sampler.place(&path, left())?;
    // Rungs move to where swaps are accepted alike.
    let report = sampler.tune(&path, &mut replicas, 4, 50, &mut rng)?;
    println!(
        "ladder {:.3?}, swap rates {:.2}",
        sampler.ladder().betas(),
        report.swap_rates()
    );
    assert_eq!(report.overlap(), Overlap::Sound);

    let n_steps = 1_000;
    let mut in_right = Array1::<f64>::zeros(n_chains);
    for _ in 0..n_steps {
        sampler.advance(&path, &mut replicas, &mut rng);
        for (share, x) in in_right.iter_mut().zip(replicas.positions().column(0)) {
            *share += f64::from(u8::from(*x > 0.0)) / n_steps as f64;
        }
    }
    let (mean, error) = (
        in_right.mean().unwrap_or(f64::NAN),
        (in_right.var(1.0) / n_chains as f64).sqrt(),
    );
    println!(
        "tempered: {mean:.4} ± {error:.4}, exact 0.7; {} round trips",
        replicas.round_trips().iter().sum::<u64>()
    );
    assert!((mean - 0.7).abs() < 5.0 * error && error < 0.02);
    Ok(())
}

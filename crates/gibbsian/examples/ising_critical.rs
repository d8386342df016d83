//! An Ising lattice at its critical point: clusters move freely where single spins creep, and Kaufman's formula knows the answer.
//!
//! `p(x) ∝ exp(K Σ_⟨ij⟩ x_i x_j)` on a torus, `K_c = ln(1 + √2)/2`. Swendsen and Wang freeze each bond between equal spins with probability `1 − e^(−2K)` and turn every cluster by a coin. Kaufman (1949) gives
//! `log Z`, the mean and the variance of the energy of this very torus.
//!
//! `cargo run -p gibbsian --example ising_critical`
//!
//! prints mean energy a site and heat capacity a site with standard errors between chains, beside the exact values.

#![allow(clippy::print_stdout)]

use gibbsian::classical::ising::{CRITICAL_COUPLING, kaufman};
use gibbsian::classical::{Boundary, Graph, Ising, SwendsenWang};
use gibbsian::ndarray::{Array1, Array2};
use gibbsian::prelude::*;

/// Runs 64 chains of clusters and compares two moments with the exact ones.
pub fn main() -> Result<()> {
    let ising = Ising::uniform(
        Graph::lattice(&[16, 16], Boundary::Periodic)?,
        CRITICAL_COUPLING,
        0.0,
    )?;
    let exact = kaufman(16, 16, CRITICAL_COUPLING, CRITICAL_COUPLING)?;

    let (n_chains, n_steps) = (64, 400);
    let sampling = Sampling {
        n_warmup: 100,
        ..Sampling::new(n_steps, Seed::new(1))
    };
    let run = sampling.run(SwendsenWang, &ising, Array2::ones((n_chains, 256)))?;

    // One mean a chain: chains are independent, so their spread is the error, however long a chain remembers.
    let (mut mean, mut square) = (Array1::zeros(n_chains), Array1::zeros(n_chains));
    for (chain, draws) in run.draws.outer_iter().enumerate() {
        let deviations = ising.energy(draws) - exact.mean_energy;
        mean[chain] = deviations.mean().unwrap_or(f64::NAN);
        square[chain] = deviations.mapv(|d| d * d).mean().unwrap_or(f64::NAN);
    }
    let error = |values: &Array1<f64>| (values.var(1.0) / n_chains as f64).sqrt();
    let found = exact.mean_energy + mean.mean().unwrap_or(f64::NAN);
    println!(
        "energy a site {:.5} ± {:.5}, Kaufman {:.5}",
        found / 256.0,
        error(&mean) / 256.0,
        exact.mean_energy / 256.0
    );
    let variance = square.mean().unwrap_or(f64::NAN);
    println!(
        "heat capacity a site {:.4} ± {:.4}, Kaufman {:.4}",
        variance / 256.0,
        error(&square) / 256.0,
        exact.energy_variance / 256.0
    );
    assert!((found - exact.mean_energy).abs() < 5.0 * error(&mean));
    assert!((variance - exact.energy_variance).abs() < 5.0 * error(&square));
    Ok(())
}

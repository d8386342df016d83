//! Exact draws by coupling from the past: no burn-in, no doubt.
//!
//! Chains from every state are run through the same random numbers from ever earlier; when all have met at time 0, where they are is a draw from `p(x) ∝ exp(K Σ x_i x_j)` exactly. For a ferromagnet two chains
//! stand for all: all spins up and all down (Propp and Wilson 1996).
//!
//! `cargo run -p gibbsian --example exact_ising_draws`
//!
//! prints how far back chains had to be started, and the mean energy of independent draws beside Kaufman's.

#![allow(clippy::print_stdout)]

use gibbsian::classical::ising::kaufman;
use gibbsian::classical::{Boundary, CouplingFromPast, Graph, Ising};
use gibbsian::prelude::*;

/// Draws and compares; the draws are independent, so the error needs no autocorrelation.
pub fn main() -> Result<()> {
    let coupling = 0.3;
    let torus = Ising::uniform(Graph::lattice(&[12, 12], Boundary::Periodic)?, coupling, 0.0)?;
    let n = 1_000;
    let draws = CouplingFromPast::new(&torus, 1 << 12)?.sample(n, &mut Seed::new(1).rng())?;
    let most = draws.n_sweeps.iter().max().copied().unwrap_or(0);
    println!(
        "from {} to {most} sweeps ago",
        draws.n_sweeps.iter().min().copied().unwrap_or(0)
    );

    let exact = kaufman(12, 12, coupling, coupling)?;
    let energy = torus.energy(draws.x.view()).mean().unwrap_or(f64::NAN);
    // Independent draws: the error of their mean is known before they are made.
    let error = (exact.energy_variance / n as f64).sqrt();
    println!(
        "mean energy {energy:.3} ± {error:.3}, Kaufman {:.3}",
        exact.mean_energy
    );
    assert!((energy - exact.mean_energy).abs() < 5.0 * error);
    Ok(())
}

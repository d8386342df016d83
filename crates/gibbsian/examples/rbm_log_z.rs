//! The exact partition function of a restricted Boltzmann machine, three ways.
//!
//! `Z = Σ_v Σ_h exp(b·v + c·h + v'Wh)`. The sum over one layer is a product, `Σ_h = Π_j (1 + exp(c_j + (v'W)_j))`, so only the states of the smaller layer are listed: `2^min(D, H)` terms and not `2^(D+H)`.
//!
//! `cargo run -p gibbsian --example rbm_log_z`
//!
//! prints `log Z` by the factorised sum, by listing all visible and all joint states, and for a machine of 784 × 16 units that no list of visible states could reach.

#![allow(clippy::print_stdout)]

use gibbsian::classical::Bernoulli;
use gibbsian::partition::exact_log_z;
use gibbsian::prelude::*;

/// Compares the three sums, and single precision with double.
pub fn main() -> Result<()> {
    let rbm = Rbm::random(Bernoulli::unbiased(10), Bernoulli::unbiased(6), 1.0, Seed::new(1))?;
    let log_z = rbm.log_z()?;
    // As an energy a machine is its free energy F(v) = −log Σ_h exp(−E(v, h)); the joint model is an energy of (v, h).
    let of_visible = exact_log_z(&rbm)?;
    let of_joint = exact_log_z(&rbm.joint())?;
    println!(
        "log Z {log_z:.12}, from 2^10 visible states {of_visible:.12}, from 2^16 joint states {of_joint:.12}"
    );
    assert!((log_z - of_visible).abs() < 1e-12 && (log_z - of_joint).abs() < 1e-12);

    // What it is for: log-probabilities in nats, which sum to one.
    let states = rbm.states()?;
    let total = rbm.energy(states.view()).mapv(|f| (-f - log_z).exp()).sum();
    assert!((total - 1.0).abs() < 1e-13);

    // The machine for real work holds single precision; its sum over 2^16 hidden states is exact for the rounded weights.
    let large = Rbm::random(
        Bernoulli::unbiased(784),
        Bernoulli::unbiased(16),
        0.05,
        Seed::new(2),
    )?;
    let machine = BinaryRbm::from(&large);
    let (fast, reference) = (machine.log_z()?, Rbm::from(&machine).log_z()?);
    println!("784 × 16 units: log Z {fast:.9}, in double precision {reference:.9}");
    assert!((fast - reference).abs() < 1e-6 * reference);
    Ok(())
}

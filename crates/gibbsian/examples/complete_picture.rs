//! A Boltzmann machine completes a picture: some units are clamped, the others are sampled given them.
//!
//! `E(s) = −½ s'Ws − b's` on `s ∈ {0, 1}^N`. With Hebb's couplings `J = (β/N) Σ_p ξ_p ξ_pᵀ` between spins `ξ = 2s − 1` the pictures `ξ_p` are its memories; as couplings of zeros and ones they are
//! `w_ij = 4 J_ij`, `b_i = −2 Σ_j J_ij`. Given the upper half, `p(lower | upper)` is sampled by Gibbs sweeps that leave the upper half alone.
//!
//! `cargo run -p gibbsian --example complete_picture`
//!
//! prints the clamped half, the most frequent completion, and the probabilities of the free pixels beside their exact values.

#![allow(clippy::print_stdout)]

use gibbsian::classical::BoltzmannMachine;
use gibbsian::ndarray::{Array1, Array2, Axis, s};
use gibbsian::prelude::*;
use gibbsian::samplers::{Chains, ClampedGibbs};

const MEMORIES: [&str; 2] = ["####\n#..#\n#..#\n####", "#..#\n.##.\n.##.\n#..#"];

/// Completes the ring from its upper half and holds the frequencies to enumeration.
pub fn main() -> Result<()> {
    let spins = |picture: &str| -> Array1<f64> {
        picture
            .chars()
            .filter(|c| *c != '\n')
            .map(|c| if c == '#' { 1.0 } else { -1.0 })
            .collect()
    };
    let n = 16;
    let mut couplings = Array2::zeros((n, n));
    for memory in MEMORIES {
        let xi = spins(memory).insert_axis(Axis(1));
        couplings = couplings + xi.dot(&xi.t()) * (1.5 / n as f64);
    }
    couplings.diag_mut().fill(0.0);
    let machine = BoltzmannMachine::new(4.0 * &couplings, -2.0 * couplings.sum_axis(Axis(1)))?;

    let picture = spins(MEMORIES[0]).mapv(|xi| 0.5 * (xi + 1.0));
    let free = Array1::from_shape_fn(n, |i| i >= n / 2);
    let n_chains = 4_000;
    let mut start = Array2::from_shape_fn((n_chains, n), |(_, i)| picture[i]);
    start.slice_mut(s![.., n / 2..]).fill(0.0);
    let mut chains = Chains::new(ClampedGibbs::new(free)?, &machine, start, Seed::new(1))?;
    chains.advance(100);
    let means = chains.positions().mean_axis(Axis(0)).unwrap_or_default();

    // The exact conditional law lists the 2^8 lower halves.
    let mut halves = Array2::from_shape_fn((1 << 8, n), |(_, i)| picture[i]);
    for (state, mut x) in halves.rows_mut().into_iter().enumerate() {
        (0..8).for_each(|i| x[8 + i] = f64::from(u8::from(state >> i & 1 == 1)));
    }
    let weights = machine.energy(halves.view()).mapv(|e| (-e).exp());
    let exact = weights.dot(&halves) / weights.sum();

    for row in 0..4 {
        let line = |x: &Array1<f64>, on: fn(f64) -> bool| -> String {
            x.slice(s![4 * row..4 * row + 4])
                .iter()
                .map(|&v| if on(v) { '#' } else { '.' })
                .collect()
        };
        let seen = if row < 2 {
            line(&picture, |v| v == 1.0)
        } else {
            "????".into()
        };
        println!(
            "{seen}  →  {}   {:.3} exact {:.3}",
            line(&means, |v| v > 0.5),
            means.slice(s![4 * row..4 * row + 4]),
            exact.slice(s![4 * row..4 * row + 4])
        );
    }
    for i in n / 2..n {
        let error = (exact[i] * (1.0 - exact[i]) / n_chains as f64).sqrt();
        assert!(
            (means[i] - exact[i]).abs() < 5.0 * error,
            "pixel {i}: {} and {}",
            means[i],
            exact[i]
        );
        assert_eq!(means[i] > 0.5, picture[i] == 1.0);
    }
    assert_eq!(means.slice(s![..8]), picture.slice(s![..8]));
    Ok(())
}

//! Moves on a discrete space that know where to go: Gibbs with gradients.
//!
//! The gradient of the energy, extended to the reals, estimates the cost of every change of a single site at once; a site is proposed with probability `∝ exp(−½ ΔÊ_i(x))` and taken as Metropolis and Hastings
//! say (Grathwohl, Swersky, Hashemi, Duvenaud and Maddison 2021). For pairwise couplings the estimate is exact.
//!
//! `cargo run -p gibbsian --example gibbs_with_gradients`
//!
//! prints acceptance and mean energy on an Ising torus in a disordered and in an ordered phase beside exact values, and how much more of its proposals it takes than one of a uniformly drawn site would.

#![allow(clippy::print_stdout)]

use gibbsian::classical::ising::kaufman;
use gibbsian::classical::{Boundary, CouplingFromPast, Graph, Ising};
use gibbsian::ndarray::{Array1, Array2, Axis};
use gibbsian::prelude::*;
use gibbsian::samplers::GibbsWithGradients;

/// Starts chains at exact draws, so that only invariance is in question, and watches the mean energy.
pub fn main() -> Result<()> {
    let (n_chains, side) = (200, 8);
    for coupling in [0.1, 0.35] {
        let torus = Ising::uniform(Graph::lattice(&[side, side], Boundary::Periodic)?, coupling, 0.0)?;
        let exact = kaufman(side, side, coupling, coupling)?;
        let start = CouplingFromPast::new(&torus, 1 << 12)?
            .sample(n_chains, &mut Seed::new(1).rng())?
            .x;

        // What a proposal of a uniformly drawn site would be taken with: ⟨min(1, e^−ΔE)⟩.
        let mut deltas = Array2::zeros((n_chains, side * side));
        torus.flip_deltas_into(start.view(), deltas.view_mut());
        let uniform = deltas.mapv(|d| (-d).exp().min(1.0)).mean().unwrap_or(f64::NAN);

        let run = Sampling::new(500, Seed::new(2)).run(GibbsWithGradients, &torus, start)?;
        let of_chain: Array1<f64> = run
            .draws
            .axis_iter(Axis(0))
            .map(|x| torus.energy(x).mean().unwrap_or(f64::NAN))
            .collect();
        let (mean, error) = (
            of_chain.mean().unwrap_or(f64::NAN),
            (of_chain.var(1.0) / n_chains as f64).sqrt(),
        );
        let rate = run.report.acceptance.rate();
        println!(
            "K = {coupling}: energy {mean:.3} ± {error:.3}, exact {:.3}; takes {rate:.2} of its proposals, a uniform one {uniform:.2}",
            exact.mean_energy
        );
        assert!((mean - exact.mean_energy).abs() < 5.0 * error);
        assert!(rate > uniform);
    }
    Ok(())
}

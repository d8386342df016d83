//! Annealed importance sampling of a normaliser, with an interval and a verdict.
//!
//! A chain goes from an exact draw of `f_0` up a ladder `0 = β_0 < … < β_K = 1`; its weight `w = Π_k f_{β_k}(x_{k−1}) / f_{β_{k−1}}(x_{k−1})` has the mean `Z_1/Z_0` for any ladder (Neal 2001). So `log Ẑ` is in
//! expectation too low, and the interval is corrected for that.
//!
//! `cargo run -p gibbsian --example annealed_importance`
//!
//! prints estimates for an Ising torus of 144 spins on a short and on a long ladder, beside Kaufman's exact `log Z`; the short one is not trusted, and says so.

#![allow(clippy::print_stdout)]

use gibbsian::classical::ising::kaufman;
use gibbsian::classical::{Boundary, Graph, Ising, IsingPath};
use gibbsian::partition::{Pilot, ais};
use gibbsian::prelude::*;

/// Anneals and compares.
pub fn main() -> Result<()> {
    let (seed, coupling) = (Seed::new(1), 0.35);
    let torus = Ising::uniform(Graph::lattice(&[12, 12], Boundary::Periodic)?, coupling, 0.0)?;
    let path = IsingPath::new(&torus);
    let exact = kaufman(12, 12, coupling, coupling)?.log_z;
    println!("exact {exact:.4}");

    let short = ais(&path, &Ladder::linear(3)?, 200, &mut seed.child("short").rng())?.estimate(0.99)?;
    println!("3 temperatures: {short}");
    assert!(!short.reliability.is_trusted());

    // A pilot run measures how far the densities are apart, and lays the rungs where the work is.
    let pilot = Pilot::run(&path, &Ladder::linear(100)?, 100, &mut seed.child("pilot").rng())?;
    let n_steps = pilot.steps_for(0.25)?;
    let run = ais(&path, &pilot.ladder(n_steps)?, 500, &mut seed.child("long").rng())?;
    let estimate = run.estimate(0.99)?;
    println!("{n_steps} temperatures: {estimate}");
    assert!(estimate.reliability.is_trusted());
    assert!(estimate.interval.contains(exact));
    assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error);

    // A bound that holds with at least its confidence for every number of chains.
    let bound = run.lower_bound(0.99)?;
    println!("log Z ≥ {:.4} with confidence {}", bound.value, bound.confidence);
    assert!(bound.value < exact);
    Ok(())
}

//! Score matching of a normal in closed form: the sample mean and the sample covariance, and no normaliser on the way.
//!
//! `J(θ) = ⟨½|s_θ(x)|² + ∇·s_θ(x)⟩` (Hyvärinen 2005). For an exponential family the score is linear in the natural parameters, so `J` is a quadratic with its minimum at the solution of a linear system. For the normal
//! that minimum is maximum likelihood; for other families it is not, but as consistent.
//!
//! `cargo run -p gibbsian --example score_matching_normal`
//!
//! prints the estimate beside mean and covariance of the sample, and the estimate of a gamma law beside that of maximum likelihood, with the error that score matching knows of itself.

#![allow(clippy::print_stdout)]

use gibbsian::densities::{Gamma, MultivariateNormal};
use gibbsian::ndarray::{Axis, array};
use gibbsian::objectives::{ClosedFormScoreMatching, HalfLine};
use gibbsian::prelude::*;

/// Estimates two laws by their scores.
pub fn main() -> Result<()> {
    let truth = MultivariateNormal::from_covariance(array![1.0, -2.0], array![[2.0, 0.6], [0.6, 0.5]])?;
    let n = 2_000;
    let x = truth.sample(n, &mut Seed::new(1).rng());
    let estimate = ClosedFormScoreMatching::unweighted()
        .estimate(&truth, x.view())?
        .member;

    let mean = x.mean_axis(Axis(0)).unwrap_or_default();
    let centred = &x - &mean;
    let covariance = centred.t().dot(&centred) / n as f64;
    println!("mean {:.6}, of the sample {mean:.6}", estimate.mean());
    println!(
        "covariance\n{:.6}\nof the sample\n{covariance:.6}",
        estimate.covariance()
    );
    assert!((&estimate.mean() - &mean).iter().all(|d| d.abs() < 1e-10));
    assert!(
        (&estimate.covariance() - &covariance)
            .iter()
            .all(|d| d.abs() < 1e-10)
    );

    // On the half line a weight that vanishes at zero keeps the boundary out of it (Hyvärinen 2007).
    let gamma = Gamma::new(3.0, 2.0)?;
    let x = gamma.sample(n, &mut Seed::new(2).rng());
    let matched = ClosedFormScoreMatching::weighted(HalfLine).estimate(&gamma, x.view())?;
    let error = matched.covariance.diag().mapv(f64::sqrt);
    let likeliest = gamma.fit(x.view())?;
    println!(
        "gamma: score matching {:.4} ± {error:.4}, maximum likelihood {:.4}, true {:.4}",
        matched.natural,
        likeliest.natural_parameters(),
        gamma.natural_parameters()
    );
    let off = (matched.natural - gamma.natural_parameters()) / error;
    assert!(off.iter().all(|d| d.abs() < 5.0));
    Ok(())
}

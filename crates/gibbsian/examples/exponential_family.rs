//! An exponential family from natural to mean parameters and back.
//!
//! `log p(x) = η·T(x) − A(η) + log h(x)`, and the mean parameters `μ = E T(x) = ∇A(η)` are another name for the same member. For the gamma law `T = (log x, x)`, so the way back solves an equation with the
//! digamma function. Maximum likelihood is the member whose mean parameters are those of the data, and the divergence of two members is that of Bregman:
//! `KL(p‖q) = A(η_q) − A(η_p) − (η_q − η_p)·μ_p`.
//!
//! `cargo run -p gibbsian --example exponential_family`
//!
//! prints both parametrisations, an estimate from draws with its standard errors, and a divergence two ways.

#![allow(clippy::print_stdout)]

use gibbsian::densities::Gamma;
use gibbsian::linalg::Cholesky;
use gibbsian::prelude::*;

/// Goes from one parametrisation to the other, estimates, and compares divergences.
pub fn main() -> Result<()> {
    let gamma = Gamma::new(2.5, 0.5)?;
    let (natural, mean) = (gamma.natural_parameters(), gamma.mean_parameters());
    println!("natural {natural:.6}, mean {mean:.6}");
    // E x = shape / rate, and the way back finds the member again.
    assert!((mean[1] - 5.0).abs() < 1e-14);
    let back = gamma.with_mean(mean.view())?;
    assert!((back.shape() - 2.5).abs() < 1e-12 && (back.rate() - 0.5).abs() < 1e-12);

    // Maximum likelihood: within five standard errors, which the Fisher information says.
    let n = 4_000;
    let x = gamma.sample(n, &mut Seed::new(1).rng());
    let estimate = gamma.fit(x.view())?;
    let information = Cholesky::new("information", gamma.fisher_information().view())?;
    let covariance = information.inverse() / n as f64;
    for (i, name) in ["shape − 1", "−rate"].into_iter().enumerate() {
        let (found, true_value) = (estimate.natural_parameters()[i], natural[i]);
        let error = covariance[[i, i]].sqrt();
        println!("{name}: {found:.4} ± {error:.4}, true {true_value}");
        assert!((found - true_value).abs() < 5.0 * error);
    }

    // The divergence of the family and that of Bregman.
    let other = Gamma::new(1.5, 1.0)?;
    let step = other.natural_parameters() - &natural;
    let bregman = other.log_partition() - gamma.log_partition() - step.dot(&mean);
    println!(
        "KL {:.12}, as a Bregman divergence {bregman:.12}",
        gamma.kl_divergence(&other)
    );
    assert!((gamma.kl_divergence(&other) - bregman).abs() < 1e-13);
    Ok(())
}

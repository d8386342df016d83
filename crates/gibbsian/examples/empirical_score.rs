//! The score of the data themselves: what a network would learn if it could, and why it had better not.
//!
//! Denoising score matching over all functions has the noised empirical distribution's score for its minimum, `s = (α Σ_i r_i x_i − x)/σ²` with `r_i ∝ exp(−‖x − α x_i‖²/2σ²)` (Vincent 2011). Generation with it is
//! generation with the best possible loss on the data, and gives the data back: every path ends at one of the points, each with probability `1/n`.
//!
//! `cargo run -p gibbsian --example empirical_score`
//!
//! prints how far generated points are from the nearest of 50 data, in standard deviations of the noise that is left, with the score of the data and with that of the density they were drawn from.

#![allow(clippy::print_stdout)]

use gibbsian::core::process::VariancePreserving;
use gibbsian::densities::{NoisedEmpirical, NoisedMixture};
use gibbsian::ndarray::{Array2, ArrayView2, array};
use gibbsian::prelude::*;
use gibbsian::sde::{Ancestral, FixedSteps, FreshNoise, ReverseSde, TimeGrid};

const LAST: f64 = 1e-4;

/// Generates with both scores and looks for the data.
pub fn main() -> Result<()> {
    let process = VariancePreserving::new(0.1, 20.0)?;
    let law = GaussianMixture::new(
        array![0.5, 0.5],
        array![[-1.0, 0.0], [1.0, 0.5]],
        Covariances::Spherical(array![0.1, 0.2]),
    )?;
    let data = law.sample(50, &mut Seed::new(1).child("data").rng());

    let by_data = distances(
        generate(NoisedEmpirical::new(data.clone(), process)?)?.view(),
        data.view(),
    );
    let by_law = distances(generate(NoisedMixture::new(law, process)?)?.view(), data.view());
    let sigma = process.sigma(LAST);
    let farthest = by_data.iter().fold(0.0_f64, |most, d| most.max(d / sigma));
    println!("the data's score: all within {farthest:.1} σ of a datum");
    // The scaled distances are those of a normal in the plane, √(2 log(1/p)): above 6.5 once in 10⁹.
    assert!(farthest < 6.5);

    let far = by_law.iter().filter(|d| **d / sigma > 6.5).count() as f64 / by_law.len() as f64;
    println!(
        "the density's score: {:.0} % are farther than that from all data",
        100.0 * far
    );
    // Fifty discs of radius 6.5 σ = 0.02 cover a twentieth of what the density covers.
    assert!(far > 0.8);
    Ok(())
}

/// A thousand points by ancestral sampling.
fn generate(score: impl TimeScore) -> Result<Array2<f64>> {
    let process = VariancePreserving::new(0.1, 20.0)?;
    let noise = FreshNoise::new(Seed::new(2));
    let grid = TimeGrid::uniform_in_log_snr(&process, process.horizon(), LAST, 100)?;
    let reverse = ReverseSde::new(process, score);
    FixedSteps::new(grid).solve(&Ancestral::default(), &reverse, noise.normal((1_000, 2)), &noise)
}

/// How far every row is from the nearest datum.
fn distances(x: ArrayView2<f64>, data: ArrayView2<f64>) -> Vec<f64> {
    let square = |a: usize, k: usize| (&x.row(a) - &data.row(k)).mapv(|d| d * d).sum();
    (0..x.nrows())
        .map(|b| {
            (0..data.nrows())
                .map(|k| square(b, k))
                .fold(f64::INFINITY, f64::min)
                .sqrt()
        })
        .collect()
}

//! Inpainting: given one coordinate, with noise, sample the rest, and know the evidence.
//!
//! `p(x | y) ∝ p(x) N(y; A x, s² I)`. Twisted sequential Monte Carlo runs particles from noise to data, draws them towards `y` by a foretold likelihood and corrects by weights, so that it is exact in the limit of many
//! particles; the mean of its weights is an estimate of `p(y)` (Wu et al. 2023). For a spherical mixture posterior and evidence have formulas: `w_k' ∝ w_k N(y; μ_k1, v_k + s²)`.
//!
//! `cargo run -p gibbsian --example posterior_sampling`
//!
//! prints posterior means and the evidence with errors over repetitions beside the formulas.

#![allow(clippy::print_stdout)]

use std::f64::consts::TAU;

use gibbsian::core::process::VariancePreserving;
use gibbsian::densities::NoisedMixture;
use gibbsian::ndarray::{Array2, array};
use gibbsian::prelude::*;
use gibbsian::sde::{LinearObservation, TimeGrid, TweedieProjection, TwistedSmc};

/// Observes the first coordinate of two and samples both.
pub fn main() -> Result<()> {
    let process = VariancePreserving::new(0.1, 20.0)?;
    let (weights, variances) = ([0.4, 0.35, 0.25], [0.05, 0.1, 0.05]);
    let means = array![[-1.0, 1.0], [0.0, -1.0], [1.2, 0.5]];
    let law = GaussianMixture::new(
        weights.to_vec().into(),
        means.clone(),
        Covariances::Spherical(variances.to_vec().into()),
    )?;
    let (y, noise_variance) = (-0.4, 0.1);

    // Component by component: how likely the value is, and where the coordinates then are.
    let likely: Vec<f64> = (0..3)
        .map(|k| {
            let v = variances[k] + noise_variance;
            weights[k] * (-(y - means[[k, 0]]).powi(2) / (2.0 * v)).exp() / (TAU * v).sqrt()
        })
        .collect();
    let evidence: f64 = likely.iter().sum();
    let mean = (0..3).fold([0.0, 0.0], |sum, k| {
        let gain = variances[k] / (variances[k] + noise_variance);
        let first = means[[k, 0]] + gain * (y - means[[k, 0]]);
        [
            sum[0] + likely[k] / evidence * first,
            sum[1] + likely[k] / evidence * means[[k, 1]],
        ]
    });

    let prior = NoisedMixture::new(law, process)?;
    let observation = LinearObservation::of_coordinates(2, vec![0], array![y], noise_variance)?;
    let twist = TweedieProjection::new(process, &prior, observation)?;
    let grid = TimeGrid::uniform_in_log_snr(&process, process.horizon(), 1e-4, 250)?.then(0.0)?;
    let n_runs = 8;
    let mut found = Array2::zeros((n_runs, 3));
    for (run, mut row) in found.rows_mut().into_iter().enumerate() {
        let population =
            TwistedSmc::new(grid.clone(), 500).run(&process, &twist, Seed::new(1).nth(run as u64))?;
        row.assign(&array![
            population.mean()[0],
            population.mean()[1],
            population.log_evidence()
        ]);
    }
    let exact = [mean[0], mean[1], evidence.ln()];
    for (i, name) in ["E[x₁ | y]", "E[x₂ | y]", "log p(y)"].into_iter().enumerate() {
        let column = found.column(i);
        let (value, error) = (
            column.mean().unwrap_or(f64::NAN),
            (column.var(1.0) / n_runs as f64).sqrt(),
        );
        println!("{name}: {value:.4} ± {error:.4}, exact {:.4}", exact[i]);
        // Seven degrees of freedom: 5.4 standard errors are one in a thousand. The grid's own error is some thousandths.
        assert!((value - exact[i]).abs() < 5.4 * error + 0.005);
    }
    Ok(())
}

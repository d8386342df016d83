//! The No-U-Turn sampler on a curved valley, and whether its draws deserve trust.
//!
//! The target is `x ~ N(0, 1)`, `y | x ~ N(x²/2, 1)`, with the moments `E y = 1/2`, `Var y = 1/2 + 1`. Chains warm up together, which finds a step size and a metric; then R-hat compares them with each other and the
//! effective sample size says what the draws are worth.
//!
//! `cargo run -p gibbsian --example nuts_diagnostics`
//!
//! prints the report of the run, the table of summaries with its verdicts, and the same for chains that are far too short, which are refused.

#![allow(clippy::print_stdout)]

use gibbsian::densities::planar::{Banana, BananaOptions};
use gibbsian::metrics::{Requirements, summarise};
use gibbsian::ndarray::{Array2, s};
use gibbsian::prelude::*;
use gibbsian::samplers::{Chains, MetricForm, Nuts, Schedule, Warmup};

/// Tunes, samples, judges.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let valley = Banana::new(BananaOptions {
        mean: 0.0,
        deviation: 1.0,
        curvature: 0.5,
        offset: 0.0,
        width: 1.0,
    })?;

    let mut chains = Chains::new(
        Nuts::new(0.5)?,
        &valley,
        Array2::zeros((8, 2)),
        seed.child("warm-up"),
    )?;
    let mut warmup = Warmup::new(Schedule::new(300)?, MetricForm::Diagonal, &chains)?;
    warmup.run(&mut chains)?;
    let run = Sampling::new(1_000, seed.child("draws")).run(
        chains.kernel().clone(),
        &valley,
        chains.positions(),
    )?;
    println!("{}", run.report);
    let summaries = summarise(run.draws.view(), Requirements::default())?;
    println!("{summaries}");
    assert!(run.report.warnings().is_empty() && summaries.are_trusted());

    for (summary, (mean, sd)) in [summaries[0], summaries[1]]
        .into_iter()
        .zip([(0.0, 1.0), (0.5, 1.5_f64.sqrt())])
    {
        assert!((summary.mean - mean).abs() < 5.0 * summary.mcse_mean);
        assert!((summary.sd - sd).abs() < 5.0 * summary.mcse_sd);
    }

    // Thirty draws a chain say little, and are told so.
    let few = summarise(run.draws.slice(s![.., ..30, ..]), Requirements::default())?;
    println!("{few}");
    assert!(!few.are_trusted());
    Ok(())
}

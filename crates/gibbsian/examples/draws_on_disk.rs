//! Draws that go to disk while they are made, in a form that ArviZ opens.
//!
//! A long run is streamed in pieces: the store grows, a checkpoint goes with it, and a run that was killed goes on at the piece where it stopped. What is in the store is to the bit what a run in memory gives.
//!
//! `cargo run -p gibbsian --example draws_on_disk`
//!
//! streams Hamiltonian chains of a normal law with covariance `Σ`, prints the path to the store, reads it back, and compares with the run in memory and with `Σ`.

#![allow(clippy::print_stdout)]

use gibbsian::densities::MultivariateNormal;
use gibbsian::metrics::{Requirements, summarise};
use gibbsian::ndarray::{Array2, array};
use gibbsian::prelude::*;
use gibbsian::samplers::{DrawStore, Hmc, Streaming};

/// Streams, reads, compares.
pub fn main() -> Result<()> {
    let target = MultivariateNormal::from_covariance(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 2.0]])?;
    let (kernel, start) = (Hmc::new(0.5, 4)?, Array2::zeros((4, 2)));
    let sampling = Sampling {
        n_warmup: 100,
        ..Sampling::new(1_000, Seed::new(1))
    };

    let directory = std::env::temp_dir().join(format!("gibbsian-draws-{}", std::process::id()));
    let streaming = Streaming::new(&directory, "a correlated normal");
    let (streamed, resumed) = sampling.stream(kernel.clone(), &target, start.clone(), &streaming, &mut ())?;
    assert!(resumed.is_none() && streamed.report.warnings().is_empty());
    // A finished run is not made again.
    let (_, resumed) = sampling.stream(kernel.clone(), &target, start.clone(), &streaming, &mut ())?;
    assert_eq!(resumed.map(|resumed| resumed.n_draws), Some(1_000));

    let store = DrawStore::open(streaming.store())?;
    println!(
        "{} holds {} draws of {} chains",
        store.path().display(),
        store.n_draws(),
        store.contents().n_chains
    );
    let draws = store.draws()?;
    std::fs::remove_dir_all(&directory).ok();
    assert_eq!(draws, sampling.run(kernel, &target, start)?.draws);

    let summaries = summarise(draws.view(), Requirements::default())?;
    println!("{summaries}");
    for (i, (mean, variance)) in [(1.0, 1.0), (0.0, 2.0_f64)].into_iter().enumerate() {
        assert!((summaries[i].mean - mean).abs() < 5.0 * summaries[i].mcse_mean);
        assert!((summaries[i].sd - variance.sqrt()).abs() < 5.0 * summaries[i].mcse_sd);
    }
    Ok(())
}

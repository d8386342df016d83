//! Energy-based and score-based models under one name.
//!
//! A model is a Gibbs density `p(x) = exp(−E(x)) / Z`, or only its score `s(x) = ∇ log p(x)`. What can be asked of it is said by the traits of [`core`]; whatever trains a
//! model, samples it or finds its `log Z` knows it by those traits alone, so that every method serves every model that can do what the method needs.
//!
//! ```
//! use gibbsian::densities::planar::eight_gaussians;
//! use gibbsian::metrics::{Requirements, summarise};
//! use gibbsian::ndarray::array;
//! use gibbsian::prelude::*;
//! use gibbsian::samplers::Mala;
//!
//! // Eight normals on a ring of radius 2: log-density and score in closed form.
//! let ring = eight_gaussians(2.0, 0.5)?;
//! let x = array![[2.0, 0.0], [0.0, 0.0]];
//! let (log_p, score) = (ring.log_density(x.view()), ring.score(x.view()));
//! assert!(log_p[0] > log_p[1] && score[[1, 0]].abs() < 1e-12);
//!
//! // Any sampler takes it, and what the draws are worth is a question of its own.
//! let start = ring.sample(8, &mut Seed::new(1).rng());
//! let run = Sampling::new(2_000, Seed::new(2)).run(Mala::new(0.6)?, &ring, start)?;
//! let summaries = summarise(run.draws.view(), Requirements::default())?;
//! assert!(summaries[0].mean.abs() < 5.0 * summaries[0].mcse_mean);
//! # Ok::<(), gibbsian::Error>(())
//! ```
//!
//! # The map
//!
//! Each module is a crate of its own; depend on that crate alone where one is enough.
//!
//! | module | feature | what for |
//! |---|---|---|
#![cfg_attr(
    feature = "densities",
    doc = "| [`densities`] | `densities` | normalised densities with exact scores: exponential families, normals, mixtures clean and noised, products of experts, benchmark targets, quadrature |"
)]
#![cfg_attr(
    feature = "classical",
    doc = "| [`classical`] | `classical` | Boltzmann machines, full, restricted and deep; belief networks; Ising and Potts models with their exact results; fields that denoise pictures |"
)]
#![cfg_attr(
    feature = "nn",
    doc = "| [`nn`], [`grad`] | `nn` | networks as energies and scores, with every derivative that their training asks for; the derivative engine beneath |"
)]
#![cfg_attr(
    feature = "objectives",
    doc = "| [`objectives`] | `objectives` | what is minimised: exact likelihood, contrastive divergence, pseudo-likelihood, score matching, contrast with noise |"
)]
#![cfg_attr(
    feature = "train",
    doc = "| [`train`] | `train` | optimisers, schedules, the training loop, runs that survive interruptions |"
)]
#![cfg_attr(
    feature = "samplers",
    doc = "| [`samplers`] | `samplers` | Markov chain Monte Carlo: Metropolis, Langevin, Hamiltonian, No-U-Turn, Gibbs, slice, tempering, annealing; the driver of many chains |"
)]
#![cfg_attr(
    feature = "metrics",
    doc = "| [`metrics`] | `metrics` | what draws are worth: R-hat, effective sample sizes, Stein and two-sample distances |"
)]
#![cfg_attr(
    feature = "partition",
    doc = "| [`partition`] | `partition` | `log Z` by enumeration, annealing, bridges, MBAR; intervals, bounds, certificates |"
)]
#![cfg_attr(
    feature = "sde",
    doc = "| [`sde`] | `sde` | reverse processes and probability flows, their solvers, likelihoods, conditioning |"
)]
#![cfg_attr(
    feature = "data",
    doc = "| [`data`] | `data` | strict readers of tables, IDX and PNG, minibatches, toys whose law is known |"
)]
#![cfg_attr(
    feature = "figure",
    doc = "| [`figure`] | `figure` | plots and grids of pictures as self-contained SVG and PNG |"
)]
//! | [`core`] | always | the traits that everything meets at, seeds, errors, forward processes, special functions |
//! | [`linalg`] | always | factorisations and products in pure Rust, or by OpenBLAS with the feature `lapack` |
//! | [`checkpoint`] | always | checked, atomic files of arrays in the safetensors format |
//!
//! [`prelude`] has the traits whose methods programs call, and the types that nearly every program names. [`ndarray`], [`rand`] and [`rand_distr`] are the versions that the signatures speak.
//!
//! # Where to begin
//!
//! - **A density of one's own** is a closure in [`FnEnergy`](core::FnEnergy) or [`FnPotential`](core::FnPotential), or a type with [`Space`](core::Space) and [`Energy`](core::Energy), with [`Score`](core::Score) where there is a gradient: `examples/own_energy.rs`.
//! - **Data and a model**: `examples/train_rbm_csv.rs` for binary columns, `examples/train_score_csv.rs` for continuous ones, `examples/fit_mixture_csv.rs` for clusters.
//! - **A number to be trusted**: `examples/certify_rbm.rs` encloses a test log-probability, `examples/nuts_diagnostics.rs` asks whether chains have arrived.
//!
//! The examples are [indexed](https://github.com/gibbsian/gibbsian/blob/main/crates/gibbsian/examples/README.md) from first steps to extensions; each asserts its numbers against an exact result.
//! `cargo run -p gibbsian --example NAME` runs one.
//!
//! # Contracts
//!
//! Rows are samples: `x` is `(B, D)`, energies are `(B)`. Signatures speak `f64`. Constructors, drivers and readers return an [`Error`] that names the argument, its value and what is required;
//! after construction the numerics cannot fail. Randomness comes from a [`Seed`], and the same seed gives the same bits on any number of threads.

#![deny(unsafe_code)]

pub mod prelude;

pub use gibbsian_core as core;

#[cfg(feature = "densities")]
pub use gibbsian_densities as densities;

#[cfg(feature = "classical")]
pub use gibbsian_classical as classical;

#[cfg(feature = "nn")]
pub use gibbsian_grad as grad;
#[cfg(feature = "nn")]
pub use gibbsian_nn as nn;

#[cfg(feature = "objectives")]
pub use gibbsian_objectives as objectives;
#[cfg(feature = "train")]
pub use gibbsian_train as train;

#[cfg(feature = "metrics")]
pub use gibbsian_metrics as metrics;
#[cfg(feature = "partition")]
pub use gibbsian_partition as partition;
#[cfg(feature = "samplers")]
pub use gibbsian_samplers as samplers;
#[cfg(feature = "sde")]
pub use gibbsian_sde as sde;

pub use gibbsian_checkpoint as checkpoint;
#[cfg(feature = "data")]
pub use gibbsian_data as data;
#[cfg(feature = "figure")]
pub use gibbsian_figure as figure;
pub use gibbsian_linalg as linalg;

pub use {ndarray, rand, rand_distr};

pub use gibbsian_core::{Error, Result, Seed};

#[cfg(doctest)]
mod book;

#[cfg(all(doctest, feature = "classical", feature = "data", feature = "train"))]
#[doc = include_str!("../README.md")]
struct Readme;

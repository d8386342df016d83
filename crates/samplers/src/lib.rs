//! Markov chain Monte Carlo kernels, one a file, and the driver of many chains.
//!
#![doc = include_str!("formulas.md")]
//!
//! A kernel knows its target only by a core trait: Gibbs sampling asks for block conditionals and nothing else, so it serves every model
//! that can redraw a part of itself; Metropolis sampling asks for the energy differences of single sites; Langevin sampling for a score; what corrects
//! it for the energy as well.
//!
//! Kernels are plain values that step chains; the driver does the rest. [`Chains`] are many chains in blocks that advance independently, [`Sampling`] says how many draws
//! of them are wanted, and a [`Run`] has the draws, in memory, with a [`Report`] that names what went wrong. [`Sampling::stream`] writes them to disk instead, as a
//! [`DrawStore`] that ArviZ reads, and goes on where it was killed.
//!
//! ```
//! use gibbsian_core::{Energy, Potential, Score, Seed, Space};
//! use gibbsian_samplers::{Hmc, Sampling, Streaming};
//! use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};
//!
//! /// The normal of unit variances and correlation ½: `E(x) = ⅔ (x₀² − x₀x₁ + x₁²)`.
//! struct Correlated;
//! # impl Space for Correlated {
//! #     fn dim(&self) -> usize {
//! #         2
//! #     }
//! # }
//! impl Energy for Correlated {
//!     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
//!         for (e, x) in out.iter_mut().zip(x.rows()) {
//!             *e = (x[0] * x[0] - x[0] * x[1] + x[1] * x[1]) / 1.5;
//!         }
//!     }
//! }
//! impl Score for Correlated {
//!     fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
//!         for (mut s, x) in out.rows_mut().into_iter().zip(x.rows()) {
//!             (s[0], s[1]) = ((x[1] - 2.0 * x[0]) / 1.5, (x[0] - 2.0 * x[1]) / 1.5);
//!         }
//!     }
//! }
//! impl Potential for Correlated {}
//!
//! let target = Correlated;
//! let (kernel, start) = (Hmc::new(0.5, 4)?, Array2::zeros((4, 2)));
//! let sampling = Sampling { n_warmup: 100, ..Sampling::new(500, Seed::new(1)) };
//! let run = sampling.run(kernel.clone(), &target, start.clone())?;
//! assert!(run.report.warnings().is_empty(), "{}", run.report);
//!
//! # let directory = std::env::temp_dir().join(format!("gibbsian-run-{}", std::process::id()));
//! let streaming = Streaming::new(&directory, "a correlated normal");
//! let (streamed, _) = sampling.stream(kernel, &target, start, &streaming, &mut ())?;
//! assert_eq!(streamed.store.draws()?, run.draws);
//! assert_eq!(streamed.report, run.report);
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), gibbsian_core::Error>(())
//! ```
#![deny(unsafe_code)]

pub mod metric;
pub mod tunable;
pub mod walkers;
pub mod working;

mod metropolis_hastings;
mod rows;
mod step_size;
mod vector;

pub mod gibbs;
pub mod metropolis;

mod informed;

pub mod discrete_langevin;
pub mod gibbs_with_gradients;
pub mod locally_informed;

pub mod random_walk;
pub mod slice;

pub mod langevin;
pub mod mala;
pub mod sgld;
pub mod underdamped;

pub mod hamiltonian;

pub mod hmc;
pub mod nuts;

pub mod annealed_langevin;
pub mod simulated_annealing;

pub mod barrier;
pub mod parallel_tempering;
pub mod swaps;
pub mod tempering;

pub mod chains;
mod joined;

pub mod warmup;

mod clock;
pub mod monitor;
pub mod report;
pub mod sampling;
mod tally;

pub mod store;
pub mod stream;

pub use annealed_langevin::{AnnealedLangevin, AnnealedSample, LevelReport};
pub use barrier::equalised;
pub use chains::{Chains, Step};
pub use discrete_langevin::{Dmala, Dula};
pub use gibbs::{ClampedGibbs, Gibbs, PalindromicGibbs, RandomScanGibbs};
pub use gibbs_with_gradients::GibbsWithGradients;
pub use gibbsian_core::{Ladder, NoiseLadder};
pub use hamiltonian::Transition;
pub use hmc::{Hmc, Jitter};
pub use langevin::UnadjustedLangevin;
pub use locally_informed::{Balancing, LocallyInformed};
pub use mala::Mala;
pub use metric::Metric;
pub use metropolis::Metropolis;
pub use monitor::{GO_ON, GoOn, Monitor, Progress, STOP};
pub use nuts::Nuts;
pub use parallel_tempering::{ParallelTempering, Replicas};
pub use random_walk::RandomWalkMetropolis;
pub use report::{BlockReport, End, Report};
pub use sampling::{Run, Sampling};
pub use sgld::{Sgld, StepSchedule};
pub use simulated_annealing::{Annealed, Cooling, SimulatedAnnealing};
pub use slice::{HitAndRunSlice, Slice, SliceInfo};
pub use store::{Contents, DrawStore};
pub use stream::{Resumed, Streamed, Streaming};
pub use swaps::{Overlap, SwapReport, Swaps};
pub use tempering::Tempering;
pub use tunable::Tunable;
pub use underdamped::UnderdampedLangevin;
pub use walkers::Walkers;
pub use warmup::{DualAveraging, MetricForm, RunningMoments, Schedule, Warmup};
pub use working::Working;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! One line a type checks everything that its traits promise.
//!
//! Each function takes an implementation, the probes it needs and the [`Precision`](crate::differences::Precision) in
//! which the type computes, and runs every law of one trait; the laws of the rungs below are not repeated. A typical
//! model's test is
//!
//! ```
//! use gibbsian_testkit::conformance;
//! use gibbsian_testkit::differences::Precision;
//! use gibbsian_testkit::targets::Gaussian;
//! use ndarray::array;
//!
//! # fn main() -> gibbsian_testkit::verdict::Verdict {
//! let mut model = Gaussian::new(array![0.5, -1.0], array![[2.0, 0.0], [0.5, 1.0]]).unwrap();
//! let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
//! conformance::parametric(&mut model)?;
//! conformance::energy(&model, x.view(), Precision::DOUBLE)?;
//! conformance::potential(&model, x.view(), Precision::DOUBLE)?;
//! conformance::energy_pullback(&mut model, x.view(), Precision::DOUBLE)?;
//! # Ok(())
//! # }
//! ```
//!
//! Probes should be generic points of the support, three or more, away from symmetries: a wrong sign is invisible at
//! zero. Statistical laws allow a family of tests the false-alarm probability
//! [`FALSE_ALARM`](crate::stats::FALSE_ALARM) and take their randomness from a [`Seed`](gibbsian_core::Seed), so that
//! a run either always passes or never does.

mod blocks;
mod density;
mod discrete;
mod energy;
mod family;
mod family_draws;
mod generator;
mod grouped_units;
mod kernel;
mod objective;
mod parametric;
mod path;
mod process;
mod score;
mod snapshot;
mod train_step;
mod unit_law;
mod units;

pub use blocks::{Redraw, block_law, blocks};
pub use density::density;
pub use discrete::{discrete, discrete_energy, flips_pullback, relaxed_energy};
pub use energy::{energy, energy_pullback, time_energy, time_energy_pullback, time_potential};
pub use family::{continuous_family, exponential_family};
pub use generator::{generator, generator_pullback};
pub use kernel::{Balance, kernel, transition_law};
pub use objective::{objective, objective_gradient};
pub use parametric::parametric;
pub use path::{finite_path, path};
pub use process::linear_gaussian;
pub use score::{
    potential, score, score_jvp, score_jvp_pullback, score_pullback, time_score, time_score_jvp,
    time_score_jvp_pullback, time_score_pullback,
};
pub use snapshot::snapshot;
pub use train_step::train_step;
pub use units::{continuous_units, finite_units};

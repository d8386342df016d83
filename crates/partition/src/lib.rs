//! The logarithm of a normaliser, `log Z = log Σ_x f(x)`: exactly where possible, otherwise with an honest error.
//!
#![doc = include_str!("formulas.md")]
//!
//! Everything here walks along a [`Path`](gibbsian_core::Path) of tempered densities `f_0 … f_1` or visits the states of a
//! [`Discrete`](gibbsian_core::Discrete) space; nothing knows what kind of model it is. Natural logarithms throughout.
//!
//! | method | what its number means |
//! |---|---|
//! | [`exact_log_z`], [`ExactDistribution`] | `log Z` up to rounding |
//! | [`ais()`] | unbiased for `Z`; `log Ẑ` is in expectation a **lower** bound on `log Z` |
//! | [`reverse_ais()`] | unbiased for `1/Z` **if started from exact draws**; then an **upper** bound in expectation |
//! | [`Sandwich`] | both, and whether they are in order |
//! | [`RoundTrip`] | both where nobody has exact draws: whether they meet, which is a test and no bound |
//! | [`raise()`] | unbiased for the probability of a test case under the annealing model; its logarithm is conservative |
//! | [`importance()`], [`smc()`] | unbiased for `Z` like annealing: without a ladder, or with particles that are resampled on the way |
//! | [`ladder_bridge`], [`mbar()`], [`bennett`] | consistent; the least error that draws at the rungs can give |
//! | [`thermodynamic()`] | an integral over the rungs, and a bracket of `log Z` that holds for any ladder |
//! | [`stepping_stone()`] | importance sampling from rung to rung; unbiased for `Z` with exact draws |
//! | [`LogZTracker`] | of a model in training, from one look to the next, with an error that is known and kept small |
//! | [`Comparison`] | whether several of these agree |
//! | [`LikelihoodDifference`] | which of two models gives data more probability, and whether that is known |
//! | [`Certificate`] | an average test log-probability between an optimistic and a conservative end |
//!
//! Three kinds of uncertainty are kept apart: an [`Interval`] holds as often as it says up to `O(1/n)` and comes with a
//! [`Reliability`]; a [`LowerBound`] or [`UpperBound`] holds with at least its confidence for every `n`; a bound "in expectation" is
//! a single number with a sign to its bias.
//!
//! ```
//! use gibbsian_core::{Path, Result, Seed, Space};
//! use gibbsian_partition::{Ladder, Pilot, ais};
//! use ndarray::{Array2, ArrayView2, CowArray, Ix2};
//! use rand::{Rng, RngExt};
//!
//! /// Two spins with coupling 1 and the inverse temperature as path: `f_β(x) = exp(β x_0 x_1)`, so that `Z = 4 cosh 1`.
//! struct Pair;
//! impl Space for Pair {
//!     fn dim(&self) -> usize {
//!         2
//!     }
//! }
//! impl Path for Pair {
//!     type State = Array2<f64>;
//!     fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
//!         Array2::from_shape_simple_fn((n, 2), || if rng.random() { 1.0 } else { -1.0 })
//!     }
//!     fn log_z_start(&self) -> f64 {
//!         4f64.ln()
//!     }
//!     fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
//!         Ok(x.to_owned())
//!     }
//!     fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
//!         state.view().into()
//!     }
//!     fn log_start(&self, _state: &Array2<f64>, _out: &mut [f64]) {}
//!     fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
//!         for (log_weight, x) in log_weights.iter_mut().zip(state.rows()) {
//!             *log_weight += (to - from) * x[0] * x[1];
//!         }
//!     }
//!     fn slope(&self, state: &Array2<f64>, _beta: f64, out: &mut [f64]) {
//!         for (slope, x) in out.iter_mut().zip(state.rows()) {
//!             *slope += x[0] * x[1];
//!         }
//!     }
//!     fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
//!         // One random site is redrawn given the other, which is reversible.
//!         for mut x in state.rows_mut() {
//!             let site = usize::from(rng.random::<bool>());
//!             let up = 1.0 / (1.0 + (-2.0 * beta * x[1 - site]).exp());
//!             x[site] = if rng.random::<f64>() < up { 1.0 } else { -1.0 };
//!         }
//!     }
//! }
//!
//! let seed = Seed::new(1);
//! let pilot = Pilot::run(&Pair, &Ladder::linear(100)?, 100, &mut seed.child("pilot").rng())?;
//! let run = ais(&Pair, &pilot.ladder(30)?, 500, &mut seed.child("ais").rng())?;
//! let estimate = run.estimate(0.999)?;
//! assert!(estimate.interval.contains((4.0 * 1f64.cosh()).ln()), "{estimate}");
//! assert!(estimate.reliability.is_trusted());
//! assert!(run.lower_bound(0.999)?.value < (4.0 * 1f64.cosh()).ln());
//! # Ok::<(), gibbsian_core::Error>(())
//! ```
//!
//! Reading order: [`enumerate`](mod@enumerate) and [`exact`] are the oracles, [`Ladder`] and [`pilot`] say where the temperatures lie, [`weights`],
//! [`interval`], [`bound`] and [`reliability`] turn weights into statements, [`mod@ais`], [`mod@reverse_ais`], [`sandwich`], [`round_trip`],
//! [`mod@raise`] and [`certificate`] are the methods of annealing, [`mod@importance`], [`mod@smc`] and [`resampling`] those with other weights; [`rungs`] makes the draws
//! of [`bridge`], [`mod@mbar`], [`mod@thermodynamic`] and [`mod@stepping_stone`], [`tracking`] follows a model that changes, and [`comparison`] holds everything against each other.

#![deny(unsafe_code)]

pub mod ais;
mod anneal;
mod bennett_root;
pub mod bound;
pub mod bridge;
pub mod certificate;
pub mod comparison;
pub mod enumerate;
pub mod estimate;
pub mod exact;
pub mod flat_histogram;
pub mod importance;
mod influence;
pub mod interval;
pub mod likelihood_difference;
mod log_sum;
pub mod mbar;
mod pareto;
pub mod pilot;
mod quantile;
pub mod raise;
pub mod reliability;
pub mod resampling;
pub mod reverse_ais;
pub mod round_trip;
pub mod rungs;
pub mod sandwich;
pub mod smc;
pub mod stepping_stone;
pub mod thermodynamic;
pub mod tracking;
pub mod weights;

pub use ais::{ForwardAis, ais};
pub use bound::{LowerBound, UpperBound};
pub use bridge::{Works, bennett, geometric_bridge, ladder_bridge, meng_wong};
pub use certificate::{Certificate, CertificateVerdict, Inconclusive};
pub use comparison::{Comparison, ComparisonVerdict};
pub use enumerate::exact_log_z;
pub use estimate::Estimate;
pub use exact::ExactDistribution;
pub use flat_histogram::{DensityOfStates, FlatHistogram, density_of_states};
pub use gibbsian_core::Ladder;
pub use importance::{importance, importance_between};
pub use interval::Interval;
pub use likelihood_difference::{LikelihoodDifference, LikelihoodVerdict};
pub use mbar::{Mbar, mbar};
pub use pilot::Pilot;
pub use raise::{Raise, raise};
pub use reliability::Reliability;
pub use resampling::Resampling;
pub use reverse_ais::{ReverseAis, reverse_ais};
pub use round_trip::RoundTrip;
pub use rungs::{Reach, RungDraws, RungSampling, sample_rungs};
pub use sandwich::{Sandwich, SandwichVerdict};
pub use smc::{Smc, SmcRun, adaptive_ladder, smc};
pub use stepping_stone::stepping_stone;
pub use thermodynamic::{Quadrature, Thermodynamic, thermodynamic};
pub use tracking::{Anchor, LogZTracker, Tracked, Tracking, enumerated_or_annealed};
pub use weights::LogWeights;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

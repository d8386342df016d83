//! Checks that hold every model, sampler and objective of the workspace to the laws its traits promise.
//!
//! Four kinds of oracle, from exact to statistical:
//!
//! - [`derivatives`] and [`parameter_pullbacks`] hold analytic derivatives against extrapolated differences, the only place where
//!   derivatives are approximated; [`batch`] and [`pullback`] hold batched code against its single rows;
//! - [`audit`] lists small finite spaces and checks transition matrices to rounding;
//! - [`stats`] has the tests for everything that is drawn, each with a false-alarm probability that the caller names;
//! - [`conformance`] combines them: one line for each trait that a type implements.
//!
//! [`targets`] are models with closed forms for all of this. Checks return a [`verdict::Verdict`] instead of
//! panicking, and the tests of this crate feed each of them a planted bug that it must report.
//!
//! The crate depends on the core traits only and is itself only ever a development dependency.

#![deny(unsafe_code)]

pub mod agreement;
pub mod audit;
pub mod batch;
mod callback;
pub mod conformance;
mod counting;
pub mod derivatives;
pub mod differences;
pub mod parameter_pullbacks;
pub mod pullback;
pub mod quadrature;
pub mod stats;
pub mod targets;
pub mod threads;
pub mod verdict;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

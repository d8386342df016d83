//! The estimators of this crate against their laws and oracles, in one program.

mod common;

mod ais;
mod bridge;
mod comparison;
mod coverage;
mod enumerate;
mod flat_histogram;
mod likelihood_difference;
mod paths;
mod pilot;
mod raise;
mod round_trip;
mod rungs;
mod smc;
mod tracking;

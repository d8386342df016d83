//! Restricted machines: the reference, and the fused form against it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../fused/mod.rs"]
mod fused;

mod arithmetic;
mod binary_energy;
mod binary_gibbs;
mod binary_parameters;
mod binary_path;
mod binary_training;
mod rbm_gibbs;
mod rbm_input;
mod rbm_oracles;
mod rbm_path;
mod spin;
mod trajectory;
mod units;

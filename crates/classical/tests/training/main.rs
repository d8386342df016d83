//! Ways to train a restricted Boltzmann machine, each held to the definition on machines that can be enumerated.

mod centred;
mod centred_flips;
mod centred_real;
#[path = "../common/mod.rs"]
mod common;
mod dropout;
mod enumerated;
mod flip_gradient;
mod flipped;
mod max_norm;
mod mean_field;
mod sparsity;
mod standardised;
mod support;

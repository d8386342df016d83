//! Ways to train a restricted Boltzmann machine, each held to the definition on machines that can be enumerated.

mod centred;
#[path = "../common/mod.rs"]
mod common;
mod enumerated;
mod flipped;
mod mean_field;
mod sparsity;
mod support;

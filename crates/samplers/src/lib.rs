//! Markov chain Monte Carlo kernels, one a file.
//!
//! A kernel knows its target only by a core trait: Gibbs sampling asks for block conditionals and nothing else, so it serves every model
//! that can redraw a part of itself; Metropolis sampling asks for the energy differences of single sites.
#![deny(unsafe_code)]

pub mod gibbs;
pub mod metropolis;

pub use gibbs::{ClampedGibbs, Gibbs};
pub use metropolis::Metropolis;

//! The Ising model: the laws of its traits, and exact results against each other.

mod exact;
mod inverse;
mod matrix;
mod models;
mod moment_matching;
mod planar;
mod reweighting;
mod self_consistent;
mod square;
mod traits;

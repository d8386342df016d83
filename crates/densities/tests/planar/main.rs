//! Benchmark targets of the plane: laws, masses, draws and 50-digit references.

#[path = "../common/mod.rs"]
mod common;

mod conformance;
mod edges;
mod masses;
mod references;

//! Benchmark targets of the plane: laws, masses, draws and 50-digit references.

mod conformance;
mod edges;
mod masses;
mod references;

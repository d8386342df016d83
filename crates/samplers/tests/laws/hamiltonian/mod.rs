//! Kernels that follow Hamiltonian dynamics: what they leave invariant, how far they go, what they report and refuse.

mod exact_start;
mod geweke;
mod reports;
mod targets;

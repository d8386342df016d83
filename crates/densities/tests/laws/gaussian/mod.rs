//! Multivariate normal densities and quadratic energies: the laws of their traits, closed forms against each other, draws, refusals.

mod closed_forms;
mod conformance;
mod draws;
mod family;
mod refusals;
mod support;

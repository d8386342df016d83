//! Convolutional machines: their layers, the machines by enumeration, and the dense machines that they are.

#[path = "../common/mod.rs"]
mod common;

mod against_dense;
mod laws;
mod layers;
mod refusals;

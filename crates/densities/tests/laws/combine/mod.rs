//! Combinations of densities: laws, oracles and 50-digit references.

mod affine;
mod coupling_flow;
mod independent;
mod linear_gaussian_chain;
mod mixture;
mod nade;
mod product_of_experts;
mod support;
mod tempered;

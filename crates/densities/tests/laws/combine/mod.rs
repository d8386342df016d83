//! Combinations of densities: laws, oracles and 50-digit references.

mod affine;
mod and_not;
mod coupling_flow;
mod independent;
mod kernel_energy;
mod linear_gaussian_chain;
mod mixture;
mod mixture_of_energies;
mod nade;
mod product_of_experts;
mod spaces;
mod support;
mod tempered;

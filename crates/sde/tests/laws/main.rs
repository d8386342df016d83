//! The laws of equations, noise and solvers, in one program.

mod adaptive_sde;
mod brownian;
mod brownian_tree;
mod ito;
mod reversal;

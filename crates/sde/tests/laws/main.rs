//! The laws of equations, noise and solvers, in one program.

mod brownian;
mod common;
mod likelihood;
mod ordinary;
mod reversal;

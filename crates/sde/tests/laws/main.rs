//! The laws of equations, noise and solvers, in one program.

mod brownian;
mod reversal;

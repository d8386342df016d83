//! The laws of equations, noise and solvers, in one program.

mod affine;
mod brownian;
mod continuity;
mod linear;
mod reversal;
mod reversed;
mod underdamped;

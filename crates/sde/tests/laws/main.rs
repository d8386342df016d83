//! The laws of equations, noise and solvers, in one program.

mod affine;
mod bounds;
mod brownian;
mod common;
mod continuity;
mod diffusion_ends;
mod diffusion_noise;
mod diffusion_orders;
mod diffusion_samples;
mod diffusion_steps;
mod dpm_solvers;
mod likelihood;
mod linear;
mod ordinary;
mod ordinary_ends;
mod reversal;
mod reversed;
mod underdamped;

//! The laws of equations, noise and solvers, in one program.

mod adaptive_sde;
mod affine;
mod brownian;
mod brownian_tree;
mod common;
mod conditioning;
mod continuity;
mod diffusion_ends;
mod diffusion_noise;
mod diffusion_orders;
mod diffusion_samples;
mod diffusion_steps;
mod dpm_solvers;
mod ito;
mod likelihood;
mod linear;
mod ordinary;
mod reversal;
mod reversed;
mod theorem_distances;
mod theorem_girsanov;
mod theorem_line;
mod theorem_plane;
mod theorem_sampler;
mod underdamped;

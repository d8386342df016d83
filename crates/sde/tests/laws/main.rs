//! The laws of equations, noise and solvers, in one program.

mod brownian;
mod reversal;
mod theorem_distances;
mod theorem_girsanov;
mod theorem_line;
mod theorem_plane;
mod theorem_sampler;

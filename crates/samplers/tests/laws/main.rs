//! The kernels of this crate, their tuning and their driver against laws and oracles, in one program.

mod common;
mod spins;

mod annealed_langevin;
mod chains;
mod closures;
mod discrete_langevin;
mod geometric_path;
mod gibbs;
mod gibbs_with_gradients;
mod hamiltonian;
mod langevin;
mod locally_informed;
mod mala;
mod metropolis;
mod parallel_tempering;
mod random_walk;
mod sgld;
mod simulated_annealing;
mod slice;
mod supports;
mod tempering;
mod underdamped;
mod warmup;
mod wrong_acceptance;

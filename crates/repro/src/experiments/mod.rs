//! The experiments, one file each.
//!
//! A file opens with prose (what is claimed, by whom, which figure or equation), declares its claims and a constant
//! `EXPERIMENT`, and ends with a function that reads like the paper. To add one, write the file, name it here, and give it its
//! place in [`crate::registry::EXPERIMENTS`].

pub mod anomaly;
pub mod boltzmann_votes;
pub mod cd_bias;
pub mod conditional_energy;
pub mod conservative_score;
pub mod curse_of_dimension;
pub mod dbm_mnist;
pub mod dsm_noise;
pub mod ebm_2d;
pub mod ebm_mnist;
pub mod experts_and_mixtures;
pub mod gaussian_integral;
pub mod gaussian_precision;
pub mod ising_denoising;
pub mod ising_dynamics;
pub mod ising_phase_transition;
pub mod langevin_bias;
pub mod langevin_mixture;
pub mod log_z;
pub mod low_density;
pub mod ncsn_mnist;
pub mod posterior_sampling;
pub mod rbm_centered;
pub mod rbm_mnist;
pub mod sampling_theorem;
pub mod score_fields;
pub mod score_matching;
pub mod score_sde;
pub mod sliced_directions;
pub mod solver_orders;
pub mod tweedie;
pub mod unnormalised_mle;

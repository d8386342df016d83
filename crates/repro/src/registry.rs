//! The experiments, in the order of the report: one line each.

use crate::experiment::Experiment;
use crate::experiments;

/// Every experiment. The order is that of `--list`, of a run and of the report.
pub const EXPERIMENTS: &[&Experiment] = &[
    &experiments::gaussian_integral::EXPERIMENT,
    &experiments::curse_of_dimension::EXPERIMENT,
    &experiments::unnormalised_mle::EXPERIMENT,
    &experiments::gaussian_precision::EXPERIMENT,
    &experiments::score_fields::EXPERIMENT,
    &experiments::dsm_noise::EXPERIMENT,
    &experiments::score_matching::EXPERIMENT,
    &experiments::sliced_directions::EXPERIMENT,
    &experiments::tweedie::EXPERIMENT,
    &experiments::low_density::EXPERIMENT,
    &experiments::langevin_bias::EXPERIMENT,
    &experiments::langevin_mixture::EXPERIMENT,
    &experiments::solver_orders::EXPERIMENT,
    &experiments::score_sde::EXPERIMENT,
    &experiments::sampling_theorem::EXPERIMENT,
    &experiments::posterior_sampling::EXPERIMENT,
    &experiments::ebm_2d::EXPERIMENT,
    &experiments::ncsn_mnist::EXPERIMENT,
    &experiments::ebm_mnist::EXPERIMENT,
    &experiments::cd_bias::EXPERIMENT,
    &experiments::rbm_mnist::EXPERIMENT,
    &experiments::dbm_mnist::EXPERIMENT,
    &experiments::rbm_centered::EXPERIMENT,
    &experiments::log_z::EXPERIMENT,
    &experiments::ising_phase_transition::EXPERIMENT,
    &experiments::ising_dynamics::EXPERIMENT,
    &experiments::boltzmann_votes::EXPERIMENT,
    &experiments::experts_and_mixtures::EXPERIMENT,
    &experiments::ising_denoising::EXPERIMENT,
    &experiments::conservative_score::EXPERIMENT,
    &experiments::anomaly::EXPERIMENT,
    &experiments::conditional_energy::EXPERIMENT,
];

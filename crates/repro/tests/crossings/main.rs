//! What crosses crates: kernels, objectives and estimators on the models of others, in one program.

mod adversarial_networks;
mod composition;
mod convolutional_rbm;
mod corrected_sampling;
mod discrete_kernels;
mod finite_objectives;
mod fused_rbm;
mod guarded_training;
mod ising;
mod networks;
mod noised_empirical;
mod posterior_energy;
mod potts_observables;
mod pseudo_likelihood;
mod score_matching_families;
mod score_matching_rbm;
mod tempered_training;
mod tiles;
mod traced_chains;
mod trajectory_tempering;
mod watched_training;

//! Kernels that know the structure of lattice models, and the Potts model.

mod clusters;
mod coupling_from_past;
mod models;
mod multispin;
mod potts;

//! Kernels that know the structure of lattice models, and the Potts model.

mod clusters;
mod models;
mod multispin;

//! Kernels that know the structure of lattice models; colours and directions.

mod clock;
mod clusters;
mod coupling_from_past;
mod houdayer;
mod models;
mod multispin;
mod potts;
mod potts_exact;
mod replica_clusters;
mod xy;

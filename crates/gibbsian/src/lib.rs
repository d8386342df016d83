//! Energy-based and score-based models under one name.
//!
//! Each module is a crate of its own; depend on that crate alone where one is enough.

#![deny(unsafe_code)]

pub use gibbsian_checkpoint as checkpoint;
#[cfg(feature = "classical")]
pub use gibbsian_classical as classical;
pub use gibbsian_core as core;
#[cfg(feature = "data")]
pub use gibbsian_data as data;
#[cfg(feature = "densities")]
pub use gibbsian_densities as densities;
#[cfg(feature = "figure")]
pub use gibbsian_figure as figure;
pub use gibbsian_linalg as linalg;
#[cfg(feature = "metrics")]
pub use gibbsian_metrics as metrics;
#[cfg(feature = "nn")]
pub use gibbsian_nn as nn;
#[cfg(feature = "objectives")]
pub use gibbsian_objectives as objectives;
#[cfg(feature = "partition")]
pub use gibbsian_partition as partition;
#[cfg(feature = "samplers")]
pub use gibbsian_samplers as samplers;
#[cfg(feature = "sde")]
pub use gibbsian_sde as sde;
#[cfg(feature = "train")]
pub use gibbsian_train as train;
pub use ndarray;

pub use gibbsian_core::{Error, Result, Seed};

#[cfg(doctest)]
mod book;

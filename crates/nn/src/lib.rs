//! Networks as energies and as scores.
//!
#![doc = include_str!("formulas.md")]
//!
//! An architecture is one forward function: it writes the network into a [`Net`], a graph whose parameters have names. The model types then have every derivative that sampling and training ask for, exactly, to
//! third order: [`NeuralEnergy`] is an energy with its score, [`NeuralScore`] a score that need not have one; [`NeuralTimeEnergy`] and [`NeuralTimeScore`] depend on a time or
//! noise level besides. [`CurvatureEnergy`] estimates its curvature by noise from within, [`NeuralGenerator`] turns noise into points.
//!
//! The traits are those of the core, so every sampler, objective and solver that knows them serves networks, and knows nothing of networks.
#![deny(unsafe_code)]

#[macro_use]
mod model;

mod curvature;
mod energies;
mod energy;
mod generator;
mod init;
mod layers;
mod machine;
mod net;
mod pictures;
mod score;
mod scores;

pub use curvature::CurvatureEnergy;
pub use energy::{NeuralEnergy, NeuralTimeEnergy};
pub use generator::NeuralGenerator;
pub use gibbsian_grad::{Columns, Graph, Image, Param, Var};
pub use init::Init;
pub use layers::Activation;
pub use machine::Precision;
pub use net::Net;
pub use pictures::{Picture, UNet};
pub use score::{NeuralScore, NeuralTimeScore};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

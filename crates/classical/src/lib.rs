//! Classical energy-based models.
//!
//! A model here is a graph of layers of independent units ([`units`]) and couplings between the layers. This crate has the
//! restricted Boltzmann machine ([`rbm`]): its energy, conditionals and gradient, its exact partition function where one
//! layer is small, its annealing path where none is, and a fused single-precision form for training on real data.
//!
//! ```
//! use gibbsian_classical::{Bernoulli, Rbm};
//! use gibbsian_core::Energy;
//! use ndarray::array;
//!
//! let rbm = Rbm::new(
//!     Bernoulli::new(array![0.1, -0.2])?,
//!     Bernoulli::new(array![0.0, 0.5, -0.5])?,
//!     array![[1.0, 0.0, 0.5], [-1.0, 0.3, 0.0]],
//! )?;
//! let v = array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
//! let p = rbm.energy(v.view()).mapv(|f| (-f - rbm.log_z().unwrap()).exp());
//! assert!((p.sum() - 1.0).abs() < 1e-14);
//! # Ok::<(), gibbsian_core::Error>(())
//! ```
#![deny(unsafe_code)]

pub mod clusters;
pub mod graph;
pub mod ising;
pub mod potts;
pub mod rbm;
pub mod units;

pub use clusters::{ClusterModel, SwendsenWang, Wolff};
pub use graph::{Boundary, Graph, Lattice, Neighbour};
pub use ising::{CouplingFromPast, Ising, MultiSpinHeatBath, MultiSpinMetropolis};
pub use potts::Potts;
pub use rbm::{
    BinaryRbm, BinaryRbmPath, FusedContrastiveDivergence, FusedPersistent, FusedSettings, Rbm, RbmPath,
};
pub use units::{Bernoulli, Spin};

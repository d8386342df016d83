//! Classical energy-based models.
//!
#![doc = include_str!("formulas.md")]
//!
//! Machines are layers of independent units ([`units`]) and couplings between the layers: restricted ([`rbm`]), with filters for weights ([`convolutional`]), deep ([`dbm`]) and their
//! directed relatives ([`dbn`]), with labels ([`class_rbm`]), or without layers, every unit coupled to every other ([`boltzmann`]). Each has its energy, conditionals and gradient, its exact
//! partition function where it is small, its annealing path where it is not; the binary ones have a fused single-precision form for training on real data.
//!
//! Lattices and other graphs ([`graph`]) carry spins ([`ising`]), colours ([`potts`]), directions ([`xy`]) and the labels of a picture ([`field`]), a [`linear_chain`] carries those of a sequence,
//! and a [`factor_graph`] any discrete variables with tables of any order. Here belong the solved cases that samplers are held against, cluster moves ([`clusters`]), bit-parallel sweeps,
//! cuts and belief propagation.
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

mod bipartite;
pub mod boltzmann;
mod choose;
pub mod class_rbm;
pub mod clusters;
mod continuous;
pub mod convolutional;
pub mod dbm;
pub mod dbn;
pub mod factor_graph;
pub mod field;
pub mod graph;
pub mod ising;
mod larger;
pub mod linear_chain;
pub mod potts;
pub mod rbm;
pub mod units;
pub mod xy;

pub use boltzmann::{
    BoltzmannMachine, ExactFit, MeanFieldLearning, Observations, TwoPhase, TwoPhaseOptions, VisibleMarginal,
};
pub use class_rbm::{ClassRbm, ConditionalLikelihood, HybridLikelihood};
pub use clusters::{ClusterModel, SwendsenWang, Wolff};
pub use convolutional::ConvolutionalRbm;
pub use dbm::{Dbm, DbmPath};
pub use dbn::{Dbn, UntiedDbn};
pub use factor_graph::FactorGraph;
pub use field::PairwiseField;
pub use gibbsian_linalg::kernels::tiles::Arithmetic;
pub use graph::{Boundary, Graph, Lattice, Neighbour};
pub use ising::{
    BondMoments, CouplingFromPast, ExactMoments, Houdayer, Ising, IsingPath, MatchedMoments, MomentMatching,
    MultiSpinHeatBath, MultiSpinMetropolis, ReplicaClusters, Reweighting, SelfConsistent, TransferMatrix,
};
pub use linear_chain::{LinearChainCrf, SequenceLikelihood};
pub use potts::Potts;
pub use rbm::{
    BinaryRbm, BinaryRbmPath, Centrable, Centred, CentredRbm, Centring, DropoutContrastiveDivergence,
    EnumeratedDropout, EnumeratedLikelihood, FusedContrastiveDivergence, FusedOptions, FusedPersistent,
    MaxNorm, MeanFieldLikelihood, MeanFieldOrder, Offset, Offsets, Penalty, Rbm, RbmPath, RbmStart,
    RbmTrajectory, SparsityTarget, Standardisation, Standardised,
};
pub use units::{
    Bernoulli, Biased, Binomial, DoubleRectified, FiniteLayer, Gaussian, Joined, Layer, MaxPooled, Mirrored,
    Rectified, Repeated, Shift, Softmax, Spin,
};
pub use xy::Xy;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

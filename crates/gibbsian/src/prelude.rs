//! What nearly every program needs in scope: `use gibbsian::prelude::*;`.
//!
//! **Traits are here when programs call their methods on models that exist already.** Without the import `mixture.log_density(x)` does not compile, and nobody wants to look up which trait it comes from:
//!
//! | trait | for the methods |
//! |---|---|
//! | [`Space`] | `dim` |
//! | [`Energy`], [`Density`] | `energy`; `log_density`, `sample`, `log_z` |
//! | [`Score`], [`ScoreJvp`], [`Potential`] | `score`; `divergence`; both energy and score in one pass |
//! | [`EnergyPullback`], [`ScorePullback`] | gradients in the parameters |
//! | [`TimeEnergy`], [`TimeScore`] | energies and scores at a time or noise level |
//! | [`Discrete`], [`DiscreteEnergy`] | `states`; the cost of changing one site |
//! | [`ExponentialFamily`] | `natural_parameters`, `mean_parameters`, `fit`, `entropy`, `kl_divergence` |
//! | [`Parametric`], [`ParametricMut`] | `layout`, `params`, `n_params`; `set_params` |
//! | [`Generator`] | `generate` |
//! | [`Kernel`], [`StepInfo`] | `init`, `step`, `positions`; `acceptance` |
//! | [`Objective`], [`TrainStep`] | `loss_and_grad_into`; `train_step` |
//! | [`Dataset`] | `n_points`, `rows` |
//! | [`LinearGaussian`] | `alpha`, `sigma`, `horizon` of a forward process |
//! | [`Snapshot`] | `snapshot`, `restore` |
//!
//! **Types are here when they are named in nearly every program of their kind and their names mean nothing else in the workspace**: [`Seed`], [`Error`], [`Result`]; [`At`], which fixes the time of a model, and
//! [`Ladder`], along which everything anneals; [`Matrix`], which makes an array a dataset; [`FnEnergy`] and [`FnPotential`], which make a closure a model; and of each family its plainest member.
//!
//! **Left out on purpose.** Kernels, objectives and solvers: a program should say which it uses. What is only implemented and seldom called (`Blocks`, `Path`, `Units`, `Solver`). Names that two modules share:
//! `Bernoulli` is a law in `densities` and a layer of units in `classical`; `Schedule`, `Monitor` and `Progress` exist for training and for sampling. And what would hide a name of the standard library: `Path`.

pub use gibbsian_core::dataset::Matrix;
pub use gibbsian_core::{
    At, Dataset, Density, Discrete, DiscreteEnergy, Energy, EnergyPullback, Error, ExponentialFamily,
    FnEnergy, FnPotential, Generator, Kernel, Ladder, LinearGaussian, Objective, Parametric, ParametricMut,
    Potential, Result, Score, ScoreJvp, ScorePullback, Seed, Snapshot, Space, StepInfo, TimeEnergy,
    TimeScore, TrainStep,
};

#[cfg(feature = "classical")]
pub use gibbsian_classical::{BinaryRbm, Rbm};
#[cfg(feature = "data")]
pub use gibbsian_data::Minibatches;
#[cfg(feature = "densities")]
pub use gibbsian_densities::{Covariances, GaussianMixture};
#[cfg(feature = "nn")]
pub use gibbsian_nn::{NeuralEnergy, NeuralTimeScore};
#[cfg(feature = "samplers")]
pub use gibbsian_samplers::Sampling;
#[cfg(feature = "train")]
pub use gibbsian_train::{Descent, Trainer};

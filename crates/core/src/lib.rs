//! The narrow waist of gibbsian: the traits that models, objectives, samplers and estimators meet at, and nothing else.
//!
#![doc = include_str!("formulas.md")]
//!
//! Public signatures speak `f64`; rows are samples; arrays go in as views and results are written into the caller's array, with an owning form beside it.
//!
//! Reading order: [`energy`] and [`score`] are the ladder of capabilities, [`closures`] makes models of closures, [`family`] is for densities linear in their parameters, [`generator`] for samplers that are functions of noise, [`params`] makes parameters visible,
//! [`kernel`], [`blocks`], [`path`], [`ladder`] and [`geometric_path`] are what sampling and normalising ask for, [`units`] and [`discrete`] carry the classical
//! models, [`noise_ladder`] and [`process`] have the noise levels and forward processes of diffusion models, [`prediction`] what their networks may predict, [`directions`] the slices
//! of traces and [`curvature`] their noise inside a model, [`objective`] and [`snapshot`] carry training, `dataset` feeds
//! it, [`seed`] and [`parallel`] make it deterministic, `math` and `simd` make it accurate and fast.
//!
//! ```
//! use gibbsian_core::{Energy, FnPotential, Score};
//! use ndarray::array;
//!
//! // The standard normal, `E(x) = |x|²/2` with `∇E = x`; a type of one's own implements `Space`, `Energy` and `Score`.
//! let standard = FnPotential::new(2, |x, mut gradient| {
//!     gradient.assign(&x);
//!     0.5 * x.dot(&x)
//! })?;
//! assert_eq!(standard.energy(array![[3.0, 4.0]].view()), array![12.5]);
//! assert_eq!(standard.score(array![[3.0, 4.0]].view()), array![[-3.0, -4.0]]);
//! # Ok::<(), gibbsian_core::Error>(())
//! ```

pub mod blocks;
pub mod closures;
pub mod curvature;
pub mod dataset;
pub mod directions;
pub mod discrete;
pub mod energy;
pub mod error;
pub mod family;
pub mod generator;
pub mod geometric_path;
pub mod kernel;
pub mod ladder;
pub mod math;
pub mod noise_ladder;
pub mod objective;
pub mod parallel;
pub mod params;
pub mod path;
pub mod prediction;
pub mod process;
pub mod scaled;
pub mod score;
mod score_from;
pub mod seed;
pub mod simd;
pub mod snapshot;
pub mod special;
pub mod stochastic;

pub mod time;
pub mod units;

pub use blocks::{BlockLaw, Blocks};
pub use closures::{FnEnergy, FnParametricEnergy, FnPotential, FnScore, FnTimeScore};
pub use curvature::CurvatureSketch;
pub use dataset::{BatchOrder, Dataset};
pub use directions::{Directions, divergence_along_into, hutchinson_divergence};
pub use discrete::{Discrete, DiscreteEnergy, RelaxedEnergy};
pub use energy::{Density, Energy, EnergyPullback, Space};
pub use error::{Error, Result};
pub use family::{ContinuousFamily, ExponentialFamily};
pub use generator::{Generator, GeneratorPullback};
pub use geometric_path::{GeometricPath, Interpolated};
pub use kernel::{Acceptance, Bound, Chain, Kernel, StepInfo, TransitionLaw};
pub use ladder::Ladder;
pub use noise_ladder::NoiseLadder;
pub use objective::{Objective, TrainStep};
pub use params::{Layout, Parametric, ParametricMut, Tensor, first_non_finite};
pub use path::{Path, PathTo};
pub use prediction::{Elucidated, ElucidatedCoefficients, Parametrisation, Prediction, Predicts, Reading};
pub use process::{GaussianTransition, LinearGaussian};
pub use scaled::Scaled;
pub use score::{
    DivergenceCotangent, JvpCotangent, Potential, Score, ScoreJvp, ScoreJvpPullback, ScorePullback,
};
pub use score_from::ScoreFrom;
pub use seed::{Seed, StreamRng, Streams};
pub use snapshot::{Record, Snapshot, Stateless, Values};
pub use stochastic::{DatumScores, Minibatch, StochasticScore};
pub use time::{
    At, TimeEnergy, TimeEnergyPullback, TimePotential, TimeScore, TimeScoreJvp, TimeScoreJvpPullback,
    TimeScorePullback,
};
pub use units::{ContinuousUnits, FiniteUnits, ResponsiveUnits, SmoothUnits, Units};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

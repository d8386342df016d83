//! Reference targets with closed forms of their own.
//!
//! They are what the checks are tried on, and they show how the traits are meant to be implemented: plain loops in
//! `f64`, every formula beside its derivation, nothing fast. Samplers, estimators and objectives use them as targets
//! whose answers are known.

mod bernoulli;
mod gaussian;
mod gibbs;
mod heated_gaussian;
mod linear_generator;
mod mixed_spin;
mod mixture;
mod noised;
mod pairwise;
mod poisson_curve;
mod tempered;

pub use bernoulli::BernoulliLayer;
pub use gaussian::Gaussian;
pub use gibbs::Sweep;
pub use heated_gaussian::HeatedGaussian;
pub use linear_generator::LinearGenerator;
pub use mixed_spin::MixedSpin;
pub use mixture::Mixture;
pub use noised::Noised;
pub use pairwise::Pairwise;
pub use poisson_curve::{PoissonCurve, PoissonCurvePosterior};
pub use tempered::Tempered;

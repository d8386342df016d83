//! Reference targets with closed forms of their own.
//!
//! They are what the checks are tried on, and they show how the traits are meant to be implemented: plain loops in `f64`, every
//! formula beside its derivation, nothing fast. Samplers, estimators and objectives use them as targets whose answers are known.

mod bernoulli;
mod gaussian;

pub use bernoulli::BernoulliLayer;
pub use gaussian::Gaussian;

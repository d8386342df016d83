//! Kinds of units; each is one file that implements [`gibbsian_core::Units`].

mod bernoulli;

pub use bernoulli::Bernoulli;

//! Kinds of units; each is one file that implements [`gibbsian_core::Units`].

mod bernoulli;
mod spin;

pub use bernoulli::Bernoulli;
pub use spin::Spin;

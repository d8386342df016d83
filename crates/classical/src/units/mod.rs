//! Kinds of units; each is one file that implements [`gibbsian_core::Units`].

mod bernoulli;
mod biased;
mod spin;

pub use bernoulli::Bernoulli;
pub use biased::{Biased, Mirrored};
pub use spin::Spin;

//! Multivariate normal densities.

mod double_double;
mod factors;
mod normal;
mod panels;
pub(crate) mod rows;
pub(crate) mod whitening;

pub use normal::MultivariateNormal;

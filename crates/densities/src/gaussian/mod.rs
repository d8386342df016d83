//! Multivariate normal densities, by covariance or by precision.
//!
//! - [`MultivariateNormal`]: energy, density, score, draws, parameters; an exponential family; marginals, conditionals, affine
//!   images, products and powers, all normal and in closed form;
//! - [`QuadraticEnergy`]: `½ xᵀA x − bᵀx + c`, which need not be normalisable, and completing its square.
//!
//! Everything rests on a lower triangular whitening matrix `W` with `WᵀW = Σ⁻¹`: the energy is a sum of squares `½ |W (x − μ)|²`, which does not
//! cancel however ill-conditioned the covariance is, and costs half of the products of a full matrix. The matrix is computed in twice the
//! working precision, once. Alternatives rejected: solving with the Cholesky factor for each batch, which costs the same
//! operations in an order that does not run at vector width, and a spectral factor, which is full.

mod colouring;
pub(crate) mod double_double;
mod evaluation;
pub(crate) mod factors;
mod family;
mod normal;
mod panels;
mod parameters;
mod parts;
mod product;
mod quadratic;
pub(crate) mod rows;
pub(crate) mod whitening;

pub use normal::MultivariateNormal;
pub(crate) use normal::{assert_score_shapes, check_parts};
pub use quadratic::QuadraticEnergy;

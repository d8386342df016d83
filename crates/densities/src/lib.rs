//! Densities whose normaliser is known: log-densities, scores and their derivatives, draws and estimates, exact to the last digits.
//!
//! - [`univariate`]: what every density of one number shares;
//! - [`family`]: exponential families, with natural and mean parameters, Fisher information, divergences, estimates;
//! - [`gaussian`]: multivariate normals by covariance or precision;
//! - [`mixture`]: Gaussian mixtures with closed-form score, Hessian, divergence and posterior, and their estimation by EM;
//! - [`combine`]: mixtures, products, autoregressive densities, changes of variables, temperature;
//! - [`quadrature`]: adaptive integrals in one and two dimensions, and the normaliser of any energy there.
//!
//! **Contracts.** A density implements [`Density`](gibbsian_core::Density): `log p(x) = −E(x) − log Z`, no constant dropped. Points outside the
//! support have `E = +∞` and `log p = −∞`; NaN in gives NaN out. Constructors refuse parameters that are out of their domain,
//! with name, value and requirement. Rows are samples.

// Kernels are loops over lanes by index, which is how the compiler turns them into vectors.
#![allow(clippy::needless_range_loop)]
// Parts of the normal's kernel serve callers that are still to come.
#![allow(dead_code)]

pub mod combine;
pub mod family;
pub mod gaussian;
pub mod mixture;
pub mod quadrature;
pub mod univariate;

pub use combine::*;
pub use family::*;
pub use gaussian::*;
pub use mixture::*;
pub use univariate::*;

//! Densities whose normaliser is known: log-densities, scores and their derivatives, draws and estimates, exact to the last digits.
//!
#![doc = include_str!("formulas.md")]
//!
//! - [`univariate`]: densities of one number beyond those families, Student's t, Laplace, truncated normal, and what all of one number share;
//! - [`uniform_box`] and [`multivariate_student_t`]: the uniform density on a box, and Student's t in several dimensions;
//! - [`family`]: exponential families, with natural and mean parameters, Fisher information, divergences, estimates;
//! - [`gaussian`]: multivariate normals by covariance or precision;
//! - [`mixture`]: Gaussian mixtures with closed-form score, Hessian, divergence and posterior, and their estimation by EM; mixtures and points of data in noise;
//! - [`combine`]: mixtures, products, autoregressive densities, changes of variables, temperature;
//! - [`kernel_energy`]: a density bent by kernels, whose score matching is a linear system;
//! - [`positive`]: positive functions made of any function, by a square, an exponential, an absolute value or softplus;
//! - [`planar`]: the two-dimensional benchmark targets, with their exact densities;
//! - [`quadrature`]: adaptive integrals in one and two dimensions, and the normaliser of any energy there.
//!
//! **Contracts.** A density implements [`Density`](gibbsian_core::Density): `log p(x) = −E(x) − log Z`, no constant dropped. Points outside the
//! support have `E = +∞` and `log p = −∞`; NaN in gives NaN out. Constructors refuse parameters that are out of their domain,
//! with name, value and requirement. Rows are samples.

#![deny(unsafe_code)]
// Kernels are loops over lanes by index, which is how the compiler turns them into vectors.
#![allow(clippy::needless_range_loop)]

pub mod combine;
pub mod family;
pub mod gaussian;
pub mod kernel_energy;
mod lanes;
pub mod mixture;
pub mod multivariate_student_t;
pub mod planar;
pub mod positive;
pub mod quadrature;
mod student_tail;
pub mod uniform_box;
pub mod univariate;

pub use combine::*;
pub use family::*;
pub use gaussian::*;
pub use kernel_energy::*;
pub use mixture::*;
pub use multivariate_student_t::*;
pub use uniform_box::*;
pub use univariate::*;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

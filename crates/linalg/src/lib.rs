//! Linear algebra for `ndarray`: the factorisations and the matrix product that the rest of the workspace is written in.
//!
#![doc = include_str!("formulas.md")]
//!
//! Gaussians need log-determinants and whitening ([`Cholesky`]), Jacobians and Newton steps general solves ([`Lu`]), square
//! roots and spectra of covariances [`SymmetricEigen`], low-rank structure and conditioning [`Svd`], and everything with weights
//! the matrix product ([`matmul_into`]). This crate is the only one that knows a linear-algebra library, so that a faster
//! kernel or another library has one place to go.
//!
//! **Two backends, one law.** Factorisations are pure Rust ([faer](https://docs.rs/faer)) by default, because LAPACK needs a
//! library that a fresh machine does not have. The feature `lapack` takes them from an installed OpenBLAS through
//! `ndarray-linalg`, which clusters and reviewers may trust more. The same tests hold both to the same bounds; results differ in
//! rounding only, as eigenvectors and singular vectors have their signs fixed here. The feature adds nothing to the surface.
//! Products are faer's under either, for which [`matmul_into`] gives the reasons.
//!
//! **Contracts.** Matrices are taken as views with any strides, transposed and sliced ones included. Each constructor takes the
//! matrix's name in the caller's words, and refuses an empty or non-square matrix, an entry that is not finite, and a "symmetric"
//! one that is not ([`SYMMETRY_TOLERANCE`]). After that the numerics cannot fail: a right-hand side of the wrong shape is
//! a bug and panics with both shapes, and its non-finite entries come out as non-finite entries.
//!
//! **Reproducibility.** Results are bitwise the same on any number of rayon threads. Factorisations run on the calling thread
//! (OpenBLAS's own threads are switched off, for the whole process, at the first factorisation); products are cut into blocks
//! by their shape alone.
//!
//! ```
//! use gibbsian_linalg::Cholesky;
//! use ndarray::array;
//!
//! let covariance = array![[4.0, 2.0], [2.0, 5.0]];
//! let cholesky = Cholesky::new("covariance", covariance.view())?;
//! assert_eq!(cholesky.lower(), array![[2.0, 0.0], [1.0, 2.0]]);
//! assert_eq!(cholesky.log_det(), 16.0_f64.ln());
//!
//! let indefinite = array![[1.0, 2.0], [2.0, 1.0]];
//! let error = Cholesky::new("covariance", indefinite.view()).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "`pivot 1 of 2 of the Cholesky factorisation of covariance` is -3, but must be greater than zero, as in a positive definite matrix; add a small multiple of the identity, or use more samples than coordinates"
//! );
//! # Ok::<(), gibbsian_core::Error>(())
//! ```

pub mod cholesky;
pub mod eigen;
pub mod kernels;
pub mod lu;
pub mod product;
pub mod svd;

mod backend;
mod faer_view;
mod validate;

pub use cholesky::Cholesky;
pub use eigen::SymmetricEigen;
pub use lu::Lu;
pub use product::{Real, matmul, matmul_here_into, matmul_into};
pub use svd::Svd;
pub use validate::SYMMETRY_TOLERANCE;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

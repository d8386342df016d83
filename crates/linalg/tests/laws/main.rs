//! Both backends against the same laws, in one program.

mod common;

mod cholesky;
mod eigen;
mod input;
mod lu;
mod product;
mod properties;
mod svd;
mod threads;

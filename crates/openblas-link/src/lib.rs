//! The link line for the system's OpenBLAS, and the size of its thread pool.
//!
//! Crates that call LAPACK without choosing a provider need somebody to name the library once. The providers on the registry
//! download and compile OpenBLAS or bring a TLS client along; this crate's build script only looks where the library is
//! usually installed (the README lists the places in order) and prints where it was found. `links = "openblas"` lets Cargo
//! refuse a second provider in the same program.
//!
//! The two functions are more than a convenience: a linker that is told `--as-needed` drops a shared library of which no
//! symbol is used at that point of its command line, and a call of either is what keeps it.
//!
//! All of this happens with the feature `link`. Without it the crate is empty, so that a workspace which holds it builds where
//! OpenBLAS is not installed.

#[cfg(feature = "link")]
pub use threads::{set_threads, threads};

#[cfg(feature = "link")]
mod threads;

// The build script's search is plain code over a described machine; its tests run here.
#[cfg(test)]
#[path = "../build/search.rs"]
mod search;

#[cfg(all(doctest, feature = "link"))]
#[doc = include_str!("../README.md")]
struct Readme;

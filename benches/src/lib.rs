//! Benchmarks: one criterion file a crate in `benches/`, and programs that run the tasks of other libraries' scripts in `src/bin/`.

#![forbid(unsafe_code)]

pub mod mcmc;

//! Benchmark densities in the plane.

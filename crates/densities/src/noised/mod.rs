//! Gaussian mixtures under a linear-Gaussian forward process.

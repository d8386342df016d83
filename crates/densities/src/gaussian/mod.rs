//! Multivariate normal densities.

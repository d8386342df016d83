//! Densities made of densities.

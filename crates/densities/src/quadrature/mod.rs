//! Adaptive integrals in one and two dimensions.

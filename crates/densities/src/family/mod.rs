//! Exponential families.

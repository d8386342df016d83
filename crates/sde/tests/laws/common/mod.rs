//! What several files of tests need.

pub mod linear_law;

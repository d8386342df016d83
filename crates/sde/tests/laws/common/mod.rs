//! What several files of tests need.

pub mod normals;

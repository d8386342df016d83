//! The networks of this crate against laws, in one program.

mod conformance;
mod curvature;
mod embeddings;
mod layers;
mod pictures;
mod refusals;
mod single;

//! The networks of this crate against laws, in one program.

mod conformance;
mod refusals;
mod single;

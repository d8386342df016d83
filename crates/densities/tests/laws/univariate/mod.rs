//! Student's t, Laplace and truncated normal distributions: 50-digit references, laws, draws, refusals.

mod draws;
mod laws;
mod reference;
mod refusals;

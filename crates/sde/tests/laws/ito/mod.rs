//! Schemes for general Itô equations: strong orders on shared paths, weak orders by exact moments.

pub mod equations;
mod levy;
mod matrix;
mod strong;
mod weak;
mod weak_matrix;

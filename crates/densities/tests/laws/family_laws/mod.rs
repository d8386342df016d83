//! The laws of every member of an exponential family, by one line for all, and of `Natural`, the model that trains one.

mod edges;
mod members;

use ndarray::Array2;

/// Points `(B, 1)`.
fn column(points: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((points.len(), 1), points.to_vec()).unwrap()
}

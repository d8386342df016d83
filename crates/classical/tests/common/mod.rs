//! Machines to try things on.
#![allow(dead_code, reason = "each test file uses some of them")]

pub mod enumeration;

use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::{Discrete, Seed};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::StandardNormal;

/// A machine with independent normal parameters: weights of standard deviation `weight`, biases of `bias`.
pub fn machine(n_visible: usize, n_hidden: usize, weight: f64, bias: f64, seed: u64) -> Rbm {
    let mut rng = Seed::new(seed).child("machine").rng();
    let mut normal = |scale: f64| scale * rng.sample::<f64, _>(StandardNormal);
    let visible = Array1::from_shape_simple_fn(n_visible, || normal(bias));
    let hidden = Array1::from_shape_simple_fn(n_hidden, || normal(bias));
    let weights = Array2::from_shape_simple_fn((n_visible, n_hidden), || normal(weight));
    Rbm::new(layer(visible), layer(hidden), weights).unwrap()
}

/// The layer with these biases.
pub fn layer(bias: Array1<f64>) -> Bernoulli {
    Bernoulli::new(bias).unwrap()
}

/// All states of `n` binary units.
pub fn binary_states(n: usize) -> Array2<f64> {
    machine(n, 1, 1.0, 1.0, 0).states().unwrap()
}

/// Rows of numbers between zero and one, away from both.
pub fn means(n_rows: usize, n_columns: usize, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("means").rng();
    Array2::from_shape_simple_fn((n_rows, n_columns), || 0.05 + 0.9 * rng.random::<f64>())
}

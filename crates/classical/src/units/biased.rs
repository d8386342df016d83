//! Layers with a bias on every unit, which is what centring and flipping move.

use std::ops::Range;

use gibbsian_core::Units;

use super::{Bernoulli, Spin};

/// A layer whose energy contains `−b·x`, with one free bias `b_i` a unit and nothing else that is linear in `x`.
///
/// Shifting the field of such a layer is the same as shifting its biases: `e(x; b) − I·x = e(x; b + I)`.
pub trait Biased: Units {
    /// Where the biases lie in the layer's flat parameters, one a unit.
    fn bias_range(&self) -> Range<usize>;
}

/// A layer that looks the same in a mirror: with `x` also `r − x` is a state, and what of the energy is not the biases' is unchanged by it.
pub trait Mirrored: Biased {
    /// `r`: 1 for zeros and ones, 0 for what is symmetric about zero.
    fn mirror(&self) -> f64;
}

impl Biased for Bernoulli {
    fn bias_range(&self) -> Range<usize> {
        0..self.n_units()
    }
}

impl Mirrored for Bernoulli {
    fn mirror(&self) -> f64 {
        1.0
    }
}

impl Biased for Spin {
    fn bias_range(&self) -> Range<usize> {
        0..self.n_units()
    }
}

impl Mirrored for Spin {
    fn mirror(&self) -> f64 {
        0.0
    }
}

//! What a constant field, a centre or a mirror does to a layer: a ladder of three traits.
//!
//! Every kind here has a term `−b·x` in its energy, so a constant field can be taken up ([`Shift`]). If the biases are parameters of their own, one a unit, they can be found in the
//! flat vector, as centred gradients have to ([`Biased`]). And if what else the energy has does not tell `x` from `r − x`, units can be renamed ([`Mirrored`]).

use std::ops::Range;

use gibbsian_core::Units;
use ndarray::ArrayView1;

use super::{Bernoulli, Binomial, Gaussian, Rectified, Softmax, Spin};

/// A layer that can take up a constant field: every kind here.
pub trait Shift {
    /// Changes the energy from `e(x)` to `e(x) − f·x` for a field `f` `(N)`.
    fn shift(&mut self, field: ArrayView1<f64>);
}

/// A layer whose energy contains `−b·x`, with one free bias `b_i` a unit and nothing else that is linear in `x`.
///
/// [`Shift::shift`] by `f` is then `b + f`, and nothing else.
pub trait Biased: Units + Shift {
    /// Where the biases lie in the layer's flat parameters, one a unit.
    fn bias_range(&self) -> Range<usize>;
}

/// A layer that looks the same in a mirror: with `x` also `r − x` is a state, and what of the energy is not the biases' is unchanged by it.
pub trait Mirrored: Biased {
    /// `r`: 1 for zeros and ones, `n` for counts up to `n`, 0 for what is symmetric about zero.
    fn mirror(&self) -> f64;
}

/// Biases, one a column, come first in the parameters of every kind that has them.
macro_rules! biased {
    ($($kind:ty),*) => {
        $(
            impl Biased for $kind {
                fn bias_range(&self) -> Range<usize> {
                    0..self.n_units()
                }
            }
        )*
    };
}
biased!(Bernoulli, Spin, Softmax, Binomial, Gaussian, Rectified);

impl Mirrored for Bernoulli {
    fn mirror(&self) -> f64 {
        1.0
    }
}

impl Mirrored for Spin {
    fn mirror(&self) -> f64 {
        0.0
    }
}

impl Mirrored for Binomial {
    fn mirror(&self) -> f64 {
        f64::from(self.n_trials())
    }
}

impl Mirrored for Gaussian {
    fn mirror(&self) -> f64 {
        0.0
    }
}

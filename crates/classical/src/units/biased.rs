//! What a constant field, a centre or a mirror does to a layer: a ladder of three traits.
//!
//! Every kind here has a term `−b·x` in its energy, so a constant field can be taken up ([`Shift`]). If the biases are parameters of their own, one a unit, they can be found in the
//! flat vector, as centred gradients have to ([`Biased`]). And if what else the energy has does not tell `x` from `r − x`, units can be renamed ([`Mirrored`]).

use std::ops::Range;

use gibbsian_core::{ResponsiveUnits, Units};
use ndarray::{Array2, ArrayView1, ArrayView2};

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

    /// `Var(x_i | I_b)` of every unit in fields `I` `(B, N)`, `(B, N)`.
    fn variance(&self, field: ArrayView2<f64>) -> Array2<f64>;
}

/// A layer that looks the same in a mirror: with `x` also `r − x` is a state, and what of the energy is not the biases' is unchanged by it.
pub trait Mirrored: Biased {
    /// `r`: 1 for zeros and ones, `n` for counts up to `n`, 0 for what is symmetric about zero.
    fn mirror(&self) -> f64;
}

/// Biases, one a column, come first in the parameters of every kind that has them.
macro_rules! biased {
    ($($kind:ty: $variance:expr),* $(,)?) => {
        $(
            impl Biased for $kind {
                fn bias_range(&self) -> Range<usize> {
                    0..self.n_units()
                }

                fn variance(&self, field: ArrayView2<f64>) -> Array2<f64> {
                    $variance(self, field)
                }
            }
        )*
    };
}
biased!(
    Bernoulli: own_response,
    Spin: own_response,
    Binomial: own_response,
    Gaussian: own_response,
    Rectified: own_response,
    // Indicators: x² = x, and their sum does not vary.
    Softmax: |layer: &Softmax, field| layer.mean(field).mapv(|p| p * (1.0 - p)),
);

/// The variances of units that do not depend on each other are their responses to their own fields.
fn own_response<U: ResponsiveUnits>(layer: &U, field: ArrayView2<f64>) -> Array2<f64> {
    let mut variance = Array2::zeros(field.dim());
    layer.response_into(field, Array2::ones(field.dim()).view(), variance.view_mut());
    variance
}

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

//! Other parameters of the same law: spins for bits, gauges, units of another scale; values exchanged within a layer are in `flip`.
//!
//! A change of variables in one layer moves its parameters, the weights, and a constant field to the other layer; what remains is a constant of the energy. Each method
//! returns the machine and that constant: with `v ↦ v'` the change of variables, `E(v, h) = E'(v', h) + c`. Training is not indifferent to these
//! choices, although likelihoods are: gradients are taken in other coordinates.
//!
//! Methods speak of the visible layer; [`Rbm::transposed`] makes them those of the hidden one.

use gibbsian_core::error::{check_each, check_shape};
use gibbsian_core::{Error, Parametric, ParametricMut, Result, Units};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::Rbm;
use crate::units::{Bernoulli, DoubleRectified, Gaussian, Rectified, Shift, Softmax, Spin};

impl<H: Units + Shift> Rbm<Spin, H> {
    /// The machine with bits `x` for spins `v = 2x − 1`, and the constant of the energy.
    ///
    /// `−b'v − v'Wh = −2b'x − 2x'Wh + b'1 + 1'Wh`: biases and weights double, and the hidden units lose the field `W'1`.
    ///
    /// # Errors
    /// Parameters so large that one of the other machine, or the constant, is not finite.
    pub fn with_bernoulli_visible(&self) -> Result<(Rbm<Bernoulli, H>, f64)> {
        let constant = finite_constant(self.visible.bias().sum())?;
        let hidden = shifted(&self.hidden, -self.weights.sum_axis(Axis(0)))?;
        let visible = Bernoulli::new(&self.visible.bias() * 2.0).map_err(|e| e.within("visible"))?;
        Ok((Rbm::new(visible, hidden, &self.weights * 2.0)?, constant))
    }
}

impl<H: Units + Shift> Rbm<Bernoulli, H> {
    /// The machine with spins `v` for bits `x = (1 + v)/2`, and the constant of the energy; the inverse of [`Rbm::with_bernoulli_visible`].
    ///
    /// # Errors
    /// Parameters so large that one of the other machine, or the constant, is not finite.
    pub fn with_spin_visible(&self) -> Result<(Rbm<Spin, H>, f64)> {
        let weights = &self.weights * 0.5;
        let hidden = shifted(&self.hidden, weights.sum_axis(Axis(0)))?;
        let bias = &self.visible.bias() * 0.5;
        let constant = finite_constant(-bias.sum())?;
        Ok((Rbm::new(Spin::new(bias)?, hidden, weights)?, constant))
    }
}

impl<H: Units + Shift> Rbm<Softmax, H> {
    /// The machine in the zero-sum gauge, where biases and weights of every categorical unit sum to zero over its values, and the constant of the energy.
    ///
    /// A constant added to all weights from one unit to `h_j` is a field on `h_j`, whichever value the unit has; one added to its biases is a constant of the energy.
    /// In this gauge the sum of squares of the weights is least.
    ///
    /// # Errors
    /// Parameters so large that one of the other machine, or the constant, is not finite.
    pub fn with_zero_sum_visible(&self) -> Result<(Self, f64)> {
        let q = self.visible.n_values();
        let mut weights = self.weights.clone();
        let mut bias = self.visible.bias().to_owned();
        let mut field = Array1::zeros(self.hidden.n_units());
        let mut constant = 0.0;
        for (mut block, mut bias) in weights.axis_chunks_iter_mut(Axis(0), q).zip(bias.rows_mut()) {
            let mean = block.sum_axis(Axis(0)) / q as f64;
            block -= &mean;
            field += &mean;
            let mean = bias.sum() / q as f64;
            bias -= mean;
            constant -= mean;
        }
        let hidden = shifted(&self.hidden, field)?;
        let visible = Softmax::new(bias).map_err(|e| e.within("visible"))?;
        Ok((Rbm::new(visible, hidden, weights)?, finite_constant(constant)?))
    }
}

/// The layer with the energy `e(x) − f·x`; the shift does not look at what it adds.
fn shifted<H: Units + Shift>(layer: &H, field: Array1<f64>) -> Result<H> {
    let mut shifted = layer.clone();
    shifted.shift(field.view());
    let params = shifted.params();
    shifted
        .layout()
        .check(params.view())
        .map_err(|e| e.within("hidden"))?;
    Ok(shifted)
}

/// Requires a constant of the energy that is a number.
pub(super) fn finite_constant(constant: f64) -> Result<f64> {
    if constant.is_finite() {
        Ok(constant)
    } else {
        Err(Error::parameter(
            "the constant of the energy",
            constant,
            "finite; the biases are too large",
        ))
    }
}

/// Real units whose scale can be chosen: `x = s y` makes their law one of the same kind.
pub trait Scalable: Units + ParametricMut {
    /// The layer of `y` where this is the layer of `x = s y`, with scales `s` `(N)` greater than zero.
    ///
    /// Linear coefficients become `s θ` and precisions `s² γ`, so that the energy is the same number. Densities in `y` are those in `x` times `Π s`.
    ///
    /// # Errors
    /// Scales with which a parameter is not admitted any more, as a precision is that overflows or vanishes.
    fn scaled(&self, s: ArrayView1<f64>) -> Result<Self>;
}

macro_rules! scalable {
    ($kind:ty) => {
        impl Scalable for $kind {
            fn scaled(&self, s: ArrayView1<f64>) -> Result<Self> {
                let n = self.n_units();
                // Linear coefficients and precisions alternate.
                let params = self.params();
                let scaled = params.iter().enumerate().map(|(at, p)| match at / n % 2 {
                    0 => p * s[at % n],
                    _ => p * s[at % n] * s[at % n],
                });
                let mut layer = self.clone();
                layer
                    .set_params(scaled.collect::<Array1<f64>>().view())
                    .map_err(|e| e.with_cure("choose scales nearer to one over the root of the precision"))?;
                Ok(layer)
            }
        }
    };
}
scalable!(Gaussian);
scalable!(Rectified);
scalable!(DoubleRectified);

impl<V: Scalable, H: Units> Rbm<V, H> {
    /// The machine of `y` for `v = s y`, with scales `s` `(V)`; `E(v, h) = E'(y, h)`, `log Z = log Z' + Σ log s`.
    ///
    /// # Errors
    /// Another number of scales than units, one that is not finite and greater than zero, or one so small or large that a precision, a linear coefficient or a weight is no number any more.
    pub fn with_scaled_visible(&self, scales: ArrayView1<f64>) -> Result<Self> {
        check_shape("scales", &scales, &[self.visible.n_units()])?;
        check_each("scales", scales, "finite and greater than zero", |s| {
            s.is_finite() && s > 0.0
        })?;
        let weights: Array2<f64> = &self.weights * &scales.insert_axis(Axis(1));
        let visible = self.visible.scaled(scales).map_err(|e| e.within("visible"))?;
        Rbm::new(visible, self.hidden.clone(), weights)
    }
}

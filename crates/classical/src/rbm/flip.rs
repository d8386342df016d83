//! Renaming the values of units: the same machine seen in a mirror.
//!
//! With `v_i = r − v'_i` for the units that are flipped (`r = 1` for zeros and ones, `r = 0` for spins), `−b_i v_i − v_i (Wh)_i` becomes
//! `b_i v'_i + v'_i (Wh)_i − r (Wh)_i − r b_i`: bias and weights of the unit change sign, and what it sent to the hidden units while it was at `r` goes into their biases. The last
//! term is a constant of the energy, so `p'(v') = p(v)`. Flipping hidden units is the same with the layers exchanged.

use gibbsian_core::error::check_shape;
use gibbsian_core::{Result, Units};
use ndarray::{ArrayView1, Axis};

use super::Rbm;
use super::reparametrise::finite_constant;
use crate::units::{Mirrored, Shift};

impl<V: Mirrored, H: Mirrored> Rbm<V, H> {
    /// The machine whose units are this one's in a mirror, `x' = r − x`, where `visible` `(V)` and `hidden` `(H)` say so, and the constant `c` of the energy:
    /// `E(v, h) = E'(v', h') + c`, `log Z' = log Z + c`.
    ///
    /// # Errors
    /// Another number of marks than units, or a bias or a constant that would not be finite.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Rbm};
    /// use ndarray::array;
    ///
    /// let rbm = Rbm::new(Bernoulli::new(array![0.5])?, Bernoulli::new(array![-1.0])?, array![[2.0]])?;
    /// let (flipped, constant) = rbm.with_flipped(array![true].view(), array![false].view())?;
    /// assert_eq!(flipped.weights(), array![[-2.0]]);
    /// assert_eq!(flipped.visible().bias(), array![-0.5]);
    /// assert_eq!(flipped.hidden().bias(), array![1.0]); // c + W
    /// assert_eq!(constant, -0.5);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn with_flipped(&self, visible: ArrayView1<bool>, hidden: ArrayView1<bool>) -> Result<(Self, f64)> {
        check_shape("visible", &visible, &[self.visible.n_units()])?;
        check_shape("hidden", &hidden, &[self.hidden.n_units()])?;
        let (half, first) = self.with_flipped_visible(visible)?;
        let (whole, second) = half.transposed().with_flipped_visible(hidden)?;
        Ok((whole.transposed(), first + second))
    }
}

impl<V: Mirrored, H: Units + Shift> Rbm<V, H> {
    /// [`Rbm::with_flipped`] for the visible units marked in `visible` `(V)`, beside any hidden layer.
    ///
    /// # Errors
    /// Those of [`Rbm::with_flipped`].
    pub fn with_flipped_visible(&self, visible: ArrayView1<bool>) -> Result<(Self, f64)> {
        check_shape("visible", &visible, &[self.visible.n_units()])?;
        let at_r = visible.mapv(|flip| if flip { self.visible.mirror() } else { 0.0 });
        let sign = visible.mapv(|flip| if flip { -1.0 } else { 1.0 });
        let mut flipped = self.clone();
        flipped.hidden.shift(at_r.dot(&self.weights).view());
        flipped.weights *= &sign.view().insert_axis(Axis(1));
        let mut params = self.visible.params();
        let mut bias = params.slice_mut(ndarray::s![self.visible.bias_range()]);
        let constant = finite_constant(-at_r.dot(&bias))?;
        bias *= &sign;
        flipped.visible.set_params(params.view())?;
        // The shift does not look at what it adds.
        flipped.hidden.layout().check(flipped.hidden.params().view())?;
        Ok((flipped, constant))
    }
}

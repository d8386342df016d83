//! Renaming the values of units: the same machine seen in a mirror.
//!
//! With `v_i = r − v'_i` for the units that are flipped (`r = 1` for zeros and ones, `r = 0` for spins), `−b_i v_i − v_i (Wh)_i` becomes
//! `b_i v'_i + v'_i (Wh)_i − r (Wh)_i − r b_i`: bias and weights of the unit change sign, and what it sent to the hidden units while it was off goes into their biases. The last term is
//! a constant, so `p'(v') = p(v)`.

use gibbsian_core::Result;
use gibbsian_core::error::check_shape;
use ndarray::ArrayView1;

use super::Rbm;
use crate::units::Mirrored;

impl<V: Mirrored, H: Mirrored> Rbm<V, H> {
    /// The machine whose units are this one's in a mirror, `x' = r − x`, where `visible` `(V)` and `hidden` `(H)` say so.
    ///
    /// The law is unchanged under the renaming; energies differ by a constant.
    ///
    /// # Errors
    /// A wrong number of units, or a bias that would not be finite.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Rbm};
    /// use ndarray::array;
    ///
    /// let rbm = Rbm::new(Bernoulli::new(array![0.5])?, Bernoulli::new(array![-1.0])?, array![[2.0]])?;
    /// let flipped = rbm.flipped(array![true].view(), array![false].view())?;
    /// assert_eq!(flipped.weights(), array![[-2.0]]);
    /// assert_eq!(flipped.visible().bias(), array![-0.5]);
    /// assert_eq!(flipped.hidden().bias(), array![1.0]); // c + W
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn flipped(&self, visible: ArrayView1<bool>, hidden: ArrayView1<bool>) -> Result<Self> {
        check_shape("visible", &visible, &[self.visible.n_units()])?;
        check_shape("hidden", &hidden, &[self.hidden.n_units()])?;
        let mut flipped = self.flipped_visible(visible)?.transposed();
        flipped = flipped.flipped_visible(hidden)?;
        Ok(flipped.transposed())
    }

    fn flipped_visible(&self, flip: ArrayView1<bool>) -> Result<Self> {
        let (mut b, mut c) = (self.visible.params(), self.hidden.params());
        let (at_b, at_c) = (self.visible.bias_range(), self.hidden.bias_range());
        let mut flipped = self.clone();
        let r = self.visible.mirror();
        for (i, _) in flip.iter().enumerate().filter(|(_, flip)| **flip) {
            let mut row = flipped.weights.row_mut(i);
            for (j, w) in row.iter_mut().enumerate() {
                c[at_c.start + j] += r * *w;
                *w = -*w;
            }
            b[at_b.start + i] *= -1.0;
        }
        flipped.visible.set_params(b.view())?;
        flipped.hidden.set_params(c.view())?;
        Ok(flipped)
    }
}

//! The two halves of the layers of a machine: given one, the units of the other are independent.

use gibbsian_core::Result;
use gibbsian_core::error::check_batch;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

/// The even layers `v, h², …` or the odd ones `h¹, h³, …` of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The visible layer, `h²`, `h⁴`, ….
    Even,
    /// `h¹`, `h³`, ….
    Odd,
}

impl Half {
    /// Whether layer `l` is of this half; the visible layer is the one numbered 0.
    pub fn has(self, l: usize) -> bool {
        l.is_multiple_of(2) == (self == Half::Even)
    }

    /// The layers of this half out of joint states `(v, h¹, …, hᴸ)` of layers of these sizes, `(B, Σ sizes)`: where a path that keeps this half places chains of all layers.
    ///
    /// ```
    /// use gibbsian_classical::dbm::Half;
    /// use ndarray::array;
    ///
    /// let joint = array![[1.0, 0.0, /* h¹ */ 1.0, /* h² */ 0.0, 1.0]];
    /// assert_eq!(Half::Even.of(joint.view(), &[2, 1, 2])?, array![[1.0, 0.0, 0.0, 1.0]]);
    /// assert_eq!(Half::Odd.of(joint.view(), &[2, 1, 2])?, array![[1.0]]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// No row, or rows of another length.
    pub fn of(self, joint: ArrayView2<f64>, sizes: &[usize]) -> Result<Array2<f64>> {
        check_batch("joint", &joint, sizes.iter().sum())?;
        let mut first = 0;
        let mut layers = vec![joint.slice(s![.., ..0])];
        for (l, n) in sizes.iter().enumerate() {
            if self.has(l) {
                layers.push(joint.slice(s![.., first..first + n]));
            }
            first += n;
        }
        Ok(concatenate(Axis(1), &layers).expect("layers of the same states have as many rows"))
    }
}

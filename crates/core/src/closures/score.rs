//! Scores as closures, fixed and in time.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{has_nan, show};
use crate::energy::Space;
use crate::error::{Result, check_count};
use crate::parallel::{BLOCK_ROWS, for_each_block};
use crate::score::Score;
use crate::time::TimeScore;

/// The score that a closure writes for one point `x` `(D)`; no energy need exist.
///
/// Unadjusted Langevin dynamics take it; kernels that accept or reject need a [`FnPotential`](crate::FnPotential).
///
/// ```
/// use gibbsian_core::{FnScore, Score};
/// use ndarray::array;
///
/// // A rotation beside the attraction: no gradient of any energy, and the standard normal is still stationary.
/// let swirl = FnScore::new(2, |x, mut score| {
///     score[0] = -x[0] - x[1];
///     score[1] = -x[1] + x[0];
/// })?;
/// assert_eq!(swirl.score(array![[1.0, 2.0]].view()), array![[-3.0, -1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FnScore<F> {
    dim: usize,
    f: F,
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) + Sync> FnScore<F> {
    /// The score that `f` writes, on points of `dim` coordinates.
    ///
    /// # Errors
    /// No coordinates.
    pub fn new(dim: usize, f: F) -> Result<Self> {
        let dim = check_count("dim", dim)?;
        Ok(FnScore { dim, f })
    }
}

impl<F: Sync> Space for FnScore<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) + Sync> Score for FnScore<F> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_score_shapes(self.dim, x, &out);
        each_row(x, out, |_, x, score| (self.f)(x, score));
    }
}

impl<F> fmt::Debug for FnScore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show("FnScore", self.dim, f)
    }
}

/// The score at a time that a closure writes for one point `x` `(D)` and its time or noise level `t`.
///
/// [`At`](crate::At) fixes the time.
///
/// ```
/// use gibbsian_core::{At, FnTimeScore, Score};
/// use ndarray::array;
///
/// // The standard normal with noise of standard deviation t added to it.
/// let noised = FnTimeScore::new(1, |x, t, mut score| score[0] = -x[0] / (1.0 + t * t))?;
/// let levels = array![2.0, 0.0];
/// assert_eq!(At::new(&noised, levels.view()).score(array![[5.0], [5.0]].view()), array![[-1.0], [-5.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FnTimeScore<F> {
    dim: usize,
    f: F,
}

impl<F: Fn(ArrayView1<f64>, f64, ArrayViewMut1<f64>) + Sync> FnTimeScore<F> {
    /// The score that `f` writes, on points of `dim` coordinates.
    ///
    /// # Errors
    /// No coordinates.
    pub fn new(dim: usize, f: F) -> Result<Self> {
        let dim = check_count("dim", dim)?;
        Ok(FnTimeScore { dim, f })
    }
}

impl<F: Sync> Space for FnTimeScore<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(ArrayView1<f64>, f64, ArrayViewMut1<f64>) + Sync> TimeScore for FnTimeScore<F> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        assert_score_shapes(self.dim, x, &out);
        assert_eq!(t.len(), x.nrows(), "one time for every row");
        each_row(x, out, |row, x, mut score| match t[row] {
            t if t.is_nan() => score.fill(f64::NAN),
            t => (self.f)(x, t, score),
        });
    }
}

impl<F> fmt::Debug for FnTimeScore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show("FnTimeScore", self.dim, f)
    }
}

/// Has `write(row, x, score)` fill the scores of all rows, which hold NaN before; rows with NaN keep it.
fn each_row(
    x: ArrayView2<f64>,
    out: ArrayViewMut2<f64>,
    write: impl Fn(usize, ArrayView1<f64>, ArrayViewMut1<f64>) + Sync + Send,
) {
    for_each_block(out, |block, mut out| {
        out.fill(f64::NAN);
        for (b, score) in out.rows_mut().into_iter().enumerate() {
            let row = block * BLOCK_ROWS + b;
            if !has_nan(x.row(row)) {
                write(row, x.row(row), score);
            }
        }
    });
}

/// Panics with both shapes unless `x` and `out` are `(B, D)`.
#[track_caller]
pub(super) fn assert_score_shapes(dim: usize, x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
    assert!(
        x.ncols() == dim && out.dim() == x.dim(),
        "x has shape {:?} and out has shape {:?}, but a space of dimension {dim} needs (B, {dim}) for both",
        x.shape(),
        out.shape(),
    );
}

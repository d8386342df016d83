//! What training looks at: a set of rows, and the order in which they are visited.
//!
//! A [`Dataset`] is asked for the rows of a minibatch and writes them as `f64`, whatever it keeps in memory: bytes of pictures are
//! converted a minibatch at a time, because a whole set of pictures as `f64` is eight times as large and a random view of it
//! (binarising grey pixels afresh on every visit) has no stored form at all. A [`BatchOrder`] says which rows the
//! minibatch of a given step has. It is a function of the step alone, so a run that was interrupted needs the number
//! of the next step and nothing else to see the same data again.
//!
//! Both are traits, because readers of files and drivers of training are siblings that must not know each other.

use ndarray::{
    Array1, Array2, ArrayBase, ArrayView1, ArrayView2, ArrayViewMut2, Data, Ix2, OwnedRepr, RawDataClone,
    ViewRepr,
};

use crate::energy::Space;
use crate::error::{Error, Result, check_each, check_finite, check_shape};
use crate::seed::Streams;

/// `N` points of `D` coordinates that can be looked at in any order.
///
/// Looking may be random: a grey pixel can be shown as a fresh coin toss on every visit. The rows written then depend on
/// `indices` and `streams` alone. A random view gives each block of [`crate::parallel::BLOCK_ROWS`] rows of the minibatch the
/// stream of that block's number; a view without randomness ignores the streams.
pub trait Dataset: Space {
    /// The number of points `N`, at least one.
    fn n_points(&self) -> usize;

    /// Writes point `indices[b]` into row `b` of `out` `(B, D)`. Every number written is finite.
    ///
    /// # Panics
    /// When `out` is not `(indices.len(), D)` or an index is not below `N`; both are errors of the caller.
    fn rows_into(&self, indices: &[usize], streams: Streams, out: ArrayViewMut2<f64>);

    /// The points of these indices, one a row, in a new array.
    fn rows(&self, indices: &[usize], streams: Streams) -> Array2<f64> {
        let mut out = Array2::zeros((indices.len(), self.dim()));
        self.rows_into(indices, streams, out.view_mut());
        out
    }

    /// What these points count, of mean one over all `N`; `None`, as provided, where all count alike.
    fn weights(&self, _indices: &[usize]) -> Option<Array1<f64>> {
        None
    }
}

/// Which points the minibatch of each training step has.
pub trait BatchOrder: Send {
    /// The number of steps in one epoch, at least one.
    fn steps_per_epoch(&self) -> u64;

    /// The largest number of points in a minibatch, for the caller's buffers.
    fn max_batch_size(&self) -> usize;

    /// The indices of the minibatch of step `step`, counted from zero over the whole run; never empty.
    ///
    /// A function of `step` alone: asking again, or after a restart, gives the same indices. It takes `&mut self` so that the order
    /// of the current epoch can be kept.
    fn batch(&mut self, step: u64) -> &[usize];
}

impl<T: Dataset + ?Sized> Dataset for &T {
    fn n_points(&self) -> usize {
        (**self).n_points()
    }
    fn rows_into(&self, indices: &[usize], streams: Streams, out: ArrayViewMut2<f64>) {
        (**self).rows_into(indices, streams, out);
    }
    fn weights(&self, indices: &[usize]) -> Option<Array1<f64>> {
        (**self).weights(indices)
    }
}

/// A matrix of finite numbers, one point a row, owned or borrowed, as a [`Dataset`].
///
/// ```
/// use gibbsian_core::dataset::{Dataset, Matrix};
/// use gibbsian_core::Streams;
/// use ndarray::array;
///
/// let data = Matrix::new(array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])?;
/// assert_eq!(data.n_points(), 3);
/// assert_eq!(data.rows(&[2, 0], Streams::from_key(0)), array![[4.0, 5.0], [0.0, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Matrix<S: Data<Elem = f64> = OwnedRepr<f64>> {
    points: ArrayBase<S, Ix2>,
}

/// A [`Matrix`] that borrows its numbers.
pub type MatrixView<'a> = Matrix<ViewRepr<&'a f64>>;

impl<S: Data<Elem = f64>> Matrix<S> {
    /// The rows of `points` `(N, D)`.
    ///
    /// # Errors
    /// `N` or `D` is zero, or a number is not finite.
    pub fn new(points: ArrayBase<S, Ix2>) -> Result<Self> {
        if points.is_empty() {
            return Err(Error::shape("points", points.shape(), "(at least 1, at least 1)"));
        }
        check_finite("points", &points)?;
        Ok(Matrix { points })
    }

    /// All points `(N, D)`.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }
}

// Not derived, because the clone of a matrix asks more of its storage than `Clone`.
impl<S: Data<Elem = f64> + RawDataClone> Clone for Matrix<S> {
    fn clone(&self) -> Self {
        Matrix {
            points: self.points.clone(),
        }
    }
}

impl<S: Data<Elem = f64> + Sync> Space for Matrix<S> {
    fn dim(&self) -> usize {
        self.points.ncols()
    }
}

impl<S: Data<Elem = f64> + Sync> Dataset for Matrix<S> {
    fn n_points(&self) -> usize {
        self.points.nrows()
    }

    fn rows_into(&self, indices: &[usize], _: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        for (&index, mut row) in indices.iter().zip(out.rows_mut()) {
            row.assign(&self.points.row(index));
        }
    }
}

/// Data whose points count by weights: a point of weight two is as good as two of weight one.
///
/// Weights are what is known about the sampling of the data: the number of times a case was seen, or the inverse of the probability with which it was chosen. Minibatches are drawn as ever;
/// the training step is handed the weights of its rows, and one that cannot use them refuses.
///
/// ```
/// use gibbsian_core::dataset::{Dataset, Matrix, Weighted};
/// use ndarray::array;
///
/// // One case was seen three times, the other once.
/// let data = Weighted::new(Matrix::new(array![[0.0, 1.0], [1.0, 1.0]])?, array![3.0, 1.0].view())?;
/// assert_eq!(data.weights(&[1, 0]), Some(array![0.5, 1.5]));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Weighted<D> {
    data: D,
    weights: Array1<f64>,
}

impl<D: Dataset> Weighted<D> {
    /// The points of `data` with these weights `(N)`, of which the ratios count.
    ///
    /// # Errors
    /// Another number of weights than points, a weight that is negative or not finite, or none that is not zero.
    pub fn new(data: D, weights: ArrayView1<f64>) -> Result<Self> {
        check_shape("weights", &weights, &[data.n_points()])?;
        check_each("weights", weights, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        // Scaled first, so that the sum of large weights does not overflow.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Error::parameter(
                "weights",
                "0 throughout",
                "above zero for some point",
            ));
        }
        let weights = &weights / largest;
        let mean = weights.sum() / weights.len() as f64;
        Ok(Weighted {
            data,
            weights: weights / mean,
        })
    }

    /// The points without their weights.
    pub fn data(&self) -> &D {
        &self.data
    }
}

impl<D: Dataset> Space for Weighted<D> {
    fn dim(&self) -> usize {
        self.data.dim()
    }
}

impl<D: Dataset> Dataset for Weighted<D> {
    fn n_points(&self) -> usize {
        self.data.n_points()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, out: ArrayViewMut2<f64>) {
        self.data.rows_into(indices, streams, out);
    }

    fn weights(&self, indices: &[usize]) -> Option<Array1<f64>> {
        Some(indices.iter().map(|i| self.weights[*i]).collect())
    }
}

/// Panics, with both shapes, unless `out` is `(indices.len(), D)`, and unless every index is below `N`: the check that each
/// implementation of [`Dataset::rows_into`] starts with.
///
/// # Panics
/// As said.
pub fn assert_batch(data: &(impl Dataset + ?Sized), indices: &[usize], out: &ArrayViewMut2<f64>) {
    assert_eq!(
        out.dim(),
        (indices.len(), data.dim()),
        "shape of the minibatch (left) against (number of indices, dimension) (right)"
    );
    let n = data.n_points();
    if let Some(index) = indices.iter().find(|&&index| index >= n) {
        panic!("index {index} of a minibatch, but there are only {n} points");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ShapeBuilder, array};

    #[test]
    fn rows_are_gathered_from_and_into_any_memory_layout() {
        let points = array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]];
        let transposed = points.t().to_owned();
        let data: MatrixView<'_> = Matrix::new(transposed.t()).unwrap();
        assert_eq!((data.n_points(), data.dim()), (2, 3));
        let mut out = Array2::from_elem((3, 3).f(), f64::NAN);
        Dataset::rows_into(&&data, &[1, 1, 0], Streams::from_key(1), out.view_mut());
        assert_eq!(out, array![[3.0, 4.0, 5.0], [3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]);
    }

    #[test]
    fn empty_and_non_finite_matrices_are_refused() {
        let e = Matrix::new(Array2::zeros((0, 3))).unwrap_err();
        assert!(e.to_string().contains("[0, 3]"), "{e}");
        assert!(Matrix::new(Array2::zeros((3, 0))).is_err());
        let e = Matrix::new(array![[0.0, f64::NAN]]).unwrap_err();
        assert_eq!(e.to_string(), "`points[0, 1]` is NaN, but must be finite");
    }

    #[test]
    fn weights_have_mean_one_and_are_refused_where_they_mean_nothing() {
        let data = || Matrix::new(array![[0.0], [1.0], [2.0]]).unwrap();
        let weighted = Weighted::new(data(), array![1e308, 0.0, 1e308].view()).unwrap();
        assert_eq!(Dataset::weights(&&weighted, &[2, 1]), Some(array![1.5, 0.0]));
        assert_eq!(weighted.rows(&[1], Streams::from_key(0)), array![[1.0]]);
        assert_eq!(data().weights(&[0]), None);
        for (weights, named) in [
            (array![1.0, 1.0], "`weights` has shape [2]"),
            (array![1.0, -1.0, 1.0], "`weights[1]` is -1"),
            (array![1.0, f64::INFINITY, 1.0], "`weights[1]` is inf"),
            (array![0.0, 0.0, 0.0], "`weights` is 0 throughout"),
        ] {
            let e = Weighted::new(data(), weights.view()).unwrap_err();
            assert!(e.to_string().contains(named), "{e}");
        }
    }

    #[test]
    #[should_panic(expected = "index 2 of a minibatch")]
    fn an_index_outside_the_set_is_an_error_of_the_caller() {
        Matrix::new(array![[0.0], [1.0]])
            .unwrap()
            .rows(&[0, 2], Streams::from_key(0));
    }

    #[test]
    #[should_panic(expected = "shape of the minibatch")]
    fn a_wrong_shape_is_an_error_of_the_caller() {
        let mut out = Array2::zeros((2, 2));
        Matrix::new(array![[0.0], [1.0]])
            .unwrap()
            .rows_into(&[0, 1], Streams::from_key(0), out.view_mut());
    }
}

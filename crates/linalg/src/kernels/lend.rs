//! Arrays as faer's matrices, in place.

use faer::{MatMut, MatRef};
use ndarray::{ArrayView2, ArrayViewMut2};

/// The array as a matrix; any strides.
pub(crate) fn lend<T>(a: ArrayView2<'_, T>) -> MatRef<'_, T> {
    let strides = [a.strides()[0], a.strides()[1]];
    // SAFETY: the view says that the entries at these strides from its pointer may be read for as long as it lives, which is how long the matrix does.
    unsafe { MatRef::from_raw_parts(a.as_ptr(), a.nrows(), a.ncols(), strides[0], strides[1]) }
}

/// The array as a matrix for writing; any strides.
pub(crate) fn lend_mut<T>(mut a: ArrayViewMut2<'_, T>) -> MatMut<'_, T> {
    let strides = [a.strides()[0], a.strides()[1]];
    // SAFETY: the view says that the entries at these strides from its pointer, which are different ones, are its own for as long as it lives, and it is given away here.
    unsafe { MatMut::from_raw_parts_mut(a.as_mut_ptr(), a.nrows(), a.ncols(), strides[0], strides[1]) }
}

//! `ndarray` arrays as faer's matrices, without copying, whatever their strides.

use faer::{MatMut, MatRef};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::kernels::{clear_upper, lend, lend_mut};

/// Calls `f` with the matrix.
pub(crate) fn with_ref<T, R>(a: ArrayView2<'_, T>, f: impl FnOnce(MatRef<'_, T>) -> R) -> R {
    f(lend(a))
}

/// Calls `f`, which is faer's, with the matrix for writing, and leaves the wide registers as the rest of the program expects them.
pub(crate) fn with_mut<T, R>(a: ArrayViewMut2<'_, T>, f: impl FnOnce(MatMut<'_, T>) -> R) -> R {
    let result = f(lend_mut(a));
    clear_upper();
    result
}

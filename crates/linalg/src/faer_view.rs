//! `ndarray` arrays as faer's matrices, without copying wherever that is possible in safe code.
//!
//! Arrays that are contiguous in row-major or column-major order, which includes transposed arrays and blocks of rows, are
//! lent. Others are copied, at a cost of O(m n) against the O(m n k) of what follows.

use faer::{MatMut, MatRef};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::kernels::clear_upper;

/// Calls `f` with the matrix.
pub(crate) fn with_ref<T: Copy, R>(a: ArrayView2<'_, T>, f: impl FnOnce(MatRef<'_, T>) -> R) -> R {
    let (m, n) = a.dim();
    if let Some(entries) = a.to_slice() {
        return f(MatRef::from_row_major_slice(entries, m, n));
    }
    if let Some(entries) = a.t().to_slice() {
        return f(MatRef::from_column_major_slice(entries, m, n));
    }
    let entries: Vec<T> = a.iter().copied().collect();
    f(MatRef::from_row_major_slice(&entries, m, n))
}

/// Calls `f`, which is faer's, with the matrix for writing; what it leaves there is in `a` afterwards.
pub(crate) fn with_mut<T: Copy, R>(mut a: ArrayViewMut2<'_, T>, f: impl FnOnce(MatMut<'_, T>) -> R) -> R {
    let (m, n) = a.dim();
    if let Some(entries) = a.as_slice_mut() {
        return cleared(f(MatMut::from_row_major_slice_mut(entries, m, n)));
    }
    if let Some(entries) = a.view_mut().reversed_axes().into_slice() {
        return cleared(f(MatMut::from_column_major_slice_mut(entries, m, n)));
    }
    let mut copy: Array2<T> = a.to_owned();
    let result = with_mut(copy.view_mut(), f);
    a.assign(&copy);
    result
}

/// The result, with the wide registers left as the rest of the program expects them.
fn cleared<R>(result: R) -> R {
    clear_upper();
    result
}

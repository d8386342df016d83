//! Factorisations by LAPACK, from OpenBLAS, through `ndarray-linalg`.
//!
//! OpenBLAS's own threads are switched off before the first call, for the whole process: they would compete with rayon's for the
//! same cores, and their sums depend on how many there are. A program that wants them back calls
//! `gibbsian_openblas_link::set_threads` after its first factorisation.

use std::num::NonZero;
use std::sync::Once;

use lax::error::Error as LapackError;
use lax::{Diag, JobSvd, Lapack, UPLO};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use ndarray_linalg::error::LinalgError;
use ndarray_linalg::{CholeskyInplace, EighInto, MatrixLayout, SVDDCInto, SolveTriangularInto};

use super::{BadPivot, NoConvergence, ThinSvd, Triangle};

/// Overwrites the lower triangle with L of A = L Lᵀ; the upper triangle is left as it happens to be.
pub(crate) fn cholesky(a: &mut Array2<f64>) -> Result<(), BadPivot> {
    use_one_thread();
    match a.cholesky_inplace(UPLO::Lower) {
        Ok(_) => Ok(()),
        Err(LinalgError::Lapack(error)) => Err(bad_pivot(&error)),
        Err(error) => refused(&error),
    }
}

/// Overwrites A with the unit lower L and the upper U of P A = L U; entry i of the result is the row of A that became row i.
pub(crate) fn lu(a: &mut Array2<f64>) -> Result<Vec<usize>, BadPivot> {
    use_one_thread();
    let n = dimension(a.nrows());
    let entries = a
        .as_slice_memory_order_mut()
        .expect("factorisations are handed contiguous matrices");
    let layout = MatrixLayout::F { col: n, lda: n };
    let swaps = <f64 as Lapack>::lu(layout, entries).map_err(|error| bad_pivot(&error))?;
    let mut rows: Vec<usize> = (0..a.nrows()).collect();
    for (i, &other) in swaps.iter().enumerate() {
        // LAPACK counts from one.
        rows.swap(i, other as usize - 1);
    }
    Ok(rows)
}

/// Overwrites B with T⁻¹ B, where T is the given triangle of `a`.
pub(crate) fn solve_triangular(a: ArrayView2<'_, f64>, triangle: Triangle, mut b: ArrayViewMut2<'_, f64>) {
    use_one_thread();
    if b.is_empty() {
        return;
    }
    let (half, diagonal) = match triangle {
        Triangle::Lower => (UPLO::Lower, Diag::NonUnit),
        Triangle::UnitLower => (UPLO::Lower, Diag::Unit),
        Triangle::Upper => (UPLO::Upper, Diag::NonUnit),
    };
    let right = b.as_standard_layout().into_owned();
    match a.solve_triangular_into(half, diagonal, right) {
        Ok(solution) => b.assign(&solution),
        Err(error) => refused(&error),
    }
}

/// The eigenvalues of a symmetric matrix in ascending order and, as columns, its eigenvectors.
pub(crate) fn symmetric_eigen(a: Array2<f64>) -> Result<(Array1<f64>, Array2<f64>), NoConvergence> {
    use_one_thread();
    match a.eigh_into(UPLO::Lower) {
        Ok(eigen) => Ok(eigen),
        Err(LinalgError::Lapack(LapackError::LapackComputationalFailure { .. })) => Err(NoConvergence),
        Err(error) => refused(&error),
    }
}

/// The thin singular value decomposition.
pub(crate) fn svd(a: Array2<f64>) -> Result<ThinSvd, NoConvergence> {
    use_one_thread();
    match a.svddc_into(JobSvd::Some) {
        Ok((Some(left), values, Some(right_transposed))) => Ok(ThinSvd {
            left,
            values,
            right_transposed,
        }),
        Ok(_) => unreachable!("both sets of vectors were asked for"),
        Err(LinalgError::Lapack(LapackError::LapackComputationalFailure { .. })) => Err(NoConvergence),
        Err(error) => refused(&error),
    }
}

fn use_one_thread() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| gibbsian_openblas_link::set_threads(NonZero::<u16>::MIN));
}

/// LAPACK reports the leading minor that is not positive, or the pivot that is zero, counting from one.
fn bad_pivot(error: &LapackError) -> BadPivot {
    match error {
        LapackError::LapackComputationalFailure { return_code } => BadPivot(*return_code as usize - 1),
        error => refused(error),
    }
}

/// LAPACK counts in 32 bits.
fn dimension(n: usize) -> i32 {
    i32::try_from(n).unwrap_or_else(|_| panic!("LAPACK cannot hold a matrix with {n} rows"))
}

/// Arguments were validated before they came here, so a complaint about one is a bug of this module.
fn refused(error: &dyn std::error::Error) -> ! {
    unreachable!("LAPACK refused validated arguments: {error}")
}

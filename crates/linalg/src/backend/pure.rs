//! Factorisations by faer, sequential: they run inside parallel regions, and their results must not depend on threads.
//!
//! faer's short forms (`Llt::new` and its like) take the number of threads from a global variable that any other user of
//! faer may set. The forms that name it are longer and safe from that.

use faer::Par;
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::svd::{ComputeSvdVectors, svd_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_unit_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::prelude::default;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, ShapeBuilder};

use super::{BadPivot, NoConvergence, ThinSvd, Triangle};
use crate::faer_view::{with_mut, with_ref};

/// Overwrites the lower triangle with L of A = L Lᵀ; the upper triangle is left as it happens to be.
pub(crate) fn cholesky(a: &mut Array2<f64>) -> Result<(), BadPivot> {
    use faer::linalg::cholesky::llt::factor::LltError;
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, default()));
    let stack = MemStack::new(&mut memory);
    with_mut(a.view_mut(), |a| {
        cholesky_in_place(a, default(), Par::Seq, stack, default())
    })
    .map(|_| ())
    .map_err(|LltError::NonPositivePivot { index }| BadPivot(index))
}

/// Overwrites A with the unit lower L and the upper U of P A = L U; entry i of the result is the row of A that became row i.
pub(crate) fn lu(a: &mut Array2<f64>) -> Result<Vec<usize>, BadPivot> {
    let n = a.nrows();
    let mut memory = MemBuffer::new(lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, default()));
    let stack = MemStack::new(&mut memory);
    let (mut rows, mut inverse) = (vec![0; n], vec![0; n]);
    with_mut(a.view_mut(), |a| {
        lu_in_place(a, &mut rows, &mut inverse, Par::Seq, stack, default());
    });
    match a.diag().iter().position(|&pivot| pivot == 0.0) {
        Some(index) => Err(BadPivot(index)),
        None => Ok(rows),
    }
}

/// Overwrites B with T⁻¹ B, where T is the given triangle of `a`.
pub(crate) fn solve_triangular(a: ArrayView2<'_, f64>, triangle: Triangle, b: ArrayViewMut2<'_, f64>) {
    with_ref(a, |a| {
        with_mut(b, |b| match triangle {
            Triangle::Lower => solve_lower_triangular_in_place(a, b, Par::Seq),
            Triangle::UnitLower => solve_unit_lower_triangular_in_place(a, b, Par::Seq),
            Triangle::Upper => solve_upper_triangular_in_place(a, b, Par::Seq),
        });
    });
}

/// The eigenvalues of a symmetric matrix in ascending order and, as columns, its eigenvectors.
pub(crate) fn symmetric_eigen(a: Array2<f64>) -> Result<(Array1<f64>, Array2<f64>), NoConvergence> {
    let n = a.nrows();
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let mut values = Diag::zeros(n);
    let mut vectors = Array2::zeros((n, n).f());
    with_ref(a.view(), |a| {
        with_mut(vectors.view_mut(), |vectors| {
            self_adjoint_evd(a, values.as_mut(), Some(vectors), Par::Seq, stack, default())
        })
    })
    .map_err(|_| NoConvergence)?;
    Ok((diagonal(&values), vectors))
}

/// The thin singular value decomposition.
pub(crate) fn svd(a: Array2<f64>) -> Result<ThinSvd, NoConvergence> {
    let (m, n) = a.dim();
    let p = m.min(n);
    let thin = ComputeSvdVectors::Thin;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(m, n, thin, thin, Par::Seq, default()));
    let stack = MemStack::new(&mut memory);
    let mut values = Diag::zeros(p);
    let (mut u, mut v) = (Array2::zeros((m, p).f()), Array2::zeros((n, p).f()));
    with_ref(a.view(), |a| {
        with_mut(u.view_mut(), |u| {
            with_mut(v.view_mut(), |v| {
                faer::linalg::svd::svd(a, values.as_mut(), Some(u), Some(v), Par::Seq, stack, default())
            })
        })
    })
    .map_err(|_| NoConvergence)?;
    Ok(ThinSvd {
        left: u,
        values: diagonal(&values),
        right_transposed: v.reversed_axes(),
    })
}

fn diagonal(values: &Diag<f64>) -> Array1<f64> {
    values.column_vector().iter().copied().collect()
}

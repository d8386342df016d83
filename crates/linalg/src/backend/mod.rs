//! The two libraries behind the factorisations, with the same functions in each.
//!
//! Matrices arrive finite, not empty, column-major and contiguous; the modules that call this one have seen to it. What is
//! decided above the libraries (validation, scaling, signs, determinants, what an error says) exists once and not here.

#[cfg(feature = "lapack")]
mod lapack;
// With `lapack` the tests below still compare against it.
#[cfg(any(not(feature = "lapack"), test))]
mod pure;

#[cfg(feature = "lapack")]
pub(crate) use lapack::{cholesky, lu, solve_triangular, svd, symmetric_eigen};
#[cfg(not(feature = "lapack"))]
pub(crate) use pure::{cholesky, lu, solve_triangular, svd, symmetric_eigen};

use ndarray::{Array1, Array2};

/// Which entries of a matrix a triangular solve reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// Below the diagonal, which counts as ones.
    UnitLower,
    /// On and above the diagonal.
    Upper,
}

/// The thin decomposition A = U diag(σ) Vᵀ of A (m, n), with p = min(m, n).
pub(crate) struct ThinSvd {
    /// U, (m, p).
    pub(crate) left: Array2<f64>,
    /// σ, (p), in descending order.
    pub(crate) values: Array1<f64>,
    /// Vᵀ, (p, n).
    pub(crate) right_transposed: Array2<f64>,
}

/// A Cholesky or LU factorisation met a pivot, with this index, that it cannot divide by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BadPivot(pub(crate) usize);

/// An eigenvalue or singular-value iteration did not converge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoConvergence;

#[cfg(all(test, feature = "lapack"))]
mod tests {
    use super::{BadPivot, Triangle, lapack, pure};
    use ndarray::{Array2, ShapeBuilder};

    /// A column-major matrix with distinct singular values and no symmetry.
    fn general(m: usize, n: usize) -> Array2<f64> {
        Array2::from_shape_fn((m, n).f(), |(i, j)| {
            ((7 * i + 3 * j * j + 1) as f64).sin() + if i == j { 4.0 } else { 0.0 }
        })
    }

    fn positive_definite(n: usize) -> Array2<f64> {
        let b = general(n, n);
        let mut a = Array2::zeros((n, n).f());
        a.assign(&(b.dot(&b.t()) + Array2::<f64>::eye(n)));
        a
    }

    /// Relative agreement within 10³ n ε: the condition numbers of these matrices are below 10².
    #[track_caller]
    fn assert_agree(one: &Array2<f64>, other: &Array2<f64>) {
        let size = other.fold(0.0, |size: f64, entry| size.max(entry.abs()));
        let error = (one - other).fold(0.0, |error: f64, entry| error.max(entry.abs()));
        assert!(
            error <= 1e3 * one.nrows() as f64 * f64::EPSILON * size,
            "they differ by {error:e} at size {size}"
        );
    }

    #[test]
    fn both_libraries_compute_the_same_factors() {
        for n in [1, 2, 30, 100] {
            let (mut one, mut other) = (positive_definite(n), positive_definite(n));
            pure::cholesky(&mut one).unwrap();
            lapack::cholesky(&mut other).unwrap();
            let lower = |a: &Array2<f64>| {
                Array2::from_shape_fn((n, n), |(i, j)| if i >= j { a[(i, j)] } else { 0.0 })
            };
            assert_agree(&lower(&one), &lower(&other));

            let (mut one, mut other) = (general(n, n), general(n, n));
            assert_eq!(pure::lu(&mut one), lapack::lu(&mut other));
            assert_agree(&one, &other);

            for triangle in [Triangle::Lower, Triangle::UnitLower, Triangle::Upper] {
                let triangular =
                    Array2::from_shape_fn((n, n).f(), |(i, j)| if i == j { 2.0 } else { 0.5 / n as f64 });
                let (mut one, mut other) = (general(n, 3), general(n, 3));
                pure::solve_triangular(triangular.view(), triangle, one.view_mut());
                lapack::solve_triangular(triangular.view(), triangle, other.view_mut());
                assert_agree(&one, &other);
            }
        }
    }

    #[test]
    fn both_libraries_compute_the_same_spectra_and_shapes() {
        for n in [1, 2, 30, 100] {
            let (values, vectors) = pure::symmetric_eigen(positive_definite(n)).unwrap();
            let (others, other_vectors) = lapack::symmetric_eigen(positive_definite(n)).unwrap();
            assert_agree(
                &values.clone().insert_axis(ndarray::Axis(1)),
                &others.insert_axis(ndarray::Axis(1)),
            );
            let of = |v: &Array2<f64>| (v * &values).dot(&v.t());
            assert_agree(&of(&vectors), &of(&other_vectors));
        }
        for (m, n) in [(1, 1), (1, 4), (4, 1), (20, 8), (8, 20)] {
            let one = pure::svd(general(m, n)).unwrap();
            let other = lapack::svd(general(m, n)).unwrap();
            assert_eq!(one.left.dim(), other.left.dim());
            assert_eq!(one.right_transposed.dim(), other.right_transposed.dim());
            assert_agree(
                &one.values.insert_axis(ndarray::Axis(1)),
                &other.values.insert_axis(ndarray::Axis(1)),
            );
        }
    }

    #[test]
    fn both_libraries_stop_at_the_same_pivot() {
        let mut a = Array2::<f64>::eye(70);
        a[(66, 66)] = 0.0;
        let column_major = || {
            let mut copy = Array2::zeros((70, 70).f());
            copy.assign(&a);
            copy
        };
        for cholesky in [pure::cholesky, lapack::cholesky] {
            assert_eq!(cholesky(&mut column_major()), Err(BadPivot(66)));
        }
        for lu in [pure::lu, lapack::lu] {
            assert_eq!(lu(&mut column_major()), Err(BadPivot(66)));
        }
    }
}

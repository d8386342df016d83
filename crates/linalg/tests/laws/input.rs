//! Matrices that every constructor must refuse, and what it says.

use gibbsian_core::{Error, Result};
use gibbsian_linalg::{Cholesky, Lu, Svd, SymmetricEigen};
use ndarray::{Array2, ArrayView2, array};

type Constructor = fn(ArrayView2<'_, f64>) -> Result<()>;

const SYMMETRIC: [Constructor; 2] = [
    |a| Cholesky::new("a", a).map(drop),
    |a| SymmetricEigen::new("a", a).map(drop),
];
const SQUARE: [Constructor; 3] = [SYMMETRIC[0], SYMMETRIC[1], |a| Lu::new("a", a).map(drop)];
const ANY: [Constructor; 4] = [SQUARE[0], SQUARE[1], SQUARE[2], |a| Svd::new("a", a).map(drop)];

#[test]
fn an_empty_matrix_is_refused() {
    for new in ANY {
        let error = new(Array2::zeros((0, 0)).view()).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }));
        assert_eq!(
            error.to_string(),
            "`a` has shape [0, 0], but must have shape (at least 1, at least 1)"
        );
    }
    for shape in [(0, 3), (3, 0)] {
        assert!(Svd::new("a", Array2::zeros(shape).view()).is_err());
    }
}

#[test]
fn a_matrix_that_is_not_square_is_refused() {
    for new in SQUARE {
        let error = new(Array2::zeros((2, 3)).view()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a` has shape [2, 3], but must have shape (n, n): a square matrix"
        );
    }
}

#[test]
fn a_non_finite_entry_is_named() {
    for new in ANY {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = new(array![[1.0, 0.0], [value, 1.0]].view()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`a[1, 0]` is {value}, but must be finite")
            );
        }
    }
}

#[test]
fn an_asymmetric_matrix_is_refused_with_both_entries() {
    for new in SYMMETRIC {
        let error = new(array![[4.0, 1.0], [2.0, 3.0]].view()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a[1, 0]` is 2, but must be within 4e-10 of a[0, 1], which is 1: a symmetric matrix; fill both triangles, as (A + A')/2 does"
        );
    }
}

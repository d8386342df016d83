//! Laws that hold for every matrix, on random ones.

use crate::common::{THRESHOLD, norm};
use gibbsian_linalg::{Cholesky, Lu, Svd, SymmetricEigen, matmul, matmul_into};
use ndarray::{Array2, s};
use proptest::collection::vec;
use proptest::prelude::*;

/// A matrix of up to 12 rows and columns with entries in [−10, 10].
fn matrix() -> impl Strategy<Value = Array2<f64>> {
    (1..=12_usize, 1..=12_usize).prop_flat_map(|(m, n)| of_shape(m, n))
}

fn square() -> impl Strategy<Value = Array2<f64>> {
    (1..=12_usize).prop_flat_map(|n| of_shape(n, n))
}

fn of_shape(m: usize, n: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-10.0..10.0, m * n).prop_map(move |entries| Array2::from_shape_vec((m, n), entries).unwrap())
}

/// B Bᵀ + I, whose eigenvalues are at least one.
fn positive_definite() -> impl Strategy<Value = Array2<f64>> {
    square().prop_map(|b| b.dot(&b.t()) + Array2::<f64>::eye(b.nrows()))
}

fn tolerance(n: usize, scale: f64) -> f64 {
    THRESHOLD * n as f64 * f64::EPSILON * scale
}

proptest! {
    #[test]
    fn cholesky_reconstructs_and_agrees_with_lu_and_eigenvalues(a in positive_definite()) {
        let n = a.nrows();
        let scale = norm(a.view());
        let cholesky = Cholesky::new("a", a.view()).unwrap();
        let error = norm((&matmul(cholesky.lower(), cholesky.lower().t()) - &a).view());
        prop_assert!(error <= tolerance(n, scale));
        // Each pivot has a relative error of at most n ε κ, and the smallest eigenvalue is at least one.
        let lu = Lu::new("a", a.view()).unwrap();
        prop_assert_eq!(lu.det_sign(), 1.0);
        prop_assert!((cholesky.log_det() - lu.log_abs_det()).abs() <= n as f64 * tolerance(n, scale));
        let eigen = SymmetricEigen::new("a", a.view()).unwrap();
        let log_det: f64 = eigen.values().mapv(f64::ln).sum();
        prop_assert!((cholesky.log_det() - log_det).abs() <= n as f64 * tolerance(n, scale));
    }

    #[test]
    fn whitening_gives_the_mahalanobis_distance(a in positive_definite(), seed in 0..1000_u64) {
        let n = a.nrows();
        let b = crate::common::scattered(n, 3, seed);
        let cholesky = Cholesky::new("a", a.view()).unwrap();
        let whitened = cholesky.half_solve(b.view());
        let solved = cholesky.solve(b.view());
        let squares = (&whitened * &whitened).sum_axis(ndarray::Axis(0));
        let distances = (&b * &solved).sum_axis(ndarray::Axis(0));
        let allowed = tolerance(n, norm(a.view()) * norm(b.view()).powi(2));
        for (square, distance) in squares.iter().zip(&distances) {
            prop_assert!((square - distance).abs() <= allowed);
        }
    }

    #[test]
    fn shifting_a_matrix_below_its_smallest_eigenvalue_makes_cholesky_refuse(a in positive_definite()) {
        let n = a.nrows();
        let smallest = SymmetricEigen::new("a", a.view()).unwrap().values()[0];
        let margin = tolerance(n * n, norm(a.view()));
        let shifted = |by: f64| &a - by * Array2::<f64>::eye(n);
        prop_assert!(Cholesky::new("a", shifted(smallest + margin).view()).is_err());
        prop_assert!(Cholesky::new("a", shifted(smallest - margin).view()).is_ok());
    }

    #[test]
    fn eigenvalues_keep_the_trace_and_the_frobenius_norm(b in square()) {
        let a = &b + &b.t();
        let n = a.nrows();
        let values = SymmetricEigen::new("a", a.view()).unwrap().values().to_owned();
        let scale = norm(a.view());
        prop_assert!((values.sum() - a.diag().sum()).abs() <= n as f64 * tolerance(n, scale));
        let squares = a.mapv(|x| x * x).sum();
        prop_assert!((values.mapv(|x| x * x).sum() - squares).abs() <= n as f64 * tolerance(n, scale * scale));
    }

    #[test]
    fn singular_values_bound_what_the_matrix_does(a in matrix(), seed in 0..1000_u64) {
        let svd = Svd::new("a", a.view()).unwrap();
        let x = crate::common::scattered(a.ncols(), 1, seed);
        let length = |v: &Array2<f64>| v.mapv(|x| x * x).sum().sqrt();
        let (found, size) = (length(&a.dot(&x)), length(&x));
        let slack = tolerance(a.nrows().max(a.ncols()), norm(a.view()) * size);
        prop_assert!(found <= svd.values()[0] * size + slack);
        if a.nrows() >= a.ncols() {
            prop_assert!(found >= svd.values()[a.ncols() - 1] * size - slack);
        }
    }

    #[test]
    fn determinants_multiply(a in square(), seed in 0..1000_u64) {
        let n = a.nrows();
        let b = crate::common::scattered(n, n, seed);
        let product = matmul(a.view(), b.view());
        let (lu_a, lu_b, lu_ab) = (
            Lu::new("a", a.view()).unwrap(),
            Lu::new("b", b.view()).unwrap(),
            Lu::new("ab", product.view()).unwrap(),
        );
        // ε κ n bounds the relative error of each determinant; hopeless cases are left out.
        let condition = Svd::new("a", a.view()).unwrap().condition_number() * Svd::new("b", b.view()).unwrap().condition_number();
        let allowed = n as f64 * tolerance(n, condition);
        prop_assume!(allowed < 1e-3);
        prop_assert_eq!(lu_a.det_sign() * lu_b.det_sign(), lu_ab.det_sign());
        prop_assert!((lu_a.log_abs_det() + lu_b.log_abs_det() - lu_ab.log_abs_det()).abs() <= allowed);
    }

    #[test]
    fn lu_solves_backward_stably(a in square(), seed in 0..1000_u64) {
        let n = a.nrows();
        let b = crate::common::scattered(n, 2, seed);
        let x = Lu::new("a", a.view()).unwrap().solve(b.view());
        prop_assert!(norm((&a.dot(&x) - &b).view()) <= tolerance(n, norm(a.view()) * norm(x.view())));
    }

    #[test]
    fn products_transpose_and_accumulate(a in matrix(), columns in 1..12_usize, seed in 0..1000_u64) {
        let b = crate::common::scattered(a.ncols(), columns, seed);
        let c = matmul(a.view(), b.view());
        let transposed = matmul(b.t(), a.t());
        let sizes = matmul(a.mapv(f64::abs).view(), b.mapv(f64::abs).view());
        let allowed = (a.ncols() + 2) as f64 * f64::EPSILON * sizes;
        prop_assert!((&c - &transposed.t()).iter().zip(&allowed).all(|(error, &allowed)| error.abs() <= 2.0 * allowed));
        // The product over a split of the inner side is the sum of the parts.
        let cut = a.ncols() / 2;
        let mut sum = matmul(a.slice(s![.., ..cut]), b.slice(s![..cut, ..]));
        matmul_into(1.0, a.slice(s![.., cut..]), b.slice(s![cut.., ..]), 1.0, sum.view_mut());
        prop_assert!((&c - &sum).iter().zip(&allowed).all(|(error, &allowed)| error.abs() <= 2.0 * allowed));
    }
}

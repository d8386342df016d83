//! General solves and determinants: by hand, by residuals, by closed forms, and where elimination must stop.

use crate::common::{assert_close, assert_within, hilbert, hilbert_log_det, norm, scattered, spread};
use gibbsian_core::Error;
use gibbsian_linalg::Lu;
use ndarray::{Array2, array, s};

#[test]
fn two_and_three_rows_by_hand() {
    let lu = Lu::new("a", array![[0.0, 1.0], [-1.0, 0.0]].view()).unwrap();
    assert_eq!((lu.det_sign(), lu.log_abs_det()), (1.0, 0.0));
    assert_eq!(lu.inverse(), array![[0.0, -1.0], [1.0, 0.0]]);

    let a = array![[2.0, 1.0, 1.0], [4.0, 3.0, 3.0], [8.0, 7.0, 9.0]];
    let lu = Lu::new("a", a.view()).unwrap();
    assert_eq!(lu.det_sign(), 1.0);
    assert_close(lu.log_abs_det(), 4.0_f64.ln(), 1e-15);
    let x = lu.solve_vector(array![4.0, 10.0, 24.0].view());
    for entry in x {
        assert_close(entry, 1.0, 1e-14);
    }
    assert_eq!(lu.dim(), 3);
}

#[test]
fn permutations_have_the_sign_of_their_cycles() {
    // A cycle of n rows takes n − 1 exchanges; two disjoint cycles multiply.
    for n in 1..9 {
        let cycle = Array2::from_shape_fn((n, n), |(i, j)| if j == (i + 1) % n { 1.0 } else { 0.0 });
        let lu = Lu::new("cycle", cycle.view()).unwrap();
        assert_eq!(
            lu.det_sign(),
            if n % 2 == 1 { 1.0 } else { -1.0 },
            "a cycle of {n}"
        );
        assert_eq!(lu.log_abs_det(), 0.0);
        assert_eq!(lu.inverse(), cycle.t());
    }
    let mut blocks = Array2::<f64>::zeros((5, 5));
    for (i, j) in [(0, 1), (1, 0), (2, 3), (3, 4), (4, 2)] {
        blocks[(i, j)] = 2.0;
    }
    let lu = Lu::new("blocks", blocks.view()).unwrap();
    assert_eq!(lu.det_sign(), -1.0);
    assert_close(lu.log_abs_det(), 5.0 * 2.0_f64.ln(), 1e-14);
    blocks.row_mut(1).mapv_inplace(|entry| -entry);
    assert_eq!(Lu::new("blocks", blocks.view()).unwrap().det_sign(), 1.0);
}

#[test]
fn solutions_have_small_residuals_across_block_sizes() {
    for n in [1, 2, 16, 17, 64, 65, 150] {
        let a = scattered(n, n, n as u64);
        let b = scattered(n, 3, 1);
        let lu = Lu::new("a", a.view()).unwrap();
        let x = lu.solve(b.view());
        assert_within(a.dot(&x).view(), b.view(), n, norm(a.view()) * norm(x.view()));
        let inverse = lu.inverse();
        assert_within(
            a.dot(&inverse).view(),
            Array2::eye(n).view(),
            n,
            norm(a.view()) * norm(inverse.view()),
        );
    }
}

#[test]
fn hilbert_systems_are_solved_backward_stably_even_where_the_solution_is_lost() {
    for n in [5, 12] {
        let a = hilbert(n);
        let b = a.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
        let lu = Lu::new("hilbert", a.view()).unwrap();
        let x = lu.solve(b.view());
        assert_within(a.dot(&x).view(), b.view(), n, norm(a.view()) * norm(x.view()));
    }
    let lu = Lu::new("hilbert", hilbert(5).view()).unwrap();
    assert_eq!(lu.det_sign(), 1.0);
    assert_close(lu.log_abs_det(), hilbert_log_det(5), 5.0 * f64::EPSILON * 4.8e5);
}

#[test]
fn a_singular_matrix_is_refused_at_its_pivot() {
    for (a, at) in [
        (array![[1.0, 2.0], [2.0, 4.0]], 1),
        (array![[0.0, 0.0], [0.0, 0.0]], 0),
        (array![[1.0, 0.0, 2.0], [3.0, 0.0, 4.0], [5.0, 0.0, 6.0]], 1),
    ] {
        let error = Lu::new("jacobian", a.view()).unwrap_err();
        let n = a.nrows();
        assert_eq!(
            error.to_string(),
            format!(
                "`pivot {at} of {n} of the LU factorisation of jacobian` is 0, \
                 but must be different from zero, as in an invertible matrix"
            )
        );
    }
}

#[test]
fn near_singular_is_factored_and_its_determinant_is_small() {
    // Singular in exact arithmetic only if the last entry were 9.
    let tiny = 2.0_f64.powi(-40);
    let a = array![[1.0, 2.0], [2.0, 4.0 + tiny]];
    let lu = Lu::new("a", a.view()).unwrap();
    assert_close(lu.log_abs_det(), tiny.ln(), 1e-13);
}

#[test]
fn overflow_in_elimination_is_reported() {
    let a = array![[f64::MAX, f64::MAX], [-f64::MAX, f64::MAX]];
    let error = Lu::new("a", a.view()).unwrap_err();
    assert!(matches!(error, Error::NonFinite { .. }), "{error}");
    assert!(error.to_string().contains("`a` became inf"), "{error}");
}

#[test]
fn strides_do_not_change_the_factors() {
    let a = scattered(29, 29, 3);
    let (columns, wide) = (a.t().to_owned(), spread(&a));
    let expected = Lu::new("a", a.view()).unwrap().inverse();
    for view in [columns.t(), wide.slice(s![..;2, ..;3])] {
        assert_eq!(Lu::new("a", view).unwrap().inverse(), expected);
    }
    // Aᵀ is another matrix: its inverse is the transpose.
    let transposed = Lu::new("a", a.t()).unwrap().inverse();
    assert_within(
        transposed.t(),
        expected.view(),
        29,
        norm(expected.view()).powi(2) * norm(a.view()),
    );
    let b = scattered(29, 4, 4);
    let mut kept = spread(&b);
    let lu = Lu::new("a", a.view()).unwrap();
    lu.solve_in_place(kept.slice_mut(s![..;2, ..;3]));
    assert_within(
        kept.slice(s![..;2, ..;3]),
        lu.solve(b.view()).view(),
        29,
        norm(expected.view()) * norm(b.view()),
    );
}

#[test]
#[should_panic(expected = "the right-hand side has shape [1, 2], but the factored matrix is 2 × 2")]
fn a_right_hand_side_of_the_wrong_shape_is_a_bug() {
    let lu = Lu::new("a", array![[4.0, 2.0], [2.0, 5.0]].view()).unwrap();
    lu.solve(Array2::zeros((1, 2)).view());
}

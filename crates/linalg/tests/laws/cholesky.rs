//! The Cholesky factorisation: by hand, by reconstruction, by closed forms, and where it must refuse.

use crate::common::{
    assert_close, assert_within, hilbert, hilbert_log_det, norm, positive_definite, scattered, spread,
    with_pivots,
};
use gibbsian_core::Error;
use gibbsian_linalg::{Cholesky, matmul};
use ndarray::{Array2, array, s};

#[test]
fn two_and_three_rows_by_hand() {
    let a = array![[4.0, 2.0], [2.0, 5.0]];
    let factored = Cholesky::new("a", a.view()).unwrap();
    assert_eq!(factored.lower(), array![[2.0, 0.0], [1.0, 2.0]]);
    assert_eq!(
        factored.half_solve(array![[2.0], [5.0]].view()),
        array![[1.0], [2.0]]
    );
    assert_eq!(factored.solve_vector(array![8.0, 12.0].view()), array![1.0, 2.0]);
    assert_eq!(factored.inverse() * 16.0, array![[5.0, -2.0], [-2.0, 4.0]]);

    let a = array![[4.0, 12.0, -16.0], [12.0, 37.0, -43.0], [-16.0, -43.0, 98.0]];
    let factored = Cholesky::new("a", a.view()).unwrap();
    assert_eq!(
        factored.lower(),
        array![[2.0, 0.0, 0.0], [6.0, 1.0, 0.0], [-8.0, 5.0, 3.0]]
    );
    assert_eq!(factored.log_det(), 2.0 * 6.0_f64.ln());
    assert_eq!(factored.dim(), 3);

    let one = Cholesky::new("a", array![[9.0]].view()).unwrap();
    assert_eq!(one.lower(), array![[3.0]]);
}

#[test]
fn factors_reconstruct_across_the_block_sizes_of_both_libraries() {
    for n in [1, 2, 5, 16, 33, 64, 65, 129, 200] {
        let a = positive_definite(n, n as u64);
        let lower = Cholesky::new("a", a.view()).unwrap().lower().to_owned();
        assert_within(
            matmul(lower.view(), lower.t()).view(),
            a.view(),
            n,
            norm(a.view()),
        );
        for ((i, j), &entry) in lower.indexed_iter() {
            assert!(
                if i < j { entry == 0.0 } else { i > j || entry > 0.0 },
                "entry ({i}, {j}) is {entry}"
            );
        }
    }
}

#[test]
fn solutions_have_small_residuals_and_the_inverse_is_symmetric() {
    for n in [1, 3, 40, 150] {
        let a = positive_definite(n, 7);
        let b = scattered(n, 4, 8);
        let factored = Cholesky::new("a", a.view()).unwrap();
        let x = factored.solve(b.view());
        assert_within(a.dot(&x).view(), b.view(), n, norm(a.view()) * norm(x.view()));
        let whitened = factored.half_solve(b.view());
        assert_within(
            matmul(factored.lower(), whitened.view()).view(),
            b.view(),
            n,
            norm(factored.lower()) * norm(whitened.view()),
        );
        let inverse = factored.inverse();
        assert_eq!(inverse, inverse.t());
        assert_within(
            a.dot(&inverse).view(),
            Array2::eye(n).view(),
            n,
            norm(a.view()) * norm(inverse.view()),
        );
    }
}

#[test]
fn hilbert_matrices_keep_the_digits_that_their_condition_leaves() {
    for (n, condition) in [(3, 524.0), (5, 4.8e5), (8, 1.5e10)] {
        let a = hilbert(n);
        let factored = Cholesky::new("hilbert", a.view()).unwrap();
        // The last pivot carries a relative error of order n ε κ into the logarithm.
        let allowed = n as f64 * f64::EPSILON * condition;
        assert_close(factored.log_det(), hilbert_log_det(n), allowed);
        assert_within(
            matmul(factored.lower(), factored.lower().t()).view(),
            a.view(),
            n,
            norm(a.view()),
        );
    }
    assert_close(hilbert_log_det(3), -(2160.0_f64).ln(), 1e-14);
}

#[test]
fn a_matrix_that_is_not_positive_definite_is_refused_at_its_pivot_with_its_value() {
    for n in [1, 3, 63, 64, 65, 150] {
        for at in [0, 1, n / 2, n - 1] {
            for value in [-9.0, -1.0, 0.0] {
                let at = at.min(n - 1);
                let mut pivots = vec![1.0; n];
                pivots[at] = value;
                let error = Cholesky::new("covariance", with_pivots(&pivots).view()).unwrap_err();
                let expected = format!(
                    "`pivot {at} of {n} of the Cholesky factorisation of covariance` is {value}, \
                     but must be greater than zero, as in a positive definite matrix; add a small \
                     multiple of the identity, or use more samples than coordinates"
                );
                assert_eq!(error.to_string(), expected);
            }
        }
    }
    // The first of several is named.
    let error = Cholesky::new("a", with_pivots(&[1.0, 4.0, -2.0, -5.0]).view()).unwrap_err();
    assert!(
        error.to_string().contains("pivot 2 of 4") && error.to_string().contains("is -2,"),
        "{error}"
    );
}

#[test]
fn nearly_singular_is_still_positive_definite() {
    // Exact in binary: 1 + 2⁻⁵⁰ minus 1.
    let tiny = 2.0_f64.powi(-50);
    let a = array![[1.0, 1.0], [1.0, 1.0 + tiny]];
    let factored = Cholesky::new("a", a.view()).unwrap();
    assert_eq!(factored.lower(), array![[1.0, 0.0], [1.0, tiny.sqrt()]]);
    assert_eq!(factored.log_det(), 2.0 * tiny.sqrt().ln());
    assert!(Cholesky::new("a", array![[1.0, 1.0], [1.0, 1.0]].view()).is_err());
}

#[test]
fn extreme_scales_are_factored() {
    for scale in [2.0_f64.powi(1000), 2.0_f64.powi(-1000)] {
        let a = array![[4.0, 2.0], [2.0, 5.0]] * scale;
        let factored = Cholesky::new("a", a.view()).unwrap();
        assert_eq!(factored.lower(), array![[2.0, 0.0], [1.0, 2.0]] * scale.sqrt());
        assert_close(factored.log_det(), 16.0_f64.ln() + 2.0 * scale.ln(), 1e-12);
    }
}

#[test]
fn strides_do_not_change_the_bits() {
    let a = positive_definite(37, 3);
    let wide = spread(&a);
    let b = scattered(37, 5, 4);
    let expected = Cholesky::new("a", a.view()).unwrap();
    for view in [a.t(), wide.slice(s![..;2, ..;3])] {
        let factored = Cholesky::new("a", view).unwrap();
        assert_eq!(factored.lower(), expected.lower());
    }
    // Right-hand sides: transposed, spread, reversed; within rounding, as libraries order sums by memory layout.
    let x = expected.solve(b.view());
    let b_columns = b.t().to_owned();
    let b_wide = spread(&b);
    for view in [b_columns.t(), b_wide.slice(s![..;2, ..;3])] {
        let scale = norm(expected.inverse().view()) * norm(b.view());
        assert_within(expected.solve(view).view(), x.view(), 37, scale);
    }
    let mut kept = spread(&b);
    expected.solve_in_place(kept.slice_mut(s![..;2, ..;3]));
    assert_within(
        kept.slice(s![..;2, ..;3]),
        x.view(),
        37,
        norm(expected.inverse().view()) * norm(b.view()),
    );
    assert!(
        kept.slice(s![1..;2, ..]).iter().all(|entry| entry.is_nan()),
        "entries outside the view were written"
    );
}

#[test]
fn rounding_asymmetry_is_averaged_and_more_is_refused() {
    let a = array![[2.0, 1.0 + 1e-11], [1.0 - 1e-11, 2.0]];
    let factored = Cholesky::new("a", a.view()).unwrap();
    assert_eq!(
        factored.lower(),
        Cholesky::new("a", array![[2.0, 1.0], [1.0, 2.0]].view())
            .unwrap()
            .lower()
    );
    let error = Cholesky::new("a", array![[2.0, 1.0], [1.0 + 1e-9, 2.0]].view()).unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }));
    assert!(
        error
            .to_string()
            .starts_with("`a[1, 0]` is 1.000000001, but must be within"),
        "{error}"
    );
    let huge = array![[f64::MAX, f64::MAX], [-f64::MAX, f64::MAX]];
    assert!(
        Cholesky::new("a", huge.view())
            .unwrap_err()
            .to_string()
            .contains("symmetric")
    );
}

#[test]
fn non_finite_right_hand_sides_come_out_as_such() {
    let factored = Cholesky::new("a", array![[4.0, 2.0], [2.0, 5.0]].view()).unwrap();
    assert!(
        factored
            .solve_vector(array![f64::NAN, 1.0].view())
            .iter()
            .all(|entry| entry.is_nan())
    );
    assert_eq!(factored.solve(Array2::zeros((2, 0)).view()).dim(), (2, 0));
}

#[test]
#[should_panic(expected = "the right-hand side has shape [3, 1], but the factored matrix is 2 × 2")]
fn a_right_hand_side_of_the_wrong_shape_is_a_bug() {
    let factored = Cholesky::new("a", array![[4.0, 2.0], [2.0, 5.0]].view()).unwrap();
    factored.solve(Array2::zeros((3, 1)).view());
}

//! The thin singular value decomposition: by hand, against the eigenvalues it must agree with, and by its laws.

use crate::common::{THRESHOLD, assert_close, assert_within, hilbert, norm, scattered, spread};
use gibbsian_linalg::{Svd, SymmetricEigen, matmul};
use ndarray::{Array2, ArrayView2, array, s};

/// UᵀU = VᵀV = I, A = U diag(σ) Vᵀ, descending order, nothing negative, and the sign rule.
#[track_caller]
fn assert_decomposes(a: ArrayView2<'_, f64>) -> Svd {
    let svd = Svd::new("a", a).unwrap();
    let (m, n) = a.dim();
    let (larger, p) = (m.max(n), m.min(n));
    let (left, values, right) = (svd.left(), svd.values(), svd.right_transposed());
    assert_eq!((left.dim(), values.len(), right.dim()), ((m, p), p, (p, n)));
    assert_within(matmul(left.t(), left).view(), Array2::eye(p).view(), larger, 1.0);
    assert_within(
        matmul(right, right.t()).view(),
        Array2::eye(p).view(),
        larger,
        1.0,
    );
    assert_within(
        matmul((&left * &values).view(), right).view(),
        a,
        larger,
        norm(a).max(norm(a.t())),
    );
    assert!(
        values
            .iter()
            .zip(values.iter().skip(1))
            .all(|(high, low)| high >= low),
        "not descending: {values}"
    );
    assert!(values[p - 1] >= 0.0);
    for vector in left.columns() {
        let largest = vector
            .iter()
            .fold(0.0, |best: f64, &x| if x.abs() > best.abs() { x } else { best });
        assert!(largest > 0.0, "the largest entry is negative: {vector}");
    }
    svd
}

#[test]
fn two_rows_by_hand() {
    // AᵀA = [[25, 20], [20, 25]], with eigenvalues 45 and 5.
    let svd = assert_decomposes(array![[3.0, 0.0], [4.0, 5.0]].view());
    let allowed = THRESHOLD * 2.0 * f64::EPSILON * 9.0;
    assert_close(svd.values()[0], 45.0_f64.sqrt(), allowed);
    assert_close(svd.values()[1], 5.0_f64.sqrt(), allowed);
    assert_close(svd.condition_number(), 3.0, allowed);
    // One row: σ is its length, U is 1, V its direction.
    let svd = assert_decomposes(array![[3.0, 0.0, -4.0]].view());
    assert_eq!(svd.left(), array![[1.0]]);
    assert_within(svd.right_transposed(), array![[0.6, 0.0, -0.8]].view(), 3, 1.0);
}

#[test]
fn tall_wide_square_and_rank_deficient_matrices_obey_the_laws() {
    for (m, n) in [
        (1, 1),
        (1, 9),
        (9, 1),
        (7, 3),
        (3, 7),
        (40, 40),
        (130, 20),
        (20, 130),
    ] {
        assert_decomposes(scattered(m, n, (m * n) as u64).view());
        assert_decomposes(Array2::ones((m, n)).view());
        assert_decomposes(Array2::zeros((m, n)).view());
    }
    assert_decomposes(hilbert(30).view());
}

#[test]
fn singular_values_are_the_sizes_of_symmetric_eigenvalues() {
    let b = scattered(30, 30, 6);
    let a = &b + &b.t();
    let mut sizes = SymmetricEigen::new("a", a.view())
        .unwrap()
        .values()
        .mapv(f64::abs)
        .to_vec();
    sizes.sort_by(|x, y| y.total_cmp(x));
    let svd = Svd::new("a", a.view()).unwrap();
    for (&value, size) in svd.values().iter().zip(sizes) {
        assert_close(value, size, THRESHOLD * 30.0 * f64::EPSILON * norm(a.view()));
    }
}

#[test]
fn condition_numbers_of_hilbert_matrices_are_the_published_ones() {
    // Todd 1954; Higham 2002, table 28.1: κ₂ of order 3 and 5. The smallest value carries κ n ε.
    for (n, published) in [(3, 524.0568), (5, 4.766073e5)] {
        let found = Svd::new("hilbert", hilbert(n).view()).unwrap().condition_number();
        assert_close(found / published, 1.0, 1e-6);
    }
    assert_eq!(
        Svd::new("a", Array2::zeros((2, 2)).view())
            .unwrap()
            .condition_number(),
        f64::INFINITY
    );
}

#[test]
fn extreme_scales_neither_overflow_nor_vanish() {
    let a = array![[3.0, 0.0], [4.0, 5.0]];
    for scale in [2.0_f64.powi(1018), 2.0_f64.powi(-1018)] {
        let svd = Svd::new("a", (&a * scale).view()).unwrap();
        assert_close(
            svd.values()[0] / scale,
            45.0_f64.sqrt(),
            THRESHOLD * 2.0 * f64::EPSILON * 9.0,
        );
        assert_close(
            svd.values()[1] / scale,
            5.0_f64.sqrt(),
            THRESHOLD * 2.0 * f64::EPSILON * 9.0,
        );
    }
}

#[test]
fn strides_do_not_change_the_bits() {
    let a = scattered(11, 6, 3);
    let (columns, wide) = (a.t().to_owned(), spread(&a));
    let expected = Svd::new("a", a.view()).unwrap();
    for view in [columns.t(), wide.slice(s![..;2, ..;3])] {
        let found = Svd::new("a", view).unwrap();
        assert_eq!(found.values(), expected.values());
        assert_eq!(found.left(), expected.left());
        assert_eq!(found.right_transposed(), expected.right_transposed());
    }
}

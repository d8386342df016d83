//! Symmetric eigenvalues: by hand, against closed forms, and by the laws of the decomposition.

use crate::common::{
    THRESHOLD, assert_close, assert_within, hilbert, norm, positive_definite, scattered, spread,
};
use gibbsian_linalg::{SymmetricEigen, matmul};
use ndarray::{Array2, ArrayView2, array, s};
use std::f64::consts::PI;

/// V Vᵀ = I, A V = V Λ, ascending order and the sign rule.
#[track_caller]
fn assert_decomposes(a: ArrayView2<'_, f64>) -> SymmetricEigen {
    let eigen = SymmetricEigen::new("a", a).unwrap();
    let n = a.nrows();
    let (values, vectors) = (eigen.values(), eigen.vectors());
    assert_within(matmul(vectors.t(), vectors).view(), Array2::eye(n).view(), n, 1.0);
    assert_within(matmul(a, vectors).view(), (&vectors * &values).view(), n, norm(a));
    assert!(
        values
            .iter()
            .zip(values.iter().skip(1))
            .all(|(low, high)| low <= high),
        "not ascending: {values}"
    );
    for vector in vectors.columns() {
        let largest = vector
            .iter()
            .fold(0.0, |best: f64, &x| if x.abs() > best.abs() { x } else { best });
        assert!(largest > 0.0, "the largest entry is negative: {vector}");
    }
    eigen
}

#[test]
fn two_and_three_rows_by_hand() {
    let eigen = assert_decomposes(array![[2.0, 1.0], [1.0, 2.0]].view());
    let half = 0.5_f64.sqrt();
    assert_within(
        eigen.vectors().mapv(f64::abs).view(),
        array![[half, half], [half, half]].view(),
        2,
        1.0,
    );
    assert_within(
        eigen.values().insert_axis(ndarray::Axis(0)),
        array![[1.0, 3.0]].view(),
        2,
        3.0,
    );
    // Characteristic polynomial −(λ − 1)(λ − 2)(λ − 4).
    let eigen = assert_decomposes(array![[3.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 3.0]].view());
    for (&found, expected) in eigen.values().iter().zip([1.0, 3.0, 4.0]) {
        assert_close(found, expected, THRESHOLD * 3.0 * f64::EPSILON * 4.0);
    }
    assert_eq!(assert_decomposes(array![[-7.0]].view()).values(), array![-7.0]);
}

#[test]
fn the_path_graph_has_its_known_spectrum() {
    // The second difference with zero boundaries: λₖ = 2 − 2 cos(k π / (n + 1)).
    for n in [4, 31, 64, 150] {
        let a = Array2::from_shape_fn((n, n), |(i, j)| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        let eigen = assert_decomposes(a.view());
        for (k, &value) in eigen.values().iter().enumerate() {
            let expected = 2.0 - 2.0 * ((k + 1) as f64 * PI / (n + 1) as f64).cos();
            assert_close(value, expected, THRESHOLD * n as f64 * f64::EPSILON * 4.0);
        }
    }
}

#[test]
fn general_indefinite_repeated_and_ill_conditioned_matrices_obey_the_laws() {
    for n in [1, 2, 7, 50, 130] {
        let b = scattered(n, n, n as u64);
        assert_decomposes((&b + &b.t()).view());
        assert_decomposes(positive_definite(n, 5).view());
        assert_decomposes(hilbert(n).view());
        assert_decomposes(Array2::eye(n).view());
        assert_decomposes(Array2::zeros((n, n)).view());
        assert_decomposes(Array2::ones((n, n)).view());
    }
}

#[test]
fn extreme_scales_neither_overflow_nor_vanish() {
    let a = array![[3.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 3.0]];
    for scale in [2.0_f64.powi(1020), 2.0_f64.powi(-1020)] {
        let eigen = SymmetricEigen::new("a", (&a * scale).view()).unwrap();
        for (&found, expected) in eigen.values().iter().zip([1.0, 3.0, 4.0]) {
            assert_close(found / scale, expected, THRESHOLD * 3.0 * f64::EPSILON * 4.0);
        }
    }
    // The smallest number there is.
    let eigen = SymmetricEigen::new("a", array![[5e-324, 0.0], [0.0, 0.0]].view()).unwrap();
    assert_eq!(eigen.values(), array![0.0, 5e-324]);
}

#[test]
fn functions_of_a_matrix_square_invert_and_reproduce() {
    let a = positive_definite(20, 9);
    let eigen = SymmetricEigen::new("a", a.view()).unwrap();
    let scale = norm(a.view());
    assert_within(eigen.function(|value| value).view(), a.view(), 20, scale);
    let root = eigen.function(f64::sqrt);
    assert_eq!(root, root.t());
    assert_within(root.dot(&root).view(), a.view(), 20, scale);
    let inverse = eigen.function(|value| value.recip());
    assert_within(
        a.dot(&inverse).view(),
        Array2::eye(20).view(),
        20,
        scale * norm(inverse.view()),
    );
}

#[test]
fn strides_do_not_change_the_bits() {
    let a = positive_definite(23, 2);
    let wide = spread(&a);
    let expected = SymmetricEigen::new("a", a.view()).unwrap();
    for view in [a.t(), wide.slice(s![..;2, ..;3])] {
        let found = SymmetricEigen::new("a", view).unwrap();
        assert_eq!(found.values(), expected.values());
        assert_eq!(found.vectors(), expected.vectors());
    }
}

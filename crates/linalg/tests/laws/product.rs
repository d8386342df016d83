//! The matrix product: exactly on integers, within its error bound on reals, on every layout, on any number of threads.

use crate::common::scattered;
use gibbsian_linalg::{Real, matmul, matmul_here_into, matmul_into};
use ndarray::{Array2, ArrayView2, Axis, array, s};

const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (1, 7, 1),
    (1, 50, 33),
    (33, 50, 1),
    (5, 1, 6),
    (16, 16, 16),
    (17, 31, 47),
    (100, 784, 500),
    (784, 100, 500),
    (3, 40_000, 40),
    (300, 3, 5000),
    (160, 160, 160),
];

/// Small integers, so that every sum is exact in either precision and in any order.
fn integers<T: Real + From<i8>>(rows: usize, columns: usize, seed: u64) -> Array2<T> {
    scattered(rows, columns, seed).mapv(|x| T::from((4.0 * x).round() as i8))
}

/// The product by definition, in integers.
fn by_definition(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    for i in 0..a.nrows() {
        for l in 0..a.ncols() {
            c.row_mut(i).scaled_add(a[(i, l)], &b.row(l));
        }
    }
    c
}

#[test]
fn integers_are_multiplied_exactly_in_every_shape_and_layout() {
    for (m, k, n) in SHAPES {
        let (a, b) = (integers::<f64>(m, k, 1), integers::<f64>(k, n, 2));
        let expected = by_definition(a.view(), b.view());
        let (a_columns, b_columns) = (a.t().to_owned(), b.t().to_owned());
        for a in [a.view(), a_columns.t()] {
            for b in [b.view(), b_columns.t()] {
                assert_eq!(matmul(a, b), expected, "{m} × {k} × {n}");
                let mut columns = Array2::from_elem((n, m), f64::NAN);
                matmul_into(1.0, a, b, 0.0, columns.view_mut().reversed_axes());
                assert_eq!(columns.t(), expected, "{m} × {k} × {n} by columns");
                let single = matmul(a.mapv(|x| x as f32).view(), b.mapv(|x| x as f32).view());
                assert_eq!(single.mapv(f64::from), expected, "{m} × {k} × {n} in f32");
            }
        }
    }
}

#[test]
fn spread_and_reversed_views_are_read_and_written_where_they_are() {
    let (a, b) = (integers::<f64>(9, 8, 1), integers::<f64>(8, 10, 2));
    let expected = by_definition(a.view(), b.view());
    let (a_wide, b_wide) = (crate::common::spread(&a), crate::common::spread(&b));
    let mut c = Array2::from_elem((18, 30), -1.0);
    matmul_into(
        1.0,
        a_wide.slice(s![..;2, ..;3]),
        b_wide.slice(s![..;2, ..;3]),
        0.0,
        c.slice_mut(s![..;2, ..;3]),
    );
    assert_eq!(c.slice(s![..;2, ..;3]), expected);
    assert_eq!(
        c.iter().filter(|&&entry| entry == -1.0).count(),
        18 * 30 - 90 + expected.iter().filter(|&&e| e == -1.0).count()
    );

    let backwards = matmul(a.slice(s![..;-1, ..;-1]), b.slice(s![..;-1, ..]));
    assert_eq!(backwards.slice(s![..;-1, ..]), expected);
    let repeated = array![[1.0, 2.0]];
    let broadcast = repeated.broadcast((3, 2)).unwrap();
    assert_eq!(
        matmul(broadcast, array![[1.0], [10.0]].view()),
        array![[21.0], [21.0], [21.0]]
    );
}

#[test]
fn alpha_and_beta_scale_and_a_zero_beta_forgets() {
    let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[5.0, 6.0], [7.0, 8.0]]);
    let product = array![[19.0, 22.0], [43.0, 50.0]];
    for (alpha, beta) in [(1.0, 1.0), (2.0, -3.0), (-0.5, 0.5), (0.0, 2.0), (1.0, 0.0)] {
        let mut c = array![[1.0, 10.0], [100.0, 1000.0]];
        let expected = alpha * &product + beta * &c;
        matmul_into(alpha, a.view(), b.view(), beta, c.view_mut());
        assert_eq!(c, expected, "alpha {alpha}, beta {beta}");
    }
    let mut c = array![[f64::NAN, f64::INFINITY], [f64::NEG_INFINITY, 0.0]];
    matmul_into(1.0, a.view(), b.view(), 0.0, c.view_mut());
    assert_eq!(c, product);
}

#[test]
fn empty_sides_leave_beta_c_and_empty_results_nothing() {
    let mut c = array![[2.0, 3.0]];
    matmul_into(
        1.0,
        Array2::zeros((1, 0)).view(),
        Array2::zeros((0, 2)).view(),
        0.5,
        c.view_mut(),
    );
    assert_eq!(c, array![[1.0, 1.5]]);
    matmul_into(
        1.0,
        Array2::zeros((1, 0)).view(),
        Array2::zeros((0, 2)).view(),
        0.0,
        c.view_mut(),
    );
    assert_eq!(c, array![[0.0, 0.0]]);
    assert_eq!(
        matmul(Array2::<f32>::zeros((0, 4)).view(), Array2::zeros((4, 3)).view()).dim(),
        (0, 3)
    );
}

#[test]
fn non_finite_entries_reach_their_row_and_column_and_no_other() {
    for value in [f64::NAN, f64::INFINITY] {
        let mut a = integers::<f64>(70, 90, 1).mapv(|x| x + 10.0);
        let b = integers::<f64>(90, 50, 2).mapv(|x| x + 10.0);
        let clean = matmul(a.view(), b.view());
        a[(37, 11)] = value;
        let c = matmul(a.view(), b.view());
        for (i, row) in c.axis_iter(Axis(0)).enumerate() {
            if i == 37 {
                assert!(row.iter().all(|entry| !entry.is_finite()));
            } else {
                assert_eq!(row, clean.row(i));
            }
        }
    }
}

#[test]
fn rounding_stays_within_the_bound_of_the_inner_product() {
    // |error| ≤ (k + 2) ε |A| |B|; single precision is compared with double.
    for (m, k, n) in SHAPES {
        let (a, b) = (scattered(m, k, 1), scattered(k, n, 2));
        let (a_single, b_single) = (a.mapv(|x| x as f32), b.mapv(|x| x as f32));
        let found = matmul(a_single.view(), b_single.view());
        let (a, b) = (a_single.mapv(f64::from), b_single.mapv(f64::from));
        let exact = matmul(a.view(), b.view());
        let sizes = matmul(a.mapv(f64::abs).view(), b.mapv(f64::abs).view());
        for ((index, &found), &exact) in found.indexed_iter().zip(&exact) {
            let allowed = (k + 2) as f64 * f64::from(f32::EPSILON) * sizes[index];
            assert!(
                (f64::from(found) - exact).abs() <= allowed,
                "{m} × {k} × {n} at {index:?}"
            );
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn check<T: Real + std::fmt::Debug>(convert: impl Fn(f64) -> T + Copy + Sync) {
        for (m, k, n) in SHAPES {
            let (a, b) = (scattered(m, k, 3).mapv(convert), scattered(n, k, 4).mapv(convert));
            let (half, quarter) = (convert(0.5), convert(0.25));
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                let mut c = scattered(m, n, 5).mapv(convert);
                pool.install(|| matmul_into(half, a.view(), b.t(), quarter, c.view_mut()));
                c
            };
            let one = on(1);
            for threads in [2, 3, 4, 8] {
                assert_eq!(on(threads), one, "{m} × {k} × {n} on {threads} threads");
            }
        }
    }
    check(|x| x as f32);
    check(|x| x);
}

#[test]
#[should_panic(expected = "the product of shapes [2, 3] and [4, 5] does not fit into shape [2, 5]")]
fn shapes_that_do_not_fit_are_a_bug() {
    matmul(Array2::<f64>::zeros((2, 3)).view(), Array2::zeros((4, 5)).view());
}

#[test]
fn a_product_that_stays_on_its_thread_is_the_same_product() {
    for (m, k, n) in SHAPES {
        let (a, b) = (integers::<f64>(m, k, 1), integers::<f64>(k, n, 2));
        let mut c = Array2::ones((m, n));
        matmul_here_into(2.0, a.view(), b.view(), 1.0, c.view_mut());
        assert_eq!(
            c,
            2.0 * by_definition(a.view(), b.view()) + 1.0,
            "{m} × {k} × {n}"
        );
    }
}

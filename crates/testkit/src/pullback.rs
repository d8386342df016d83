//! Laws of every function that adds a sum over rows to a gradient.
//!
//! A pullback adds `Σ_b f(row_b)` to an array of the caller. Overwriting instead of adding, a buffer that keeps the
//! previous sum, a block left out, or partial sums added in the order in which threads finish are invisible to one
//! call on a small batch with a gradient of zeros, which is all that a comparison with differences sees.

use gibbsian_core::{Seed, parallel::BLOCK_ROWS};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, s};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::agreement::{close, identical, largest};
use crate::differences::Precision;
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// A function that adds a sum over the rows of its first argument to its second.
pub type RowPullback<'a> = &'a (dyn Fn(ArrayView2<f64>, ArrayViewMut1<f64>) + Sync);

/// Checks that `pullback` adds to the gradient, keeps nothing between calls, is the sum over its rows for batches
/// longer than a block, accepts every memory layout, and gives the same bits on any number of threads; returns the
/// gradient.
///
/// A pullback of several row-wise arguments (points, directions, cotangents) is checked by laying them side by side
/// in `rows`.
///
/// # Errors
/// The first of these laws that does not hold.
pub fn row_pullback(
    rows: ArrayView2<f64>,
    n_params: usize,
    pullback: RowPullback,
    precision: Precision,
) -> Result<Array1<f64>, Failure> {
    let of = |rows: ArrayView2<f64>| {
        let mut grad = Array1::zeros(n_params);
        pullback(rows, grad.view_mut());
        grad
    };
    let grad = of(rows);
    identical("a second call gives the same gradient", &of(rows), &grad)?;
    require(
        of(rows.slice(s![..0, ..])).iter().all(|&g| g == 0.0),
        "an empty batch adds nothing",
        "",
    )?;

    adds(rows, &grad, pullback, precision)?;
    sums_rows(rows, &grad, &of, precision)?;
    Ok(grad)
}

/// The gradient is added to what is there, also through a view with strides.
fn adds(rows: ArrayView2<f64>, grad: &Array1<f64>, pullback: RowPullback, precision: Precision) -> Verdict {
    let n = grad.len();
    // Of the gradient's own size, so that neither drowns the other.
    let size = largest(grad).max(1e-3);
    let before = normals("gradient", (2 * n, 1)).remove_axis(Axis(1)) * size;
    let mut host = before.clone();
    pullback(rows, host.slice_mut(s![..n]));
    let added = &host.slice(s![..n]) - &before.slice(s![..n]);
    close(
        "a pullback adds to the gradient",
        &added,
        grad,
        precision.agreement(),
    )?;

    let mut host = before.clone();
    pullback(rows, host.slice_mut(s![..;2]));
    let added = &host - &before;
    close(
        "a gradient view with strides is added to",
        &added.slice(s![..;2]),
        &grad.view(),
        precision.agreement(),
    )?;
    require(
        added.slice(s![1..;2]).iter().all(|&a| a == 0.0),
        "nothing is written beside a gradient view",
        format_args!("{added}"),
    )
}

/// A batch gives the sum of its rows, however long it is and however it lies in memory.
fn sums_rows(
    rows: ArrayView2<f64>,
    grad: &Array1<f64>,
    of: &(dyn Fn(ArrayView2<f64>) -> Array1<f64> + Sync),
    precision: Precision,
) -> Verdict {
    let single: Vec<Array1<f64>> = rows.axis_chunks_iter(Axis(0), 1).map(of).collect();
    // Rows may cancel, so the scale of the comparison is the size of the terms.
    let size = single.iter().fold(0.0, |m: f64, g| m.max(largest(g)));
    let compare = |law: &str, found: Array1<f64>, n: usize| {
        let mut expected = Array1::zeros(grad.len());
        for k in 0..n {
            expected += &single[k % single.len()];
        }
        let scale = (size * n as f64).max(f64::MIN_POSITIVE);
        close(
            law,
            &((found - &expected) / scale + 1.0),
            &Array1::ones(grad.len()),
            precision.agreement(),
        )
    };
    let n = rows.nrows();
    compare(
        "the gradient of a batch is the sum over its rows",
        grad.clone(),
        n,
    )?;

    let n_long = 3 * BLOCK_ROWS + 5;
    let long = Array2::from_shape_fn((n_long, rows.ncols()), |(b, i)| rows[[b % n, i]]);
    compare(
        "the gradient of a long batch is the sum over its rows",
        of(long.view()),
        n_long,
    )?;
    threads::same_on_any_number("the gradient has the same bits", || of(long.view()))?;

    let mut spread = Array2::from_elem((2 * n + 1, 3 * rows.ncols() + 1), f64::NAN);
    spread.slice_mut(s![1..;2, 1..;3]).assign(&rows);
    compare(
        "a batch with strides gives the same gradient",
        of(spread.slice(s![1..;2, 1..;3])),
        n,
    )?;
    let column_major = rows.t().as_standard_layout().into_owned();
    compare(
        "a column-major batch gives the same gradient",
        of(column_major.t()),
        n,
    )
}

/// Fixed standard normal draws: generic directions and cotangents.
pub fn normals(name: &str, shape: (usize, usize)) -> Array2<f64> {
    let mut rng = Seed::new(0).child("testkit").child(name).rng();
    Array2::from_shape_simple_fn(shape, || rng.sample(StandardNormal))
}

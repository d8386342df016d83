//! Laws of every function that maps rows to rows.
//!
//! Energies, scores and products treat rows as samples: a row's value depends on that row alone, wherever it lies in
//! memory and whatever its neighbours are. Blocked, vectorised and parallel code breaks this in its tails, its
//! buffers and its assumptions about strides, so the laws are checked on batches that are longer than a block, on
//! views of every layout, and with foreign rows set to NaN. Arrays around a view are filled with NaN as well: whoever
//! reads past a view shows it.

use gibbsian_core::parallel::BLOCK_ROWS;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};

use crate::agreement::{close, identical};
use crate::differences::Precision;
use crate::threads;
use crate::verdict::{Verdict, require};

/// A function that fills one output row from each input row.
pub type RowMap<'a> = &'a (dyn Fn(ArrayView2<f64>, ArrayViewMut2<f64>) + Sync);

/// Checks that `map`, from the rows of `x` to rows of `width` numbers, overwrites its output, is deterministic,
/// treats rows independently, accepts empty batches and every memory layout, confines NaN to its row, and does not
/// depend on the number of threads.
///
/// A function of several row-wise arguments is checked by laying them side by side in `x`.
///
/// # Errors
/// The first of these laws that does not hold.
pub fn row_map(x: ArrayView2<f64>, width: usize, map: RowMap, precision: Precision) -> Verdict {
    local_row_map(x, width, map, precision)?;
    nan_shows(x, width, map)
}

/// Checks the same of a `map` that need not look at every coordinate, so that a NaN need not show.
///
/// # Errors
/// The first law that does not hold.
pub fn local_row_map(x: ArrayView2<f64>, width: usize, map: RowMap, precision: Precision) -> Verdict {
    let tolerance = precision.agreement();
    let apply = |x: ArrayView2<f64>| {
        let mut out = Array2::from_elem((x.nrows(), width), f64::NAN);
        map(x, out.view_mut());
        out
    };
    let expected = apply(x);
    require(
        x.nrows() >= 2 && expected.iter().all(|v| !v.is_nan()),
        "probes are at least two rows without NaN in their values",
        format_args!("values {expected}"),
    )?;

    let mut again = Array2::from_elem(expected.raw_dim(), 7.0);
    map(x, again.view_mut());
    identical(
        "the output is overwritten, and the same each time",
        &again,
        &expected,
    )?;
    require(
        apply(x.slice(s![..0, ..])).is_empty(),
        "an empty batch gives an empty result",
        "",
    )?;

    for (b, row) in x.axis_chunks_iter(Axis(0), 1).enumerate() {
        let alone = apply(row);
        close(
            "a row alone has the value it has in a batch",
            &alone,
            &expected.slice(s![b..=b, ..]),
            tolerance,
        )
        .map_err(|f| f.within(format_args!("row {b}")))?;
    }

    // A few blocks and an odd tail.
    let long = repeat(x, 3 * BLOCK_ROWS + 5);
    close(
        "a long batch has the values of its rows",
        &apply(long.view()),
        &repeat(expected.view(), long.nrows()),
        tolerance,
    )?;
    threads::same_on_any_number("the values have the same bits", || apply(long.view()).into_flat())?;

    layouts(x, &expected, &apply, tolerance)?;
    strided_output(x, &expected, map, tolerance)?;
    nan_stays_in_its_row(x, &expected, &apply, tolerance)
}

/// The same rows seen through column-major, spread, and reversed views.
fn layouts(
    x: ArrayView2<f64>,
    expected: &Array2<f64>,
    apply: &dyn Fn(ArrayView2<f64>) -> Array2<f64>,
    tolerance: f64,
) -> Verdict {
    let (n, d) = x.dim();
    let mut column_major = Array2::zeros((n, d).f());
    column_major.assign(&x);
    close(
        "a column-major batch has the same values",
        &apply(column_major.view()),
        expected,
        tolerance,
    )?;

    let mut spread = Array2::from_elem((2 * n + 1, 3 * d + 1), f64::NAN);
    spread.slice_mut(s![1..;2, 1..;3]).assign(&x);
    close(
        "a view with strides has the same values",
        &apply(spread.slice(s![1..;2, 1..;3])),
        expected,
        tolerance,
    )?;

    let reversed = apply(x.slice(s![..;-1, ..]));
    close(
        "a reversed batch has reversed values",
        &reversed.slice(s![..;-1, ..]),
        &expected.view(),
        tolerance,
    )?;

    let mut mirrored = Array2::zeros((n, d));
    mirrored.slice_mut(s![.., ..;-1]).assign(&x);
    close(
        "a batch with a negative column stride has the same values",
        &apply(mirrored.slice(s![.., ..;-1])),
        expected,
        tolerance,
    )
}

/// The result written into a view with strides, and nothing written beside it.
fn strided_output(x: ArrayView2<f64>, expected: &Array2<f64>, map: RowMap, tolerance: f64) -> Verdict {
    let (n, width) = expected.dim();
    let mut host = Array2::from_elem((2 * n, 2 * width), 0.25);
    map(x, host.slice_mut(s![..;2, ..;2]));
    close(
        "an output with strides has the same values",
        &host.slice(s![..;2, ..;2]),
        &expected.view(),
        tolerance,
    )?;
    let beside = host
        .slice(s![1..;2, ..])
        .iter()
        .chain(host.slice(s![.., 1..;2]))
        .all(|&v| v == 0.25);
    require(
        beside,
        "nothing is written beside an output view",
        format_args!("{host}"),
    )
}

/// Batches in which one coordinate of one row is NaN, with the row and the coordinate.
fn spoilt(x: ArrayView2<'_, f64>) -> impl Iterator<Item = (usize, usize, Array2<f64>)> + '_ {
    const MOST_COORDINATES: usize = 8;
    let every = x.ncols().div_ceil(MOST_COORDINATES).max(1);
    (0..x.ncols()).step_by(every).map(move |i| {
        let row = i % x.nrows();
        let mut spoilt = x.to_owned();
        spoilt[[row, i]] = f64::NAN;
        (row, i, spoilt)
    })
}

fn nan_stays_in_its_row(
    x: ArrayView2<f64>,
    expected: &Array2<f64>,
    apply: &dyn Fn(ArrayView2<f64>) -> Array2<f64>,
    tolerance: f64,
) -> Verdict {
    for (row, i, x) in spoilt(x) {
        let mut others = apply(x.view());
        others.row_mut(row).assign(&expected.row(row));
        close("NaN stays in its row", &others, expected, tolerance)
            .map_err(|f| f.within(format_args!("NaN in row {row}, coordinate {i}")))?;
    }
    Ok(())
}

fn nan_shows(x: ArrayView2<f64>, width: usize, map: RowMap) -> Verdict {
    for (row, i, x) in spoilt(x) {
        let mut found = Array2::zeros((x.nrows(), width));
        map(x.view(), found.view_mut());
        require(
            found.row(row).iter().any(|v| v.is_nan()),
            "NaN in gives NaN out",
            format_args!("the value is {}", found.row(row)),
        )
        .map_err(|f| f.within(format_args!("NaN in row {row}, coordinate {i}")))?;
    }
    Ok(())
}

/// The rows of `x` again and again, `n` in all.
fn repeat(x: ArrayView2<f64>, n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, x.ncols()), |(b, i)| x[[b % x.nrows(), i]])
}

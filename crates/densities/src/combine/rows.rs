//! Rows in parallel: what the models of this module have in common as programs.

use std::ops::Range;

use gibbsian_core::parallel;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

/// Calls `f(x_b, out_b)` for every row, in parallel blocks; `f` sees contiguous rows whatever the layout of the arrays.
///
/// `f` must overwrite its output.
///
/// # Panics
/// When the arrays have different numbers of rows, or `x` has not `dim` columns.
pub(super) fn map_rows(
    dim: usize,
    x: ArrayView2<f64>,
    out: ArrayViewMut2<f64>,
    f: impl Fn(&[f64], &mut [f64]) + Sync + Send,
) {
    assert!(
        x.ncols() == dim && x.nrows() == out.nrows(),
        "x has shape {:?} and out has shape {:?}, but a space of dimension {dim} needs (B, {dim}) and B rows",
        x.shape(),
        out.shape(),
    );
    parallel::for_each_block(out, |block, mut out| {
        let rows = contiguous(x, parallel::block_rows(block, x.nrows()));
        let mut result = vec![0.0; out.ncols()];
        for (x, mut out) in rows.rows().into_iter().zip(out.rows_mut()) {
            f(x.to_slice().expect("rows are contiguous"), &mut result);
            out.iter_mut().zip(&result).for_each(|(out, &v)| *out = v);
        }
    });
}

/// Adds to `grad` what `f(rows, buffer)` adds to its buffer for each block of rows.
///
/// Blocks are gathered into at most `GROUPS` runs with a buffer each, which are added in order. The cut depends on the number of rows alone,
/// and so do the bits of the sum; a buffer a block would need more memory than the model itself many times over.
pub(super) fn add_gradients(
    n_rows: usize,
    mut grad: ArrayViewMut1<f64>,
    f: impl Fn(Range<usize>, &mut [f64]) + Sync + Send,
) {
    const GROUPS: usize = 16;
    let n_blocks = n_rows.div_ceil(parallel::BLOCK_ROWS);
    let group = n_blocks.div_ceil(GROUPS).max(1);
    let mut sums = Array2::zeros((n_blocks.div_ceil(group), grad.len()));
    parallel::map_each(sums.axis_iter_mut(Axis(0)).collect(), |g, mut buffer| {
        let buffer = buffer.as_slice_mut().expect("rows of a new array are contiguous");
        for block in g * group..((g + 1) * group).min(n_blocks) {
            f(parallel::block_rows(block, n_rows), buffer);
        }
    });
    for sum in sums.rows() {
        grad += &sum;
    }
}

/// Where an energy became NaN although its row of `x` has none, numbers have overflowed on the way: such points have no density.
pub(super) fn without_density(x: ArrayView2<f64>, mut energies: ArrayViewMut1<f64>) {
    for (e, x) in energies.iter_mut().zip(x.rows()) {
        if e.is_nan() && !x.iter().any(|x| x.is_nan()) {
            *e = f64::INFINITY;
        }
    }
}

/// Some rows of `x`, contiguous and in order.
pub(super) fn contiguous(x: ArrayView2<'_, f64>, rows: Range<usize>) -> Array2<f64> {
    let x = x.slice(s![rows, ..]);
    Array2::from_shape_vec(x.raw_dim(), x.iter().copied().collect())
        .expect("as many elements as the shape says")
}

/// `a · b`, in an order that does not depend on the machine.
#[inline(always)]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums at once keep the adder busy and fill a vector.
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_blocks, a_tail) = a.as_chunks::<LANES>();
    let (b_blocks, b_tail) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let tail: f64 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) + tail
}

/// `y ← y + a x`.
#[inline(always)]
pub(super) fn add_scaled(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

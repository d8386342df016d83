//! Functions of rows, evaluated over large batches in parallel.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// Numbers of a batch that one task takes: far more work than waking a thread, small enough to stay in a core's own cache.
const TASK: usize = 1 << 15;

/// Calls `f(rows, outputs)` on parts of the batch `x` `(B, D)` and of the outputs, `B` rows each, until all rows are done.
///
/// Every slice that `f` gets holds whole rows one after the other, whatever the strides of the arrays. Halves go to rayon; since each row's
/// outputs depend on that row alone, the cut cannot be seen in the results.
pub(crate) fn for_rows<const N: usize>(
    x: ArrayView2<f64>,
    outputs: [ArrayViewMut2<f64>; N],
    f: &(impl Fn(&[f64], [&mut [f64]; N]) + Sync),
) {
    let n = x.nrows();
    if n > 64.max(TASK / x.ncols().max(1)) {
        // Whole tiles of points on the left.
        let middle = (n / 2).next_multiple_of(32);
        let (x_left, x_right) = x.split_at(Axis(0), middle);
        let mut right = Vec::with_capacity(N);
        let left = outputs.map(|output| {
            let (left, rest) = output.split_at(Axis(0), middle);
            right.push(rest);
            left
        });
        let mut right = right.into_iter();
        let right = std::array::from_fn(|_| right.next().expect("one half for each output"));
        rayon::join(|| for_rows(x_left, left, f), || for_rows(x_right, right, f));
        return;
    }
    if n == 0 {
        return;
    }
    let x = x.as_standard_layout();
    let rows = x.as_slice().expect("standard layout");
    let mut outputs = outputs;
    let mut spare: [Vec<f64>; N] = std::array::from_fn(|i| {
        let direct = outputs[i].is_standard_layout();
        if direct {
            Vec::new()
        } else {
            vec![0.0; outputs[i].len()]
        }
    });
    let slices = {
        let mut slices = outputs.each_mut().into_iter().zip(&mut spare);
        std::array::from_fn(|_| {
            let (output, spare) = slices.next().expect("one slice for each output");
            output.as_slice_mut().unwrap_or(spare)
        })
    };
    f(rows, slices);
    for (output, spare) in outputs.iter_mut().zip(&spare) {
        if !output.is_standard_layout() {
            for (to, from) in output.iter_mut().zip(spare) {
                *to = *from;
            }
        }
    }
}

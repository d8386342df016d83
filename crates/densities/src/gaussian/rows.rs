//! Functions of rows, evaluated over large batches in parallel.

use gibbsian_core::parallel::map_each;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// Numbers of a batch that one task takes: far more work than waking a thread, small enough to stay in a core's own cache.
const TASK: usize = 1 << 15;

/// Calls `f(rows, outputs)` on parts of the batch `x` `(B, D)` and of the outputs, `B` rows each, until all rows are done.
///
/// Every slice that `f` gets holds whole rows one after the other, whatever the strides of the arrays. Since each row's outputs depend on that
/// row alone, the cut cannot be seen in the results.
pub(crate) fn for_rows<const N: usize>(
    x: ArrayView2<f64>,
    mut outputs: [ArrayViewMut2<f64>; N],
    f: &(impl Fn(&[f64], [&mut [f64]; N]) + Sync),
) {
    let n = x.nrows();
    let n_tasks = n.div_ceil(64.max(TASK / x.ncols().max(1)));
    match n_tasks {
        0 => {}
        1 => task(x, outputs, f),
        _ => {
            // Tasks of one size, in whole tiles of points.
            let rows = n.div_ceil(n_tasks).next_multiple_of(32);
            let mut pieces = outputs
                .each_mut()
                .map(|output| output.axis_chunks_iter_mut(Axis(0), rows));
            let piece = |x| {
                let outputs = pieces.each_mut().map(|p| p.next().expect("as many as of x"));
                (x, outputs)
            };
            let tasks = x.axis_chunks_iter(Axis(0), rows).map(piece).collect();
            map_each(tasks, |_, (x, outputs)| task(x, outputs, f));
        }
    }
}

fn task<const N: usize>(
    x: ArrayView2<f64>,
    mut outputs: [ArrayViewMut2<f64>; N],
    f: &(impl Fn(&[f64], [&mut [f64]; N]) + Sync),
) {
    let x = x.as_standard_layout();
    let rows = x.as_slice().expect("standard layout");
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

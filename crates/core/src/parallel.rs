//! Fixed blocks of rows, in parallel, with results that do not depend on the number of threads.
//!
//! Work is cut into blocks of [`BLOCK_ROWS`] rows whatever the number of threads; each block has its own random stream and its own
//! partial sum; partial sums are added in block order. A reduction by a work-stealing pool adds in an order that depends on
//! timing, and gave many different bit patterns for one sum when it was tried.
//!
//! The machinery of the pool is compiled once, in this file, and reaches the caller's closure through a pointer: compiled anew for each closure, as
//! parallel iterators are, it was most of the code of some crates. A call through a pointer for each block costs nothing beside a block's work.

use std::ops::Range;
use std::sync::Mutex;

use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

/// The number of rows in a block. It is part of the value of every seeded result.
pub const BLOCK_ROWS: usize = 32;

/// The rows of block number `block` of `n_rows` rows.
pub fn block_rows(block: usize, n_rows: usize) -> Range<usize> {
    block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(n_rows)
}

/// Calls `f(block, rows)` on each block of rows of `out`, in parallel.
pub fn for_each_block(out: ArrayViewMut2<f64>, f: impl Fn(usize, ArrayViewMut2<f64>) + Sync + Send) {
    if out.nrows() > BLOCK_ROWS {
        for_each_of_blocks(out, &f);
    } else if out.nrows() > 0 {
        f(0, out);
    }
}

/// Without the slots of [`map_each`], because steps that allocate nothing call it.
fn for_each_of_blocks(mut out: ArrayViewMut2<f64>, f: &(dyn Fn(usize, ArrayViewMut2<f64>) + Sync)) {
    let blocks = out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).into_par_iter();
    blocks.enumerate().for_each(|(block, rows)| f(block, rows));
}

/// Calls `f(block, rows)` on each block of rows of `out`, in parallel, and returns what it says of each block, in block order: a
/// step that changes chains and counts what it did.
pub fn map_blocks_mut<T: Send>(
    mut out: ArrayViewMut2<f64>,
    f: impl Fn(usize, ArrayViewMut2<f64>) -> T + Sync + Send,
) -> Vec<T> {
    if out.nrows() == 0 {
        return Vec::new();
    }
    if out.nrows() <= BLOCK_ROWS {
        return vec![f(0, out)];
    }
    let blocks = out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).collect();
    map_each(blocks, f)
}

/// The sum over blocks of `f(block, rows)`, evaluated in parallel and added in block order.
pub fn sum_blocks(n_rows: usize, f: impl Fn(usize, Range<usize>) -> f64 + Sync + Send) -> f64 {
    map_blocks(n_rows, f).into_iter().sum()
}

/// The values `f(block, rows)` of all blocks, evaluated in parallel, in block order.
pub fn map_blocks<T: Send>(n_rows: usize, f: impl Fn(usize, Range<usize>) -> T + Sync + Send) -> Vec<T> {
    map_indices(n_rows.div_ceil(BLOCK_ROWS), |block| {
        f(block, block_rows(block, n_rows))
    })
}

/// The values `f(i, part)` of all parts, evaluated in parallel, in their order: parts of arrays that are written, each by one thread.
pub fn map_each<P: Send, T: Send>(parts: Vec<P>, f: impl Fn(usize, P) -> T + Sync) -> Vec<T> {
    let parts = filled(parts);
    map_indices(parts.len(), |i| f(i, taken(&parts[i])))
}

/// The values `f(i)` of all `i < n`, evaluated in parallel, in order.
pub fn map_indices<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if n == 1 {
        return vec![f(0)];
    }
    let values = empty(n);
    for_each_index(n, &|i| put(&values[i], f(i)));
    emptied(values)
}

/// What one thread puts and one takes; no two of them meet there.
type Slot<T> = Mutex<Option<T>>;

const UNSHARED: &str = "a slot is held for a move alone, which cannot panic";

fn empty<T>(n: usize) -> Vec<Slot<T>> {
    (0..n).map(|_| Mutex::new(None)).collect()
}

fn filled<T>(values: Vec<T>) -> Vec<Slot<T>> {
    values.into_iter().map(|value| Mutex::new(Some(value))).collect()
}

fn put<T>(slot: &Slot<T>, value: T) {
    *slot.lock().expect(UNSHARED) = Some(value);
}

fn taken<T>(slot: &Slot<T>) -> T {
    let value = slot.lock().expect(UNSHARED).take();
    value.expect("a slot is filled once and emptied once")
}

fn emptied<T>(slots: Vec<Slot<T>>) -> Vec<T> {
    slots.iter().map(taken).collect()
}

fn for_each_index(n: usize, f: &(dyn Fn(usize) + Sync)) {
    (0..n).into_par_iter().for_each(f);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn sums_have_the_same_bits_on_any_number_of_threads() {
        let x: Vec<f64> = (0..10_007).map(|i| 1.0 / f64::from(i + 1)).collect();
        let sum = || sum_blocks(x.len(), |_, rows| x[rows].iter().sum());
        let bits: Vec<u64> = [1, 2, 3, 4, 8]
            .map(|n| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(n)
                    .build()
                    .unwrap()
                    .install(sum)
                    .to_bits()
            })
            .to_vec();
        assert!(bits.iter().all(|b| *b == bits[0]), "{bits:?}");
    }

    #[test]
    fn every_row_belongs_to_exactly_one_block() {
        for n in [0, 1, BLOCK_ROWS, BLOCK_ROWS + 1, 100] {
            let mut seen = Array2::zeros((n, 1));
            for_each_block(seen.view_mut(), |_, mut rows| rows += 1.0);
            assert_eq!(seen.sum(), n as f64);
            let sizes = map_blocks_mut(seen.view_mut(), |block, mut rows| {
                rows += block as f64;
                rows.nrows()
            });
            assert_eq!(sizes, map_blocks(n, |_, rows| rows.len()));
            for (b, row) in seen.rows().into_iter().enumerate() {
                assert_eq!(row[0], (1 + b / BLOCK_ROWS) as f64);
            }
            assert_eq!(map_blocks(n, |_, rows| rows.len()).iter().sum::<usize>(), n);
        }
    }
}

//! Rows of numbers as masks of 64 bits, and back.

use gibbsian_core::parallel::{BLOCK_ROWS, for_each_block};
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_linalg::kernels::PANEL;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Sets bit `i` of the mask of every row to whether column `first + i` is not zero; returns whether all those are exactly one.
pub(super) fn pack(x: ArrayView2<f64>, first: usize, masks: &mut [u64]) -> bool {
    vectorized(NonZero { x, first, masks })
}

/// Writes bit `i` of `mask(q, row)` into column `64 q + i` of every row, in parallel.
pub(super) fn unpack(x: ArrayViewMut2<f64>, mask: impl Fn(usize, usize) -> u64 + Sync) {
    for_each_block(x, |block, rows| {
        vectorized(Bits {
            x: rows,
            mask: |q, row| mask(q, block * BLOCK_ROWS + row),
        });
    });
}

/// See [`pack`].
struct NonZero<'a> {
    x: ArrayView2<'a, f64>,
    first: usize,
    masks: &'a mut [u64],
}

impl Vectorized for NonZero<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut binary = true;
        for (row, mask) in self.x.rows().into_iter().zip(self.masks) {
            let whole = row.to_slice().and_then(|row| row[self.first..].first_chunk());
            let mut padded = [0.0; PANEL];
            let units: &[f64; PANEL] = match whole {
                Some(units) => units,
                None => {
                    let units = row.iter().skip(self.first);
                    padded.iter_mut().zip(units).for_each(|(to, from)| *to = *from);
                    &padded
                }
            };
            binary &= units
                .iter()
                .fold(true, |all, x| all & ((*x == 0.0) | (*x == 1.0)));
            *mask = units
                .iter()
                .enumerate()
                .fold(0, |mask, (i, x)| mask | u64::from(*x != 0.0) << i);
        }
        binary
    }
}

/// See [`unpack`].
struct Bits<'a, F> {
    x: ArrayViewMut2<'a, f64>,
    mask: F,
}

impl<F: Fn(usize, usize) -> u64> Vectorized for Bits<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        for (b, mut row) in self.x.rows_mut().into_iter().enumerate() {
            if let Some(row) = row.as_slice_mut() {
                let (panels, rest) = row.as_chunks_mut::<PANEL>();
                let n_panels = panels.len();
                for (q, units) in panels.iter_mut().enumerate() {
                    let mask = (self.mask)(q, b);
                    for (i, x) in units.iter_mut().enumerate() {
                        *x = (mask >> i & 1) as f64;
                    }
                }
                if !rest.is_empty() {
                    let mask = (self.mask)(n_panels, b);
                    for (i, x) in rest.iter_mut().enumerate() {
                        *x = (mask >> i & 1) as f64;
                    }
                }
            } else {
                for (j, x) in row.iter_mut().enumerate() {
                    *x = ((self.mask)(j / PANEL, b) >> (j % PANEL) & 1) as f64;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    /// States of 70 units, on a pattern that no row shares with the next.
    fn states(n: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, 70), |(b, j)| f64::from(u8::from((b * 7 + j * j) % 5 < 2)))
    }

    fn packed(x: ArrayView2<f64>) -> (Vec<Vec<u64>>, bool) {
        let mut masks = vec![vec![0; x.nrows()]; 2];
        let binary = masks
            .iter_mut()
            .enumerate()
            .map(|(q, masks)| pack(x, q * PANEL, masks));
        let binary = binary.fold(true, |all, one| all & one);
        (masks, binary)
    }

    #[test]
    fn rows_come_back_from_masks_whatever_their_strides() {
        let x = states(40);
        let by_columns = x.t().as_standard_layout().reversed_axes().to_owned();
        let mut wide = Array2::from_elem((40, 90), 9.0);
        wide.slice_mut(s![.., 10..80]).assign(&x);
        for view in [x.view(), by_columns.view(), wide.slice(s![.., 10..80])] {
            let (masks, binary) = packed(view);
            assert!(binary);
            let mut back = Array2::from_elem((40, 90), 9.0);
            unpack(back.slice_mut(s![.., 10..80]), |q, b| masks[q][b]);
            assert_eq!(back, wide);
            let mut back = Array2::from_elem((70, 40), 9.0);
            unpack(back.view_mut().reversed_axes(), |q, b| masks[q][b]);
            assert_eq!(back.t(), x);
        }
    }

    #[test]
    fn a_mean_is_on_and_not_binary() {
        let mut x = states(3);
        (x[[1, 3]], x[[2, 69]]) = (0.25, 0.5);
        let (masks, binary) = packed(x.view());
        assert!(!binary);
        assert_eq!((masks[0][1] >> 3 & 1, masks[1][2] >> 5 & 1), (1, 1));
    }
}

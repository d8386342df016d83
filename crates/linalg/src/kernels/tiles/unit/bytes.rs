//! Products of bytes by vectors: AVX-512 with VNNI.
//!
//! One instruction adds four products of neighbouring bytes to each of 16 sums, which is a sixteenth of a row of what the matrix unit does at once. The sums are of 32 bits and nothing
//! saturates, so the results are those of the unit.

use std::arch::x86_64::*;

use super::{Operands, PairSums, Sums};
use crate::kernels::tiles::TILE_ROWS;

/// Rows whose sums stay in registers together: with three digits 24 of the 32.
const ROWS_AT_ONCE: usize = 8;

/// That this processor has the instructions.
#[derive(Clone, Copy)]
pub(super) struct Instructions(());

impl Instructions {
    /// Asks the processor.
    pub(super) fn find() -> Option<Self> {
        let are_there = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
        are_there.then_some(Instructions(()))
    }

    #[inline]
    pub(super) fn multiply(self, operands: Operands<'_>, tile_rows: usize, sums: &mut PairSums) {
        let n = operands.n_blocks();
        assert!(tile_rows <= TILE_ROWS, "a tile has room for 16 rows");
        assert!(n == 0 || operands.left.len() >= (n - 1) * operands.stride + 2 * operands.left_digits);
        // Parts of nearly as many rows each: those of one row wait for its sums.
        let n_parts = tile_rows.div_ceil(ROWS_AT_ONCE);
        for (tile, sums) in sums.0.iter_mut().enumerate() {
            for part in 0..n_parts {
                let [first, end] = [part, part + 1].map(|part| part * tile_rows / n_parts);
                let task = Rows {
                    operands,
                    tile,
                    first,
                    sums,
                };
                // SAFETY: the value was made where the processor has both sets; the tiles were checked to be there, and the rows to be in them.
                unsafe {
                    match (operands.left_digits, operands.right_digits) {
                        (1, 2) => task.run::<1, 2>(end - first),
                        (1, 3) => task.run::<1, 3>(end - first),
                        (2, 2) => task.run::<2, 2>(end - first),
                        (left, right) => unreachable!("a product of {left} digits and {right}"),
                    }
                }
            }
        }
    }
}

/// Some rows of one of the two tiles on the left.
struct Rows<'a, 'b> {
    operands: Operands<'a>,
    tile: usize,
    first: usize,
    sums: &'b mut [Sums; 3],
}

impl Rows<'_, '_> {
    /// The loop for this number of rows.
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn run<const LEFT: usize, const RIGHT: usize>(self, n_rows: usize) {
        // SAFETY: the caller vouches for what the loop requires.
        unsafe {
            match n_rows {
                0 => {}
                1 => self.add::<LEFT, RIGHT, 1>(),
                2 => self.add::<LEFT, RIGHT, 2>(),
                3 => self.add::<LEFT, RIGHT, 3>(),
                4 => self.add::<LEFT, RIGHT, 4>(),
                5 => self.add::<LEFT, RIGHT, 5>(),
                6 => self.add::<LEFT, RIGHT, 6>(),
                7 => self.add::<LEFT, RIGHT, 7>(),
                _ => self.add::<LEFT, RIGHT, ROWS_AT_ONCE>(),
            }
        }
    }

    /// Writes the sums of `N` rows, each of `RIGHT` significances.
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn add<const LEFT: usize, const RIGHT: usize, const N: usize>(self) {
        let Operands {
            left, stride, right, ..
        } = self.operands;
        let mut sums = [[_mm512_setzero_si512(); RIGHT]; N];
        for k in 0..self.operands.n_blocks() {
            // SAFETY: so many blocks were checked to be on either side.
            let (left, right) = unsafe {
                (
                    left.as_ptr().add(k * stride + self.tile * LEFT),
                    right.as_ptr().add(k * RIGHT),
                )
            };
            // Four rows of the right matrix, side by side, at a time.
            for line in 0..16 {
                let mut digits = [_mm512_setzero_si512(); RIGHT];
                for (b, digit) in digits.iter_mut().enumerate() {
                    // SAFETY: a tile has 16 lines of 64 bytes.
                    *digit = unsafe { _mm512_load_si512(right.add(b).cast::<__m512i>().add(line)) };
                }
                for (n, sums) in sums.iter_mut().enumerate() {
                    for a in 0..LEFT {
                        // SAFETY: a row of a tile has 16 fours of bytes, and the caller has checked that there are `first + N` rows.
                        let four = unsafe { *left.add(a).cast::<i32>().add(16 * (self.first + n) + line) };
                        let four = _mm512_set1_epi32(four);
                        // Products below the least significant sum are left out.
                        for b in 0..RIGHT - a {
                            sums[a + b] = _mm512_dpbusd_epi32(sums[a + b], four, digits[b]);
                        }
                    }
                }
            }
        }
        for (n, of_row) in sums.into_iter().enumerate() {
            for (out, sum) in self.sums.iter_mut().zip(of_row) {
                let out = &mut out[self.first + n];
                // SAFETY: a row of sums is 16 numbers of 32 bits.
                unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), sum) };
            }
        }
    }
}

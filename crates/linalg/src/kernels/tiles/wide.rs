//! Taking numbers to digits and sums back to numbers with 512-bit vectors, the same results as the plain loops beside their callers.
//!
//! Written with vector types because the compiler, given the plain loops, vectorises across rows and gathers bytes one by one, twenty times slower.

use std::arch::x86_64::*;

use super::panel::{BALANCE, COLUMN_TILES, Pack};
use super::product::Combine;
use super::rows::SetMeans;
use super::{MEAN_DIGITS, ONE, ROUNDER};
use crate::kernels::{Line, PANEL};

/// `(a & b) | c`.
const AND_OR: i32 = 0xEA;

/// The numbers of columns `16 c …` of a line.
#[target_feature(enable = "avx512f")]
#[inline]
fn columns(line: &[f32; PANEL], c: usize) -> __m512 {
    let x = &line[16 * c..16 * c + 16];
    // SAFETY: the slice has 16 numbers.
    unsafe { _mm512_loadu_ps(x.as_ptr()) }
}

/// As [`super::rounded`].
#[target_feature(enable = "avx512f")]
#[inline]
fn rounded(x: __m512, offset: u32) -> __m512i {
    let offset = offset.wrapping_sub(ROUNDER.to_bits()) as i32;
    let rounded = _mm512_castps_si512(_mm512_add_ps(x, _mm512_set1_ps(ROUNDER)));
    _mm512_add_epi32(rounded, _mm512_set1_epi32(offset))
}

/// Writes one block of a panel.
#[target_feature(enable = "avx512f")]
pub(super) fn pack(task: Pack<'_>) {
    let mask = |byte: u32| _mm512_set1_epi32((0xFF_u32 << (8 * byte)) as i32);
    let (m0, m1, m2, m3) = (mask(0), mask(1), mask(2), mask(3));
    let flip = _mm512_set1_epi32(0x8080_8080_u32 as i32);
    for c in 0..COLUMN_TILES {
        let scale = _mm512_mul_ps(columns(&task.scale.0, c), _mm512_set1_ps(task.factor));
        let first = (c * task.n_blocks + task.k) * task.n_digits;
        let tiles = &mut task.tiles[first..first + task.n_digits];
        for r in 0..16 {
            let word = |i: usize| match task.lines.get(4 * r + i) {
                Some(line) => rounded(_mm512_mul_ps(columns(&line.0, c), scale), BALANCE),
                None => _mm512_set1_epi32(BALANCE as i32),
            };
            let [a, b, c, d] = [word(0), word(1), word(2), word(3)];
            // Byte `s` of the four words, the first in the lowest place, for s = 0, 1, 2.
            let s0 = _mm512_slli_epi32::<24>(d);
            let s0 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_slli_epi32::<16>(c), m2, s0);
            let s0 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_slli_epi32::<8>(b), m1, s0);
            let s0 = _mm512_ternarylogic_epi32::<AND_OR>(a, m0, s0);
            let s1 = _mm512_and_si512(_mm512_slli_epi32::<16>(d), m3);
            let s1 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_slli_epi32::<8>(c), m2, s1);
            let s1 = _mm512_ternarylogic_epi32::<AND_OR>(b, m1, s1);
            let s1 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_srli_epi32::<8>(a), m0, s1);
            let s2 = _mm512_and_si512(_mm512_slli_epi32::<8>(d), m3);
            let s2 = _mm512_ternarylogic_epi32::<AND_OR>(c, m2, s2);
            let s2 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_srli_epi32::<8>(b), m1, s2);
            let s2 = _mm512_ternarylogic_epi32::<AND_OR>(_mm512_srli_epi32::<16>(a), m0, s2);
            for (tile, digits) in tiles.iter_mut().rev().zip([s0, s1, s2]) {
                let row = &mut tile.0[64 * r..64 * r + 64];
                // SAFETY: the slice has 64 bytes.
                unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), _mm512_xor_si512(digits, flip)) };
            }
        }
    }
}

/// Raises `largest` to the magnitudes of the columns of some lines.
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn raise(lines: &[Line], factor: f32, largest: &mut Line) {
    for c in 0..COLUMN_TILES {
        let mut most = _mm512_setzero_ps();
        for line in lines {
            most = _mm512_max_ps(_mm512_abs_ps(columns(&line.0, c)), most);
        }
        let most = _mm512_mul_ps(most, _mm512_set1_ps(factor));
        let most = _mm512_max_ps(most, columns(&largest.0, c));
        let out = &mut largest.0[16 * c..16 * c + 16];
        // SAFETY: the slice has 16 numbers.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), most) };
    }
}

/// Writes rows of means.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn set_means(task: SetMeans<'_>) {
    let one = _mm512_set1_ps(ONE);
    let low = _mm512_set1_epi32(0xFF);
    // Packing works inside 128-bit parts and leaves groups of four columns in this order.
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (k, line) in task.lines.iter().enumerate() {
        let row = task.first + k;
        let tiles = &mut task.tiles[row / task.tile_rows * MEAN_DIGITS..][..MEAN_DIGITS];
        let word = |c: usize| rounded(_mm512_mul_ps(columns(&line.0, c), one), 0);
        let words = [word(0), word(1), word(2), word(3)];
        let at = 64 * (row % task.tile_rows);
        for (d, tile) in tiles.iter_mut().enumerate() {
            let shift = _mm_cvtsi32_si128(8 * (MEAN_DIGITS - 1 - d) as i32);
            let digit = |c: usize| _mm512_and_si512(_mm512_srl_epi32(words[c], shift), low);
            let [a, b, c, d] = [digit(0), digit(1), digit(2), digit(3)];
            let packed = _mm512_packus_epi16(_mm512_packus_epi32(a, b), _mm512_packus_epi32(c, d));
            let packed = _mm512_permutexvar_epi32(order, packed);
            let bytes = &mut tile.0[at..at + 64];
            // SAFETY: the slice has 64 bytes.
            unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), packed) };
        }
    }
}

/// Puts the sums of one column tile together.
#[target_feature(enable = "avx512f")]
pub(super) fn combine(task: Combine<'_>) {
    let step = columns(task.step, task.c);
    let start = task.start.map(|start| columns(&start.0, task.c));
    let (high_weight, middle_weight) = (_mm512_set1_ps(65_536.0), _mm512_set1_ps(256.0));
    for (tile, out) in task.sums.0.iter().zip(task.out.chunks_mut(task.tile_rows)) {
        let [high, middle, low] = tile;
        for (m, out) in out.iter_mut().enumerate() {
            // SAFETY: a row of sums is 16 numbers.
            let number =
                |sums: &[i32; 16]| unsafe { _mm512_cvtepi32_ps(_mm512_loadu_si512(sums.as_ptr().cast())) };
            let (high, middle) = (number(&high[m]), number(&middle[m]));
            let sum = if task.n_digits == 2 {
                _mm512_add_ps(_mm512_mul_ps(high, middle_weight), middle)
            } else {
                let lower = _mm512_add_ps(_mm512_mul_ps(middle, middle_weight), number(&low[m]));
                _mm512_add_ps(_mm512_mul_ps(high, high_weight), lower)
            };
            let start = match start {
                Some(start) => start,
                None => columns(&out.0, task.c),
            };
            let x = _mm512_add_ps(start, _mm512_mul_ps(step, sum));
            let out = &mut out.0[16 * task.c..16 * task.c + 16];
            // SAFETY: the slice has 16 numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), x) };
        }
    }
}

//! The transpose of a 64 × 64 tile.
//!
//! Element by element a tile costs as much as the gradient that changed it; by 16 × 16 blocks in vector registers it costs a tenth. Data are
//! only moved, so every path gives the same bits.

use super::{Line, PANEL};

/// Writes the transpose of the tile `from` into `to`: `to[j][i] = from[i][j]`.
///
/// ```
/// use gibbsian_linalg::kernels::{Line, PANEL, transpose};
///
/// let mut from = [Line::ZERO; PANEL];
/// from[3].0[5] = 2.0;
/// let mut to = [Line::ZERO; PANEL];
/// transpose(&from, &mut to);
/// assert_eq!(to[5].0[3], 2.0);
/// ```
pub fn transpose(from: &[Line; PANEL], to: &mut [Line; PANEL]) {
    #[cfg(target_arch = "x86_64")]
    if gibbsian_core::simd::Level::current() == gibbsian_core::simd::Level::Avx512 {
        // SAFETY: this level is current only where the processor has AVX-512 F.
        unsafe { avx512(from, to) };
        return;
    }
    portable(from, to);
}

/// Blocks of 16 × 16 keep both sides in the first-level cache.
fn portable(from: &[Line; PANEL], to: &mut [Line; PANEL]) {
    for i0 in (0..PANEL).step_by(16) {
        for j0 in (0..PANEL).step_by(16) {
            for (i, from) in from.iter().enumerate().skip(i0).take(16) {
                for (j, to) in to.iter_mut().enumerate().skip(j0).take(16) {
                    to.0[i] = from.0[j];
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(from: &[Line; PANEL], to: &mut [Line; PANEL]) {
    use std::arch::x86_64::*;
    for i0 in (0..PANEL).step_by(16) {
        for j0 in (0..PANEL).step_by(16) {
            let mut a = [_mm512_setzero_ps(); 16];
            for (k, a) in a.iter_mut().enumerate() {
                let row: &[f32] = &from[i0 + k].0[j0..j0 + 16];
                // SAFETY: the slice has 16 numbers.
                *a = unsafe { _mm512_loadu_ps(row.as_ptr()) };
            }
            // Pairs, then quadruples of rows are interleaved inside 128-bit parts …
            let mut b = a;
            for k in 0..8 {
                b[2 * k] = _mm512_unpacklo_ps(a[2 * k], a[2 * k + 1]);
                b[2 * k + 1] = _mm512_unpackhi_ps(a[2 * k], a[2 * k + 1]);
            }
            for k in 0..4 {
                let [b0, b1, b2, b3] = [0, 1, 2, 3].map(|r| _mm512_castps_pd(b[4 * k + r]));
                a[4 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(b0, b2));
                a[4 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(b0, b2));
                a[4 * k + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b1, b3));
                a[4 * k + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b1, b3));
            }
            // … then the 128-bit parts themselves are transposed, as a 4 × 4 matrix of parts, in two steps.
            for r in 0..4 {
                let low = _mm512_shuffle_f32x4::<0x88>(a[r], a[4 + r]);
                let high = _mm512_shuffle_f32x4::<0xDD>(a[r], a[4 + r]);
                let low2 = _mm512_shuffle_f32x4::<0x88>(a[8 + r], a[12 + r]);
                let high2 = _mm512_shuffle_f32x4::<0xDD>(a[8 + r], a[12 + r]);
                b[r] = _mm512_shuffle_f32x4::<0x88>(low, low2);
                b[4 + r] = _mm512_shuffle_f32x4::<0x88>(high, high2);
                b[8 + r] = _mm512_shuffle_f32x4::<0xDD>(low, low2);
                b[12 + r] = _mm512_shuffle_f32x4::<0xDD>(high, high2);
            }
            for (k, b) in b.iter().enumerate() {
                let row: &mut [f32] = &mut to[j0 + k].0[i0..i0 + 16];
                // SAFETY: the slice has 16 numbers.
                unsafe { _mm512_storeu_ps(row.as_mut_ptr(), *b) };
            }
        }
    }
}

/// Transposes a 64 × 64 matrix of bits in place: bit `j` of word `i` becomes bit `i` of word `j`.
pub fn transpose_bits(words: &mut [u64; PANEL]) {
    // Quarters of ever smaller squares change places: 32 × 32 ones first, single bits last.
    let mut size = 32;
    let mut low = u64::from(u32::MAX);
    while size > 0 {
        for square in (0..PANEL).step_by(2 * size) {
            for i in square..square + size {
                let moved = (words[i] >> size ^ words[i + size]) & low;
                words[i + size] ^= moved;
                words[i] ^= moved << size;
            }
        }
        size /= 2;
        low ^= low << size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_change_places() {
        let mut words: [u64; PANEL] =
            std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let before = words;
        transpose_bits(&mut words);
        for (i, word) in words.iter().enumerate() {
            for (j, other) in before.iter().enumerate() {
                assert_eq!(word >> j & 1, other >> i & 1, "{i}, {j}");
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        let from: [Line; PANEL] = std::array::from_fn(|i| Line(std::array::from_fn(|j| (64 * i + j) as f32)));
        for f in [transpose, portable] {
            let mut to = [Line::ZERO; PANEL];
            f(&from, &mut to);
            for (i, row) in from.iter().enumerate() {
                let column = to.each_ref().map(|line| line.0[i]);
                assert_eq!(column, row.0, "row {i}");
            }
        }
    }
}

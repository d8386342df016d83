//! The comparisons on the vectors of x86.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::{LANES, Vector, fill};

#[target_feature(enable = "avx512f")]
pub(super) fn avx512<const C: usize>(
    state: &mut [[u64; LANES]; 4],
    classes: [&[u64]; C],
    thresholds: [u64; C],
    out: &mut [u64],
) {
    fill::<__m512i, C>(state, classes, thresholds, out);
}

#[target_feature(enable = "avx2")]
pub(super) fn avx2<const C: usize>(
    state: &mut [[u64; LANES]; 4],
    classes: [&[u64]; C],
    thresholds: [u64; C],
    out: &mut [u64],
) {
    fill::<[__m256i; 2], C>(state, classes, thresholds, out);
}

// SAFETY of this implementation: it is private, and its methods run in `avx512` alone, inlined there. Arrays and vectors of 64 bytes take any bits.
impl Vector for __m512i {
    #[inline(always)]
    fn load(words: &[u64; LANES]) -> Self {
        unsafe { transmute::<[u64; LANES], __m512i>(*words) }
    }

    #[inline(always)]
    fn store(self) -> [u64; LANES] {
        unsafe { transmute::<__m512i, [u64; LANES]>(self) }
    }

    #[inline(always)]
    fn splat(word: u64) -> Self {
        unsafe { _mm512_set1_epi64(word as i64) }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        unsafe { _mm512_and_si512(self, other) }
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        unsafe { _mm512_or_si512(self, other) }
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        unsafe { _mm512_xor_si512(self, other) }
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        unsafe { _mm512_andnot_si512(other, self) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_epi64(self, other) }
    }

    #[inline(always)]
    fn shift_left_17(self) -> Self {
        unsafe { _mm512_slli_epi64::<17>(self) }
    }

    #[inline(always)]
    fn rotate_left_23(self) -> Self {
        unsafe { _mm512_rol_epi64::<23>(self) }
    }

    #[inline(always)]
    fn rotate_left_45(self) -> Self {
        unsafe { _mm512_rol_epi64::<45>(self) }
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        unsafe { _mm512_test_epi64_mask(self, self) == 0 }
    }
}

/// Both halves.
#[inline(always)]
fn halves(f: impl Fn(usize) -> __m256i) -> [__m256i; 2] {
    [f(0), f(1)]
}

// SAFETY of this implementation: as above, in `avx2` alone.
impl Vector for [__m256i; 2] {
    #[inline(always)]
    fn load(words: &[u64; LANES]) -> Self {
        unsafe { transmute::<[u64; LANES], [__m256i; 2]>(*words) }
    }

    #[inline(always)]
    fn store(self) -> [u64; LANES] {
        unsafe { transmute::<[__m256i; 2], [u64; LANES]>(self) }
    }

    #[inline(always)]
    fn splat(word: u64) -> Self {
        halves(|_| unsafe { _mm256_set1_epi64x(word as i64) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        halves(|h| unsafe { _mm256_and_si256(self[h], other[h]) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        halves(|h| unsafe { _mm256_or_si256(self[h], other[h]) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        halves(|h| unsafe { _mm256_xor_si256(self[h], other[h]) })
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        halves(|h| unsafe { _mm256_andnot_si256(other[h], self[h]) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        halves(|h| unsafe { _mm256_add_epi64(self[h], other[h]) })
    }

    #[inline(always)]
    fn shift_left_17(self) -> Self {
        halves(|h| unsafe { _mm256_slli_epi64::<17>(self[h]) })
    }

    #[inline(always)]
    fn rotate_left_23(self) -> Self {
        halves(|h| unsafe {
            _mm256_or_si256(_mm256_slli_epi64::<23>(self[h]), _mm256_srli_epi64::<41>(self[h]))
        })
    }

    #[inline(always)]
    fn rotate_left_45(self) -> Self {
        halves(|h| unsafe {
            _mm256_or_si256(_mm256_slli_epi64::<45>(self[h]), _mm256_srli_epi64::<19>(self[h]))
        })
    }

    #[inline(always)]
    fn is_zero(self) -> bool {
        unsafe {
            let union = _mm256_or_si256(self[0], self[1]);
            _mm256_testz_si256(union, union) == 1
        }
    }
}

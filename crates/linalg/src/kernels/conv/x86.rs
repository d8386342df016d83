//! The kernels, compiled for the vector instructions of x86-64.

use std::arch::x86_64::*;

use super::kernel::{Pass, Vector};
use super::weights::Strip;

macro_rules! vector {
    ($type:ty, $element:ty, $lanes:literal, $pixels:literal, $rows:literal, $splat:ident, $load:ident, $store:ident, $fma:ident) => {
        // SAFETY (of every block below): values of this type are made and used only inside the functions below that are compiled
        // for it, which run only where the instructions exist; what is read and written is the caller's to have.
        impl Vector<$element> for $type {
            const LANES: usize = $lanes;
            const PIXELS: usize = $pixels;
            const ROWS: usize = $rows;

            #[inline(always)]
            fn splat(x: $element) -> Self {
                // SAFETY: as said above.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(x: *const $element) -> Self {
                // SAFETY: as said above.
                unsafe { $load(x) }
            }

            #[inline(always)]
            unsafe fn store(self, x: *mut $element) {
                // SAFETY: as said above.
                unsafe { $store(x, self) }
            }

            #[inline(always)]
            fn plus_product(self, a: Self, b: Self) -> Self {
                // SAFETY: as said above.
                unsafe { $fma(a, b, self) }
            }
        }
    };
}
vector!(
    __m512,
    f32,
    16,
    14,
    8,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps
);
vector!(
    __m512d,
    f64,
    8,
    14,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_fmadd_pd
);
vector!(
    __m256,
    f32,
    8,
    6,
    4,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps
);
vector!(
    __m256d,
    f64,
    4,
    6,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_fmadd_pd
);

macro_rules! compiled {
    ($name:ident, $element:ty, $wide:ty, $narrow:ty) => {
        pub(super) mod $name {
            use super::*;

            #[target_feature(enable = "avx512f")]
            pub(in super::super) fn pass_avx512(pass: Pass<'_, $element>) {
                pass.run::<$wide>();
            }

            #[target_feature(enable = "avx2,fma")]
            pub(in super::super) fn pass_avx2(pass: Pass<'_, $element>) {
                pass.run::<$narrow>();
            }

            #[target_feature(enable = "avx512f")]
            pub(in super::super) fn strip_avx512(strip: Strip<'_, $element>) {
                strip.run::<$wide>();
            }

            #[target_feature(enable = "avx2,fma")]
            pub(in super::super) fn strip_avx2(strip: Strip<'_, $element>) {
                strip.run::<$narrow>();
            }
        }
    };
}
compiled!(single, f32, __m512, __m256);
compiled!(double, f64, __m512d, __m256d);

//! The elementwise loops that the kernels share, at the machine's vector width.
//!
//! Sums go to fixed lanes, which are added in order: the same bits at every width.

use gibbsian_core::simd::{Vectorized, vectorized};

/// Calls `f(x, y)` on the pairs of elements.
pub(crate) fn zip(x: &mut [f64], y: &[f64], f: impl Fn(&mut f64, f64)) {
    struct Zip<'a, F>(&'a mut [f64], &'a [f64], F);
    impl<F: Fn(&mut f64, f64)> Vectorized for Zip<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (x, &y) in self.0.iter_mut().zip(self.1) {
                (self.2)(x, y);
            }
        }
    }
    vectorized(Zip(x, y, f));
}

/// Writes `f(x, y)` of the pairs of elements into `out`.
pub(crate) fn map2(out: &mut [f64], x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) {
    struct Map2<'a, F>(&'a mut [f64], &'a [f64], &'a [f64], F);
    impl<F: Fn(f64, f64) -> f64> Vectorized for Map2<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for ((out, &x), &y) in self.0.iter_mut().zip(self.1).zip(self.2) {
                *out = (self.3)(x, y);
            }
        }
    }
    vectorized(Map2(out, x, y, f));
}

/// Calls `f(x, y)` on the pairs of elements, either of which it may change.
pub(crate) fn zip_mut(x: &mut [f64], y: &mut [f64], f: impl Fn(&mut f64, &mut f64)) {
    struct ZipMut<'a, F>(&'a mut [f64], &'a mut [f64], F);
    impl<F: Fn(&mut f64, &mut f64)> Vectorized for ZipMut<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (x, y) in self.0.iter_mut().zip(self.1) {
                (self.2)(x, y);
            }
        }
    }
    vectorized(ZipMut(x, y, f));
}

/// Writes `Σᵢ f(xᵢ, yᵢ)` over each row of `dim` numbers into `sums`.
pub(crate) fn sum_rows(x: &[f64], y: &[f64], dim: usize, sums: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    struct SumRows<'a, F>(&'a [f64], &'a [f64], usize, &'a mut [f64], F);
    impl<F: Fn(f64, f64) -> f64> Vectorized for SumRows<'_, F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let SumRows(x, y, dim, sums, f) = self;
            for ((x, y), sum) in x.chunks_exact(dim).zip(y.chunks_exact(dim)).zip(sums) {
                *sum = sum_in_lanes(x, y, &f);
            }
        }
    }
    vectorized(SumRows(x, y, dim, sums, f));
}

/// `Σᵢ f(xᵢ, yᵢ)`.
pub(crate) fn sum(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sum = [0.0];
    if !x.is_empty() {
        sum_rows(x, y, x.len(), &mut sum, f);
    }
    sum[0]
}

/// Element i goes to lane i mod 16.
#[inline(always)]
fn sum_in_lanes(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (x_blocks, x_tail) = x.as_chunks::<LANES>();
    let (y_blocks, y_tail) = y.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            sums[lane] += f(x[lane], y[lane]);
        }
    }
    for ((sum, &x), &y) in sums.iter_mut().zip(x_tail).zip(y_tail) {
        *sum += f(x, y);
    }
    sums[..x.len().min(LANES)].iter().sum()
}

/// Whether all numbers are finite.
pub(crate) fn all_finite(x: &[f64]) -> bool {
    // 0 · x is 0 for finite x and NaN for all others, and a NaN stays in the sum.
    sum(x, x, |x, _| 0.0 * x) == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_take_every_element_once() {
        for n in 0..100 {
            let x: Vec<f64> = (0..n).map(|i| f64::from(1 << (i % 20))).collect();
            let y = vec![2.0; x.len()];
            assert_eq!(sum(&x, &y, |x, y| x * y), 2.0 * x.iter().sum::<f64>(), "{n}");
            for dim in 1..=n as usize {
                let mut sums = vec![-1.0; x.len() / dim];
                sum_rows(&x, &y, dim, &mut sums, |x, y| x * y);
                let expected: Vec<f64> = x.chunks_exact(dim).map(|x| 2.0 * x.iter().sum::<f64>()).collect();
                assert_eq!(sums, expected);
            }
        }
    }

    #[test]
    fn one_number_that_is_none_is_found_anywhere() {
        for n in [1, 15, 16, 17, 40] {
            assert!(all_finite(&vec![-1e308; n]));
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                for i in 0..n {
                    let mut x = vec![1e308; n];
                    x[i] = bad;
                    assert!(!all_finite(&x));
                }
            }
        }
    }
}

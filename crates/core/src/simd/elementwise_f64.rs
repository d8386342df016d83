//! The exponential of `f64` slices and of arrays in vector loops.
//!
//! The reduction of the `f32` kernels in double precision: x = n ln 2 + r with |r| ≤ ½ ln 2, e^r − 1 from a polynomial, 2ⁿ put into the
//! exponent bits. Two things differ. Shifting 64-bit integers arithmetically needs AVX-512, so 2ⁿ is halved while n is still a float. And there is
//! a form for one array, [`exp_lanes`], always inlined, so that a loop that runs under [`vectorized`](super::vectorized)
//! in another crate is compiled with it, at the level of that loop.

use super::level::{Executable, multiversion};

/// Elements handled together: a whole number of vectors at every level.
const BLOCK: usize = 32;

/// eˣ of each element, relative error at most 1.5 × 2⁻⁵³ where the result is a normal number.
///
/// Overflow gives +∞, underflow goes through the subnormal numbers to 0; −∞ gives 0, +∞ gives +∞, NaN gives NaN. The bits are the same on every
/// machine, which those of the standard library are not.
///
/// # Panics
/// If the slices differ in length.
///
/// ```
/// use gibbsian_core::simd;
/// let mut y = [0.0; 3];
/// simd::exp_f64(&[0.0, 1000.0, f64::NEG_INFINITY], &mut y);
/// assert_eq!(y, [1.0, f64::INFINITY, 0.0]);
/// ```
pub fn exp_f64(x: &[f64], out: &mut [f64]) {
    let (n, found) = (x.len(), out.len());
    assert_eq!(found, n, "`out` has {found} elements for {n} of `x`");
    exp_into(Executable::current(), x, out);
}

/// [`exp_f64`] in place.
pub fn exp_f64_in_place(x: &mut [f64]) {
    exp_in_place(Executable::current(), x);
}

/// [`exp_f64`] of one array in place, for use within a [`Vectorized`](super::Vectorized) computation.
///
/// It is always inlined and compiled for the vectors of its caller; outside [`vectorized`](super::vectorized) that is the narrowest level. The bits are
/// those of [`exp_f64`]. Sixteen or thirty-two lanes hide the latency of the polynomial.
#[inline(always)]
pub fn exp_lanes<const N: usize>(x: &mut [f64; N]) {
    for x in x {
        *x = exp(*x);
    }
}

multiversion! {
    fn exp_into(x: &[f64], out: &mut [f64]) = |x: &[f64], out: &mut [f64]| {
        let (x_blocks, x_tail) = x.as_chunks::<BLOCK>();
        let (out_blocks, out_tail) = out.as_chunks_mut::<BLOCK>();
        for (x, out) in x_blocks.iter().zip(out_blocks) {
            for i in 0..BLOCK {
                out[i] = exp(x[i]);
            }
        }
        for (&x, out) in x_tail.iter().zip(out_tail) {
            *out = exp(x);
        }
    };
}

multiversion! {
    fn exp_in_place(x: &mut [f64]) = |x: &mut [f64]| {
        let (blocks, tail) = x.as_chunks_mut::<BLOCK>();
        for block in blocks {
            exp_lanes(block);
        }
        for x in tail {
            *x = exp(*x);
        }
    };
}

/// eˣ.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding 1.5 · 2⁵² leaves the nearest integer in the low bits of the significand.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // ln 2 in two parts; the first has 32 significant bits, so that its product with n is exact.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Beyond these bounds the result is +∞ or 0 anyway; comparisons with NaN are false and let it through.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let n = (x * std::f64::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut q = EXP_TAIL[EXP_TAIL.len() - 1];
    for k in (0..EXP_TAIL.len() - 1).rev() {
        q = q * r + EXP_TAIL[k];
    }
    let y = r + (r * r) * q;
    // 2ⁿ with −1076 ≤ n ≤ 1024 is not always a normal number, but the powers of its two halves are.
    let half = 0.5 * n + ROUND;
    let rest = (n - (half - ROUND)) + ROUND;
    (1.0 + y) * power_of_two(half) * power_of_two(rest)
}

/// 2ⁿ for the n in the low bits of 1.5 · 2⁵² + n; what a NaN gives is some number.
#[inline(always)]
fn power_of_two(shifted: f64) -> f64 {
    f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)
}

/// (e^r − 1 − r) / r² on |r| ≤ ½ ln 2; it adds at most 0.16 × 2⁻⁵³ to the relative error of e^r.
const EXP_TAIL: [f64; 10] = [
    0.500_000_000_000_000_1,
    0.166_666_666_666_666_74,
    0.041_666_666_666_624_12,
    0.008_333_333_333_322_208,
    0.001_388_888_891_721_538_4,
    1.984_126_988_658_627_7e-4,
    2.480_152_129_374_564_6e-5,
    2.755_724_234_223_733e-6,
    2.762_008_936_177_749_7e-7,
    2.511_004_774_646_671_4e-8,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Both signs, all magnitudes, the whole range of finite results densely, and where it ends.
    fn sweep() -> Vec<f64> {
        let wide = (0..=0x7ff_u64).flat_map(|e| {
            [
                e << 52,
                (e << 52) | 0x000a_bcde_f012_3456,
                (e << 52) | (1 << 63) | 77,
            ]
        });
        let dense = (0..200_000).map(|i| (f64::from(i) * 0.618_033_988_749_895).fract() * 1460.0 - 748.0);
        wide.map(f64::from_bits).chain(dense).collect()
    }

    #[test]
    fn fifty_digit_values_are_met_as_promised() {
        let mut n_checked = 0;
        for line in include_str!("../../tests/reference/exp.tsv").lines() {
            let numbers: Vec<f64> = line.split('\t').map(|x| x.parse().unwrap()).collect();
            let [x, high, low] = numbers[..] else {
                panic!("{line}")
            };
            let mut y = [x];
            exp_f64_in_place(&mut y);
            let error = ((y[0] - high) - low).abs();
            if high >= f64::MIN_POSITIVE {
                let units = error / high * 2.0_f64.powi(53);
                assert!(units <= 1.5, "exp({x}) = {:e}, error {units} × 2⁻⁵³", y[0]);
            } else {
                // Subnormal results are spaced by 2⁻¹⁰⁷⁴; the reference is rounded to that too.
                assert!(error <= f64::from_bits(1), "exp({x}) = {:e}", y[0]);
            }
            n_checked += 1;
        }
        assert!(n_checked > 2000);
    }

    #[test]
    fn the_standard_library_agrees_over_the_whole_range() {
        let x = sweep();
        let mut y = vec![0.0; x.len()];
        exp_f64(&x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let exact = x.exp();
            let ulp = exact.next_up() - exact;
            let agree = (y - exact).abs() <= 2.0 * ulp;
            assert!(
                y == exact || agree || (x.is_nan() && y.is_nan()),
                "exp({x}) = {y:e}, not {exact:e}"
            );
        }
    }

    #[test]
    fn all_levels_and_all_forms_give_the_same_bits() {
        let x = sweep();
        let bits = |y: &[f64]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        let one_by_one: Vec<f64> = x.iter().map(|&x| exp(x)).collect();
        for level in Executable::all() {
            for length in (0..100).chain([x.len()]) {
                let mut y = vec![-7.0; x.len()];
                exp_into(level, &x[..length], &mut y[..length]);
                assert_eq!(
                    bits(&y[..length]),
                    bits(&one_by_one[..length]),
                    "{level:?}, {length}"
                );
                assert!(y[length..].iter().all(|&y| y == -7.0));
            }
            let mut y = x.clone();
            exp_in_place(level, &mut y);
            assert_eq!(bits(&y), bits(&one_by_one), "in place at {level:?}");
        }
    }

    #[test]
    fn special_values_are_exact() {
        let (inf, tiny) = (f64::INFINITY, f64::from_bits(1));
        let mut y = [-inf, inf, 0.0, -0.0, tiny, -tiny, 1e300, -1e300, 709.79, -745.2];
        exp_f64_in_place(&mut y);
        assert_eq!(y, [0.0, inf, 1.0, 1.0, 1.0, 1.0, inf, 0.0, inf, 0.0]);
        let mut y = [-745.1, f64::NAN];
        exp_lanes(&mut y);
        assert_eq!(y[0], tiny);
        assert!(y[1].is_nan());
    }

    #[test]
    #[should_panic(expected = "3 elements for 2")]
    fn slices_of_different_lengths_are_refused() {
        exp_f64(&[0.0; 2], &mut [0.0; 3]);
    }
}
